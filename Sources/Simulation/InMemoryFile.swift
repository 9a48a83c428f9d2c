/// A file's bytes: as the device has them, as reads see them, and the changes on their way from one to the other.
///
/// The device writes sectors of 512 bytes, in any order, each of them as it was at some moment since the last sync; the
/// file's size goes its own way. A sector that a crash meets half written has new bytes in front and old ones behind.
struct InMemoryFile {
    /// New bytes within one sector.
    private struct Piece {
        var start: Int
        var bytes: ArraySlice<UInt8>

        func write(to target: inout [UInt8]) {
            let end = start + bytes.count
            target.resize(to: max(end, target.count))
            target.replaceSubrange(start..<end, with: bytes)
        }
    }

    private static let sectorBytes = 512

    /// What reads see.
    private(set) var contents: [UInt8]
    /// Goes up with each change.
    private(set) var changeCount = 0
    /// May go on behind `deviceSize`, or end before it, where zeros stand.
    private var device: [UInt8]
    private var deviceSize: Int
    /// By the number of the sector, oldest first.
    private var unsyncedPieces: [Int: [Piece]] = [:]
    private var unsyncedSizes: [Int] = []

    init(durable: [UInt8] = []) {
        contents = durable
        device = durable
        deviceSize = durable.count
    }

    /// What is on the device for certain.
    var durable: [UInt8] {
        var bytes = device
        bytes.resize(to: deviceSize)
        return bytes
    }

    mutating func write(_ bytes: some Collection<UInt8>, at position: Int) {
        if bytes.isEmpty { return }
        let bytes = Array(bytes)
        let end = position + bytes.count
        resize(to: max(end, contents.count))
        contents.replaceSubrange(position..<end, with: bytes)
        enqueue(bytes, at: position)
        changeCount += 1
    }

    /// Cuts the file or grows it by zeros.
    mutating func truncate(to size: Int) {
        // A sector that is cut has zeros behind the end; until it is written, the device has its old bytes there.
        if size < contents.count { enqueue([UInt8](repeating: 0, count: contents.count - size), at: size) }
        resize(to: size)
        changeCount += 1
    }

    mutating func sync() {
        for pieces in unsyncedPieces.values { for piece in pieces { piece.write(to: &device) } }
        unsyncedPieces = [:]
        syncSize()
    }

    /// A sync that fails: each changed sector was written, or is still to be written, or is lost. The lost ones count as
    /// clean: reads go on seeing them, but only bytes that are written anew ever reach the device.
    mutating func failSync(_ random: inout RandomStream) {
        for sector in unsyncedPieces.keys.sorted() {
            let outcome = random.below(3)
            if outcome == 0 { continue }
            let pieces = unsyncedPieces.removeValue(forKey: sector) ?? []
            if outcome == 1 { for piece in pieces { piece.write(to: &device) } }
        }
        if random.below(2) == 0 { syncSize() }
    }

    /// What a crash leaves, some of the changes.
    func crashed(_ random: inout RandomStream) -> [UInt8] {
        if unsyncedPieces.isEmpty && unsyncedSizes.isEmpty { return durable }
        let survival = Survival(&random)
        var left = device
        for (sector, pieces) in unsyncedPieces.sorted(by: { $0.key < $1.key }) {
            let arrived = pieces.prefix(survival.count(of: pieces.count, &random))
            for piece in arrived { piece.write(to: &left) }
            if let last = arrived.last, random.below(16) == 0 {
                let torn = last.start + random.below(last.bytes.count)
                let end = min((sector + 1) * Self.sectorBytes, left.count)
                for position in torn..<end { left[position] = position < device.count ? device[position] : 0 }
            }
        }
        left.resize(to: unsyncedSizes.prefix(survival.count(of: unsyncedSizes.count, &random)).last ?? deviceSize)
        return left
    }

    /// Puts other bytes in the place of the file's, on the device too.
    mutating func overwrite(with bytes: [UInt8]) {
        let changes = changeCount
        self = InMemoryFile(durable: bytes)
        changeCount = changes + 1
    }

    /// Flips a bit of what is on the device and of what reads see.
    mutating func flip(bit: Int) {
        let mask = UInt8(1) << (bit & 7)
        contents[bit >> 3] ^= mask
        if bit >> 3 < device.count { device[bit >> 3] ^= mask }
        changeCount += 1
    }

    private mutating func resize(to size: Int) {
        if size == contents.count { return }
        contents.resize(to: size)
        unsyncedSizes.append(size)
    }

    private mutating func syncSize() {
        deviceSize = contents.count
        unsyncedSizes = []
    }

    private mutating func enqueue(_ bytes: [UInt8], at position: Int) {
        var start = position
        let end = position + bytes.count
        while start < end {
            let sector = start / Self.sectorBytes
            let next = min((sector + 1) * Self.sectorBytes, end)
            let piece = Piece(start: start, bytes: bytes[start - position..<next - position])
            unsyncedPieces[sector, default: []].append(piece)
            start = next
        }
    }
}

extension [UInt8] {
    /// Cuts the bytes, or appends zeros.
    fileprivate mutating func resize(to size: Int) {
        if size < count { removeLast(count - size) } else { self += [UInt8](repeating: 0, count: size - count) }
    }
}

/// How much of what was not synced survives a crash: now nearly all of it, now nearly nothing.
struct Survival {
    private let eighths: Int

    init(_ random: inout RandomStream) { eighths = [0, 1, 4, 7, 8][random.below(5)] }

    /// Whether a change survives.
    func next(_ random: inout RandomStream) -> Bool { random.below(8) < eighths }

    /// How many of the `total` changes of one thing survive: all of them, or those up to some moment before.
    func count(of total: Int, _ random: inout RandomStream) -> Int {
        total == 0 || next(&random) ? total : random.below(total)
    }
}
