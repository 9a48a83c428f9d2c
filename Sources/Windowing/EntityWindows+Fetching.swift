import CPrefetch

// What plans that are not plain touch besides (`EntityWindows.prefetch(events:)`).
extension EntityWindows {
    /// Brings the events close that the windows' extremes and first members have come to.
    @inline(__always) func prefetch(candidates number: Int) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return }
        let mask = header[Header.mask]
        for slot in candidateSlots { tidemark_prefetch(ring + Int(header[slot] & mask) &* eventWords) }
    }

    /// Brings close what a sweep looks at first of a key.
    @inline(__always) func prefetch(oldest number: Int) {
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
}
