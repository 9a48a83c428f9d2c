import EventModel
import Platform

extension TopicWriter {
    /// Takes back all records from `end` on, or all that retention has left. It has to be the end of a batch; otherwise
    /// nothing is changed.
    ///
    /// A reader must not stand beyond `end` meanwhile, and has to refresh before the log has grown beyond its old end.
    public func truncate(to end: Offset) throws(LogError) {
        guard end < endOffset else { return }
        let housekeeping = try Housekeeping(directory, fileSystem, options)
        defer { housekeeping.end() }
        let layout = try TopicLayout(directory, fileSystem)
        let end = end >= .zero ? max(end, layout.start) : end
        guard end >= layout.start, let keep = layout.segment(holding: end) else {
            throw .outOfRange(end, available: layout.start..<max(layout.start, endOffset), directory: directory)
        }
        try checkBatchEnds(at: end, in: keep)
        do throws(LogError) { try cut(at: end, keeping: keep, of: layout) } catch {
            fail()
            throw error
        }
    }

    private func cut(at end: Offset, keeping keep: Segment, of layout: TopicLayout) throws(LogError) {
        if end < durableEnd { try guarded { () throws(FileError) in try durable.store(end) } }
        // The newest first, so that a crash in between leaves no hole.
        for later in layout.segments.reversed() where later.name > keep.name { try remove(later.name) }
        var name = keep.name
        if let seal = keep.seal {
            if seal.endOffset == end { name = SegmentName(end) } else { try shorten(keep, to: end) }
        }
        active.close()
        active = try guarded { () throws(FileError) in
            try ActiveSegment.open(name, in: directory, fileSystem, indexInterval: options.indexIntervalBytes)
        }
        let known = producers
        producers = try ProducerTable(asOf: name, in: layout, fileSystem)
        producers.add(known, below: name.base)
        if name.base > .zero { try guarded { () throws(FileError) in try storeProducers(for: name) } }
        try scan(cuttingAt: end)
        try guarded { () throws(FileError) in try active.log.sync() }
    }

    /// Where in its file the batches up to `end` end.
    @discardableResult private func checkBatchEnds(at end: Offset, in segment: Segment) throws(LogError) -> Int {
        var source = try guarded { () throws(FileError) in try SegmentSource(segment, in: directory, fileSystem) }
        while source.offset < end, try source.nextWhole() != nil {}
        if source.offset != end { throw .cutInsideBatch(end, directory: directory) }
        return source.position
    }

    /// Puts the beginning of a sealed segment in its place, no longer sealed. Readers may have mapped the old file, so
    /// that one is left as it is.
    private func shorten(_ segment: Segment, to end: Offset) throws(LogError) {
        let count = try checkBatchEnds(at: end, in: segment)
        let path = "\(directory)/\(segment.name.log)"
        try guarded { () throws(FileError) in
            let beginning = try fileSystem.open(path, .reading).bytes(from: 0, count: count)
            let copy = try fileSystem.open(path + ".tmp", .replacing)
            try copy.write(beginning, at: 0)
            try copy.sync()
            copy.close()
            try fileSystem.remove("\(directory)/\(segment.name.seal)")
            try fileSystem.syncDirectory(directory)
            try fileSystem.rename(path + ".tmp", to: path)
            try fileSystem.syncDirectory(directory)
        }
    }

    private func remove(_ segment: SegmentName) throws(LogError) {
        try guarded { () throws(FileError) in
            for file in [segment.log, segment.index, segment.timeIndex, segment.seal, segment.producers] {
                try fileSystem.removeIfThere("\(directory)/\(file)")
            }
            try fileSystem.syncDirectory(directory)
        }
    }
}
