import EventModel
import Platform

/// What opening a topic found.
public struct RecoveryReport: Hashable, Sendable {
    /// Bytes of an incomplete or damaged tail that was cut off; none of it had been acknowledged.
    public var bytesCut = 0
    /// Where the tail was cut.
    public var cutAt: Offset?
    /// What was wrong with it.
    public var reason: String?

    public init() {}
}

extension TopicWriter {
    /// Finds the end of the newest segment, cuts off a torn tail and makes what is left durable.
    func recover() throws(LogError) {
        let tail = try scan(cuttingAt: nil)
        guard endOffset >= durableEnd else {
            throw .corrupt(
                file: "\(directory)/\(active.name.log)", position: active.bytes, offset: endOffset,
                what: "the log ends here, but offsets up to \(durableEnd) had been made durable")
        }
        try rewrite(from: tail)
        try guarded { () throws(FileError) in
            try active.log.sync()
            try durable.store(endOffset)
        }
    }

    /// Walks over the newest segment's batches, writes its indexes anew, and cuts the file at `end` or, without one,
    /// where the first batch that is not whole begins. It cuts nothing below the durable end.
    /// - Returns: where the first byte stands that is not known to be durable.
    @discardableResult func scan(cuttingAt end: Offset?) throws(LogError) -> Int {
        let name = active.name
        let path = "\(directory)/\(name.log)"
        let segment = try guarded { () throws(FileError) in
            Segment(name: name, bytes: try fileSystem.size(of: path), seal: nil)
        }
        var source = try guarded { () throws(FileError) in try SegmentSource(segment, in: directory, fileSystem) }
        var tail = 0
        walk: while end.map({ endOffset < $0 }) ?? true {
            switch try guarded({ () throws(FileError) in try source.next() }) {
            case .batch(let batch):
                active.add(batch)
                producers.note(batch)
                if endOffset <= durableEnd { tail = active.bytes }
            case .end: break walk
            case .fault(let fault):
                if endOffset < durableEnd || end != nil {
                    throw .corrupt(file: path, position: active.bytes, offset: endOffset, what: fault.text)
                }
                recovery.bytesCut = segment.bytes - active.bytes
                recovery.cutAt = endOffset
                recovery.reason = fault.text
                break walk
            }
        }
        try guarded { () throws(FileError) in
            if segment.bytes > active.bytes { try active.log.truncate(to: active.bytes) }
            try active.writeIndexes()
        }
        return tail
    }

    /// Writes the bytes from `start` on anew: after a failed sync the system may hold them for clean though they never
    /// reached the disk, and then another sync would prove nothing.
    private func rewrite(from start: Int) throws(LogError) {
        var position = start
        while position < active.bytes {
            let count = min(1 << 20, active.bytes - position)
            try guarded { () throws(FileError) in
                let piece = try active.log.bytes(from: position, count: count)
                try active.log.write(piece, at: position)
            }
            position += count
        }
    }
}
