/// The command line of `log-producers`.
struct ProducerOptions: Sendable {
    static let usage = """
        usage: log-producers DIR [--producers N] [--seed N] [--segment-bytes N]
                             [--acknowledge-early | --forget-positions]

        """

    var directory = ""
    var producers = 4
    /// Decides when a batch is sent again.
    var seed: UInt64 = 1
    var segmentBytes = 64 << 10
    /// Planted: a batch is acknowledged when the one before it has been written.
    var acknowledgesEarly = false
    /// Planted: batches do not say whose they are, so that one sent again is stored again.
    var forgetsPositions = false

    /// - Returns: nil when the arguments are none of its own.
    init?(_ arguments: some Sequence<String>) {
        var rest = arguments.makeIterator()
        while let argument = rest.next() {
            switch argument {
            case "--acknowledge-early": acknowledgesEarly = true
            case "--forget-positions": forgetsPositions = true
            case "--producers", "--seed", "--segment-bytes":
                guard let number = rest.next().flatMap({ Int($0) }), number > 0 else { return nil }
                switch argument {
                case "--producers": producers = number
                case "--seed": seed = UInt64(number)
                default: segmentBytes = number
                }
            default:
                guard directory.isEmpty, !argument.hasPrefix("-") else { return nil }
                directory = argument
            }
        }
        guard !directory.isEmpty, segmentBytes < 1 << 32, !acknowledgesEarly || producers == 1 else { return nil }
    }
}
