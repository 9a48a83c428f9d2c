import EventModel
import Platform

extension TopicWriter {
    /// Takes back all records from `end` on. It has to be the end of a batch; otherwise nothing is changed.
    ///
    /// A reader must not stand beyond `end` meanwhile.
    public func truncate(to end: Offset) throws(LogError) {
        guard end < endOffset else { return }
        let segments = try SegmentName.all(in: directory, fileSystem)
        guard let keep = segments.last(where: { $0.base <= end }) else {
            let start = segments.first?.base ?? .zero
            throw .outOfRange(end, available: start..<max(start, endOffset), directory: directory)
        }
        try checkBatchEnds(at: end, in: keep)
        if end < durableEnd { try persistDurableEnd(end) }
        // The newest first, so that a crash in between leaves no hole.
        for later in segments.reversed() where later > keep { try remove(later) }
        if keep != segment { try open(keep) }
        try scan(cuttingAt: end)
    }

    private func checkBatchEnds(at end: Offset, in segment: SegmentName) throws(LogError) {
        let bytes = try guarded { () throws(FileError) in try fileSystem.map("\(directory)/\(segment.log)") }
        var position = 0
        var offset = segment.base
        while offset < end {
            switch RecordBatchView.at(position, of: bytes, expecting: offset) {
            case .success(let batch):
                position += batch.byteCount
                offset = batch.endOffset
            case .failure(let fault):
                throw .corrupt(segment: segment.log, position: position, offset: offset, what: fault.text)
            }
        }
        if offset > end { throw .cutInsideBatch(end, directory: directory) }
    }

    private func remove(_ segment: SegmentName) throws(LogError) {
        try guarded { () throws(FileError) in
            for file in [segment.log, segment.index, segment.timeIndex, segment.sum]
            where try fileSystem.exists("\(directory)/\(file)") {
                try fileSystem.remove("\(directory)/\(file)")
            }
            try fileSystem.syncDirectory(directory)
        }
    }
}
