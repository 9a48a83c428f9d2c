/// A directory's names: those that are durable, and the changes since.
struct InMemoryDirectory {
    enum Entry: Hashable {
        case file(Int)
        case directory(Int)
    }

    enum Change {
        case setting(String, Entry)
        case removal(String)
        case renaming(String, String, Entry)

        func apply(to names: inout [String: Entry]) {
            switch self {
            case .setting(let name, let entry): names[name] = entry
            case .removal(let name): names[name] = nil
            case .renaming(let old, let new, let entry):
                names[old] = nil
                names[new] = entry
            }
        }

        var names: [String] {
            switch self {
            case .setting(let name, _), .removal(let name): [name]
            case .renaming(let old, let new, _): [old, new]
            }
        }
    }

    private(set) var names: [String: Entry] = [:]
    private(set) var durable: [String: Entry] = [:]
    private var unsynced: [Change] = []

    init(durable: [String: Entry] = [:]) {
        names = durable
        self.durable = durable
    }

    mutating func change(_ change: Change) {
        unsynced.append(change)
        change.apply(to: &names)
    }

    mutating func sync() {
        durable = names
        unsynced = []
    }

    /// What a crash leaves: some of the changes, none without the earlier ones of the same names.
    func crashed(_ random: inout RandomStream) -> [String: Entry] {
        let survival = Survival(&random)
        var left = durable
        var lost: Set<String> = []
        for change in unsynced {
            let survives = survival.next(&random)
            if survives && lost.isDisjoint(with: change.names) {
                change.apply(to: &left)
            } else {
                lost.formUnion(change.names)
            }
        }
        return left
    }
}
