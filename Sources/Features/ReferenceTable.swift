import EventModel
import Windowing

/// A reference table's rows in all the versions that an event may yet ask for.
///
///     key ──▶ newest version ──▶ older ──▶ ... ──▶ the one that holds at the earliest time still asked for
///
/// A version holds from its effective time until the next one's. When a row changes, what no event may ask for any more
/// is let go: all versions behind the newest one at or before the earliest acceptable time. A deletion is a version
/// too, so that an older change that comes after it cannot bring the row back.
public struct ReferenceTable: ~Copyable, @unchecked Sendable {
    /// What became of a change.
    public enum Outcome: Sendable {
        case taken
        /// The version of that time is the same already.
        case sameAgain
        /// At the earliest time still asked for, a newer version held already.
        case superseded
        /// Its text key is not, but has the hash of, another row's.
        case keyCollision
    }

    /// One change of a row.
    public struct Change: BitwiseCopyable {
        /// The key's words: a number, or a text's hash; 0 for a second word that is none.
        public var key: (Int64, Int64)
        public var effective: EventTime
        /// A hash of the row's declared columns.
        public var payload: UInt64
        public var isDeletion: Bool
        /// Of its record in the input.
        public var offset: Int64

        public init(
            key: (Int64, Int64), effective: EventTime, payload: UInt64, isDeletion: Bool, offset: Int64
        ) {
            self.key = key
            self.effective = effective
            self.payload = payload
            self.isDeletion = isDeletion
            self.offset = offset
        }
    }

    /// A version's words; its values follow.
    private enum Word {
        static let effective = 0
        /// The next older version's number plus one; 0: none. Of a free version: the next free one's.
        static let older = 1
        static let payload = 2
        static let offset = 3
        static let isDeletion = 4
        static let values = 5
    }

    /// A key's words: the key, and the number of its newest version.
    private static let keyWords = 3

    private let nameHash: UInt64
    private let hasTextKeys: Bool
    private let valueCount: Int
    private let versionWords: Int
    private var index = KeyIndex()
    private var keys: UnsafeMutablePointer<Int64>
    private var keyCapacity = 64
    private(set) var keyCount = 0
    /// By key, where a part of keys is text.
    private var texts: [String] = []
    private var versions: UnsafeMutablePointer<Int64>
    private var versionCapacity = 64
    /// Versions in use and free ones.
    private var versionEnd = 0
    /// As `Word.older`.
    private var firstFree: Int64 = 0
    public private(set) var versionCount = 0
    public private(set) var digest = StateDigest()

    /// - Parameters:
    ///   - valueCount: the words of a row that joins read.
    public init(name: String, hasTextKeys: Bool, valueCount: Int) {
        nameHash = stableHash(name)
        self.hasTextKeys = hasTextKeys
        self.valueCount = valueCount
        versionWords = Word.values + valueCount
        keys = .allocate(capacity: keyCapacity * Self.keyWords)
        versions = .allocate(capacity: versionCapacity * versionWords)
    }

    deinit {
        keys.deallocate()
        versions.deallocate()
    }

    public var byteCount: Int {
        index.byteCount + keyCapacity * Self.keyWords * 8 + versionCapacity * versionWords * 8
    }

    /// The values of the version that holds at `time`; nil where the row is not there.
    /// - Complexity: O(versions later than `time`).
    @inline(__always) func values(_ key: (Int64, Int64), asOf time: Int64) -> UnsafePointer<Int64>? {
        guard let place = find(key) else { return nil }
        var next = keys[place &* Self.keyWords &+ 2]
        while next != 0 {
            let version = self.version(next)
            if version[Word.effective] <= time {
                return version[Word.isDeletion] == 0 ? UnsafePointer(version + Word.values) : nil
            }
            next = version[Word.older]
        }
        return nil
    }

    /// The offset of the change whose version holds at `time`, and since when it does; nil where the row is not there.
    public func change(_ key: (Int64, Int64), asOf time: EventTime) -> (offset: Offset, since: EventTime)? {
        guard let values = values(key, asOf: time.milliseconds) else { return nil }
        let version = values - Word.values
        return (Offset(version[Word.offset]), EventTime(milliseconds: version[Word.effective]))
    }

    /// Brings the place of a key close.
    @inline(__always) func prefetch(_ key: (Int64, Int64)) { index.prefetch(Self.hash(key)) }

    // MARK: changes

    /// Takes a change.
    /// - Parameters:
    ///   - text: the key as text, where a part of keys is one.
    ///   - values: of the row, as many as joins read; not read for a deletion.
    ///   - earliest: no event asks for a time before it.
    public mutating func take(
        _ change: Change, text: String, values: UnsafePointer<Int64>, earliest: EventTime
    ) -> Outcome {
        let place: Int
        if let known = find(change.key) {
            if hasTextKeys, texts[known] != text { return .keyCollision }
            if isSuperseded(change.effective, known, earliest) { return .superseded }
            place = known
        } else {
            place = append(change.key, text)
        }
        // The newest version that is not later goes behind the change.
        var later: Int64 = 0
        var next = keys[place * Self.keyWords + 2]
        while next != 0, version(next)[Word.effective] > change.effective.milliseconds {
            later = next
            next = version(next)[Word.older]
        }
        if next != 0, version(next)[Word.effective] == change.effective.milliseconds {
            let old = version(next)
            let payload = Int64(bitPattern: change.payload)
            if old[Word.payload] == payload, (old[Word.isDeletion] != 0) == change.isDeletion { return .sameAgain }
            digest.remove(hash(old, of: place))
            fill(old, change, values)
            digest.insert(hash(old, of: place))
        } else {
            let number = allocateVersion()
            let new = version(number)
            fill(new, change, values)
            new[Word.older] = next
            if later == 0 {
                keys[place * Self.keyWords + 2] = number
            } else {
                version(later)[Word.older] = number
            }
            digest.insert(hash(new, of: place))
        }
        collapse(place, earliest)
        return .taken
    }

    /// Whether a version later than `effective` holds at `earliest`.
    private func isSuperseded(_ effective: EventTime, _ place: Int, _ earliest: EventTime) -> Bool {
        var next = keys[place * Self.keyWords + 2]
        while next != 0 {
            let time = version(next)[Word.effective]
            if time <= earliest.milliseconds { return time > effective.milliseconds }
            next = version(next)[Word.older]
        }
        return false
    }

    /// Lets versions go that no event asks for.
    private mutating func collapse(_ place: Int, _ earliest: EventTime) {
        var next = keys[place * Self.keyWords + 2]
        while next != 0, version(next)[Word.effective] > earliest.milliseconds { next = version(next)[Word.older] }
        guard next != 0 else { return }
        var gone = version(next)[Word.older]
        version(next)[Word.older] = 0
        while gone != 0 {
            let old = version(gone)
            let older = old[Word.older]
            digest.remove(hash(old, of: place))
            old[Word.older] = firstFree
            firstFree = gone
            versionCount -= 1
            gone = older
        }
    }

    private func fill(_ version: UnsafeMutablePointer<Int64>, _ change: Change, _ values: UnsafePointer<Int64>) {
        version[Word.effective] = change.effective.milliseconds
        version[Word.payload] = Int64(bitPattern: change.payload)
        version[Word.offset] = change.offset
        version[Word.isDeletion] = change.isDeletion ? 1 : 0
        for index in 0..<valueCount { version[Word.values + index] = change.isDeletion ? 0 : values[index] }
    }

    // MARK: memory

    /// The words of a version by its number plus one.
    @inline(__always) private func version(_ mark: Int64) -> UnsafeMutablePointer<Int64> {
        versions + Int(mark &- 1) &* versionWords
    }

    @inline(__always) private static func hash(_ key: (Int64, Int64)) -> Int64 {
        key.1 == 0 ? key.0 : Int64(bitPattern: mixed(UInt64(bitPattern: key.0), UInt64(bitPattern: key.1)))
    }

    @inline(__always) private func find(_ key: (Int64, Int64)) -> Int? {
        index.find(Self.hash(key)) { place in
            keys[place &* Self.keyWords] == key.0 && keys[place &* Self.keyWords &+ 1] == key.1
        }
    }

    private mutating func append(_ key: (Int64, Int64), _ text: String) -> Int {
        if keyCount == keyCapacity {
            keys = Self.grown(keys, words: keyCapacity * Self.keyWords)
            keyCapacity *= 2
        }
        let place = keyCount
        keys[place * Self.keyWords] = key.0
        keys[place * Self.keyWords + 1] = key.1
        keys[place * Self.keyWords + 2] = 0
        if hasTextKeys { texts.append(text) }
        index.insert(Self.hash(key), place)
        keyCount += 1
        return place
    }

    private mutating func allocateVersion() -> Int64 {
        versionCount += 1
        if firstFree != 0 {
            let mark = firstFree
            firstFree = version(mark)[Word.older]
            return mark
        }
        if versionEnd == versionCapacity {
            versions = Self.grown(versions, words: versionCapacity * versionWords)
            versionCapacity *= 2
        }
        versionEnd += 1
        return Int64(versionEnd)
    }

    private static func grown(
        _ old: UnsafeMutablePointer<Int64>, words: Int
    ) -> UnsafeMutablePointer<Int64> {
        let larger = UnsafeMutablePointer<Int64>.allocate(capacity: words * 2)
        larger.update(from: old, count: words)
        old.deallocate()
        return larger
    }

    private func hash(_ version: UnsafeMutablePointer<Int64>, of place: Int) -> UInt64 {
        let key = mixed(
            UInt64(bitPattern: keys[place * Self.keyWords]), UInt64(bitPattern: keys[place * Self.keyWords + 1]))
        let state = mixed(
            UInt64(bitPattern: version[Word.effective]),
            UInt64(bitPattern: version[Word.payload]) ^ UInt64(bitPattern: version[Word.isDeletion]))
        return mixed(nameHash ^ key, state)
    }

    // MARK: saved state

    public func encode(into writer: inout ByteWriter) {
        writer.encode(versionWords)
        writer.encode(keyCount)
        for place in 0..<keyCount {
            writer.encode(keys[place * Self.keyWords])
            writer.encode(keys[place * Self.keyWords + 1])
            if hasTextKeys { writer.encode(texts[place]) }
            var count = 0
            var next = keys[place * Self.keyWords + 2]
            while next != 0 {
                count += 1
                next = version(next)[Word.older]
            }
            writer.encode(count)
            next = keys[place * Self.keyWords + 2]
            while next != 0 {
                writer.encode(raw: UnsafeRawBufferPointer(start: version(next), count: versionWords * 8))
                next = version(next)[Word.older]
            }
        }
    }

    /// Takes up what `encode` wrote; the table must be new.
    public mutating func decode(from reader: inout ByteReader) throws(StateCodingError) {
        precondition(keyCount == 0, "a table that holds rows cannot take up saved ones")
        guard try reader.decodeInt() == versionWords else {
            throw StateCodingError("a table with other columns")
        }
        let count = try reader.decodeCount(size: 24)
        for _ in 0..<count {
            let key = (try reader.decodeInt64(), try reader.decodeInt64())
            let text = hasTextKeys ? try reader.decodeString() : ""
            guard find(key) == nil else { throw StateCodingError("a table has a key twice") }
            let place = append(key, text)
            var last: Int64 = 0
            for _ in 0..<(try reader.decodeCount(size: versionWords * 8)) {
                let number = allocateVersion()
                let new = version(number)
                UnsafeMutableRawBufferPointer(start: new, count: versionWords * 8)
                    .copyMemory(from: reader.readBytes(versionWords * 8))
                guard last == 0 || version(last)[Word.effective] > new[Word.effective] else {
                    throw StateCodingError("a row's versions are not in the order of their times")
                }
                new[Word.older] = 0
                if last == 0 {
                    keys[place * Self.keyWords + 2] = number
                } else {
                    version(last)[Word.older] = number
                }
                digest.insert(hash(new, of: place))
                last = number
            }
        }
    }
}
