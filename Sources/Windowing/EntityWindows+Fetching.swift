import CPrefetch

// What plans that are not plain touch besides (`EntityWindows.prefetch(events:)`).
extension EntityWindows {
    /// Brings the events close that the windows' extremes and first members have come to, and the newest one.
    @inline(__always) func prefetch(candidates number: Int) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return }
        let mask = header[Header.mask]
        for slot in candidateSlots { tidemark_prefetch(ring + Int(header[slot] & mask) &* eventWords) }
        if !extremes.isEmpty { tidemark_prefetch(ring + Int((header[Header.head] &- 1) & mask) &* eventWords) }
    }

    /// Brings close what a sweep will touch of the keys behind `number`: their headers, then their oldest events, those
    /// at their boundaries and their labels.
    @inline(__always) func fetchForSweep(_ number: Int, _ isSwept: (Int) -> Bool, _ shape: some EventShape) {
        let far = number &+ 48, middle = number &+ 32, near = number &+ 16, next = number &+ 8
        if far < headerCount { tidemark_prefetch(headers + far &* headerWords) }
        if middle < headerCount, isSwept(middle) { prefetch(header: middle, shape) }
        if near < headerCount, isSwept(near) {
            prefetch(oldest: near)
            prefetch(events: near, shape)
            if !shape.isPlain { prefetch(labels: near) }
        }
        if !tracks.isEmpty, next < headerCount, isSwept(next) {
            let header = headers + next &* headerWords
            for track in tracks { LabelTrack(header + track.word).prefetchFirst() }
        }
    }

    @inline(__always) private func prefetch(oldest number: Int) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return }
        tidemark_prefetch(ring + Int(header[Header.first] & header[Header.mask]) &* eventWords)
    }

    /// Brings close where the key's next labels go.
    @inline(__always) func prefetch(labels number: Int) {
        let header = headers + number &* headerWords
        for track in tracks { LabelTrack(header + track.word).prefetch() }
    }
}

extension LabelTrack {
    @inline(__always) func prefetch() {
        guard let directory, let free = UnsafeRawPointer(bitPattern: Int(header[Word.free])) else { return }
        tidemark_prefetch(directory)
        tidemark_prefetch(free)
    }

    /// Brings the first entry close.
    @inline(__always) func prefetchFirst() {
        guard let directory, let entries = block(0, directory).entries else { return }
        tidemark_prefetch(entries)
    }
}
