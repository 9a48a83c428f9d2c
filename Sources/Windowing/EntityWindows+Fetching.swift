import CMemory
import EventModel

// What plans that are not plain touch besides (`EntityWindows.prefetch(events:)`).
extension EntityWindows {
    /// Brings close what a sweep will touch of the keys behind the one at hand: their headers, then their oldest events,
    /// those at the boundaries that are to move, and their labels.
    /// - Parameter left: how many keys there are from that one on.
    @inline(__always) func fetch(
        for sweep: Sweep, _ swept: UnsafePointer<Int32>, left: Int, _ shape: some EventShape
    ) {
        let far = 20, near = 12, next = 4
        if far < left { prefetch(header: Int(swept[far]), shape) }
        if near < left {
            let number = Int(swept[near])
            prefetch(oldest: number)
            let header = headers + number &* headerWords
            if header[Header.time] < sweep.earliest.milliseconds { prefetch(events: number, shape) }
            // It goes if it has no other events than old ones. Earlier sweeps may have moved its time up.
            let hasFewEvents = header[Header.head] &- header[Header.first] <= 2
            if hasFewEvents || header[Header.time] <= sweep.goneSince { keys.prefetch(indexKey(header)) }
            for track in tracks where sweep.drops(track, of: header) {
                self.track(track, header).prefetchDirectory(upTo: sweep.limit)
            }
        }
        if next < left, !tracks.isEmpty {
            let header = headers + Int(swept[next]) &* headerWords
            for track in tracks where sweep.drops(track, of: header) {
                self.track(track, header).prefetchFirst(upTo: sweep.limit)
            }
        }
    }

    /// Brings close what the key behind some more will need, where one goes through all of them and their events.
    @inline(__always) func prefetchOldest(behind number: Int) {
        let ahead = 16
        if number &+ ahead < headerCount { prefetch(oldest: number &+ ahead) }
    }

    @inline(__always) private func prefetch(oldest number: Int) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return }
        tidemark_prefetch(ring + Int(header[Header.first] & header[Header.mask]) &* eventWords)
    }

    /// Brings close the events that a new one will be compared with after the newest.
    @inline(__always) func prefetch(linked number: Int) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return }
        let (newest, mask) = (header[Header.head] &- 1, header[Header.mask])
        for index in 0..<extremes.count {
            let (word, value) = (extremes[index].word, extremes[index].value)
            let back: Int64 = ring[Int(newest & mask) &* eventWords &+ word] >> 32
            let slot = Int((newest &- back) & mask)
            tidemark_prefetch(ring + (slot &* eventWords &+ value))
        }
    }

    /// Brings close where the key's next labels go.
    @inline(__always) func prefetch(labels number: Int) {
        let header = headers + number &* headerWords
        for index in 0..<tracks.count { track(tracks[index], header).prefetch() }
    }
}

extension LabelTrack {
    /// Brings close where the next label goes.
    @inline(__always) func prefetch() {
        if let free = UnsafeRawPointer(bitPattern: Int(header[Word.free])) { tidemark_prefetch(free) }
        if header[Word.room] == 0, let directory { tidemark_prefetch(directory) }
    }

    /// Brings the directory close, where labels up to a word are to be dropped.
    @inline(__always) func prefetchDirectory(upTo limit: Int64) {
        if header[Word.first] <= limit, let directory { tidemark_prefetch(directory) }
    }

    /// Brings the first entry close, where labels up to a word are to be dropped.
    @inline(__always) func prefetchFirst(upTo limit: Int64) {
        guard header[Word.first] <= limit, let directory, let entries = block(0, directory).entries else { return }
        tidemark_prefetch(entries)
    }
}
