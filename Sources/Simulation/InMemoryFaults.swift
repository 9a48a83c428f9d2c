import Platform

/// Which calls of an in-memory file system fail, and with what.
struct InMemoryFaults {
    typealias Operation = InMemoryFileSystem.Operation

    struct Target {
        var operation: Operation
        var pathSuffix: String
        var skipped: Int
        var times: Int
        var code: FileError.Code
    }

    struct Chance {
        var perTenThousand: Int
        var codes: [FileError.Code]
        var operations: Set<Operation>
    }

    /// Decides what is left to chance, together with the number of the call.
    var seed: UInt64 = 0
    var calls = 0..<0
    var callCode = FileError.Code.inputOutput
    /// The call that the process's life ends with.
    var lastCall = Int.max
    var targets: [Target] = []
    var chance = Chance(perTenThousand: 0, codes: [], operations: [])

    func stream(ofCall call: Int) -> RandomStream {
        RandomStream(seed: seed, purpose: 0x6661_756c_74, index: UInt64(call))
    }

    /// What the call ends with, nil when it goes well.
    /// - Parameter takesSpace: whether it can find the disk full.
    mutating func code(
        for operation: Operation, at path: String, call: Int, takesSpace: Bool
    ) -> FileError.Code? {
        if call >= lastCall { return .inputOutput }
        if calls.contains(call), callCode != .noSpace || takesSpace { return callCode }
        for number in targets.indices
        where targets[number].operation == operation && path.hasSuffix(targets[number].pathSuffix) {
            if targets[number].code == .noSpace && !takesSpace { continue }
            if targets[number].skipped > 0 {
                targets[number].skipped -= 1
            } else if targets[number].times > 0 {
                targets[number].times -= 1
                return targets[number].code
            }
        }
        guard chance.perTenThousand > 0, chance.operations.contains(operation) else { return nil }
        var random = stream(ofCall: call)
        guard random.below(10_000) < chance.perTenThousand else { return nil }
        let codes = takesSpace ? chance.codes : chance.codes.filter { $0 != .noSpace }
        return codes.isEmpty ? nil : codes[random.below(codes.count)]
    }
}

extension InMemoryFileSystem {
    /// A kind of call; the text stands in the error.
    public enum Operation: String, Hashable, Sendable, CaseIterable {
        case open, read, write, truncate, sync, stat, list, remove, rename, lock, watch
        case makeDirectory = "make directory"
        case syncDirectory = "sync directory"
    }

    /// From now on the calls with these numbers (0: the first call ever) fail with `code`.
    ///
    /// This holds for all ways to fail: a write that fails leaves any first part of its bytes; a sync that fails may
    /// lose any part of what it was to make durable, see `OpenFile.sync()`; all else that fails has done nothing. Only
    /// calls that take space fail with `.noSpace`: writes, renames, growing a file and making one or a directory.
    public func fail(calls: Range<Int>, with code: FileError.Code = .inputOutput) {
        state.withLock {
            $0.faults.calls = calls
            $0.faults.callCode = code
        }
    }

    /// From now on calls of one kind fail, `times` of them, on files whose path ends in `pathSuffix`, once `skipped` of
    /// them have gone well.
    public func fail(
        _ operation: Operation, pathSuffix: String = "", after skipped: Int = 0, times: Int = 1,
        with code: FileError.Code = .inputOutput
    ) {
        let target = InMemoryFaults.Target(
            operation: operation, pathSuffix: pathSuffix, skipped: skipped, times: times, code: code)
        state.withLock { $0.faults.targets.append(target) }
    }

    /// From now on each call of some kinds fails with a probability, with one of the codes at random. 0 ends it.
    public func failRandomly(
        seed: UInt64, perTenThousand probability: Int, codes: [FileError.Code] = [.inputOutput, .noSpace],
        operations: Set<Operation> = [.open, .read, .write, .sync, .rename]
    ) {
        state.withLock {
            $0.faults.seed = seed
            $0.faults.chance = InMemoryFaults.Chance(
                perTenThousand: probability, codes: codes, operations: operations)
        }
    }

    /// The process dies in the call with this number: a write leaves any first part of its bytes, and nothing that is
    /// called later does anything. All these calls fail.
    public func halt(atCall number: Int) { state.withLock { $0.faults.lastCall = number } }

    /// Ends all failures.
    public func stopFailing() {
        state.withLock { disk in
            disk.faults = InMemoryFaults(seed: disk.faults.seed)
        }
    }
}
