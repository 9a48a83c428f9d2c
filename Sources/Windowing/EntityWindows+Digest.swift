import EventModel

extension EntityWindows {
    /// The digest of all events held, of the labels in reach of windows over their arrival, and, where a window is
    /// without end, of all events that ever were.
    ///
    /// Events held are added up when it is asked for, which is once a checkpoint, so that no event pays for it.
    /// - Complexity: O(keys + events held)
    public var digest: StateDigest {
        var sum = digestBesideEvents.sum
        for number in 0..<headerCount {
            prefetchOldest(behind: number)
            let header = headers + number * headerWords
            guard isLive(header), let ring = ring(header) else { continue }
            let (slots, key) = (Slots(header), UInt64(bitPattern: header[Header.hash]))
            var position = header[Header.first]
            let head = header[Header.head]
            while position < head {
                sum &+= hash(ring + slots[position] &* eventWords, ofKey: key)
                position &+= 1
            }
        }
        return StateDigest(sum: sum)
    }

    /// The hash of an event with its key.
    func hash(_ header: UnsafeMutablePointer<Int64>, _ event: UnsafeMutablePointer<Int64>) -> UInt64 {
        hash(event, ofKey: UInt64(bitPattern: header[Header.hash]))
    }

    @inline(__always) private func hash(_ event: UnsafeMutablePointer<Int64>, ofKey key: UInt64) -> UInt64 {
        let words = plan.givenWords
        var hash = folded(
            UInt64(bitPattern: givenWord(event, 0)) ^ key, words > 1 ? UInt64(bitPattern: givenWord(event, 1)) : key)
        var word = 2
        while word < words {
            hash = folded(hash, UInt64(bitPattern: event[word]))
            word &+= 1
        }
        return hash
    }

    /// The hash of a label in reach of windows over the labels' arrival.
    func hash(_ header: UnsafeMutablePointer<Int64>, track: Int, _ word: Int64) -> UInt64 {
        folded(
            UInt64(bitPattern: header[Header.hash]) &+ tracks[track].filter &+ 1, mixed(UInt64(bitPattern: word)))
    }
}

/// The product of two words, folded: a hash of the pair for a digest.
@inline(__always) func folded(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = (a ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: b ^ 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
}
