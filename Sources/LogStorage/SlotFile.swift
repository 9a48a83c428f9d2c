import EventModel
import Platform

/// An offset kept on disk: a file with two slots, written in turn, so that one is whole at any moment.
///
///     number of the write 8 │ offset 8 │ CRC-32C of these 4        at 0 and at 4,096; the valid one written last counts
///
/// The slots lie in two pages, so that a torn write of one leaves the other alone. One thread at a time changes it.
final class SlotFile: @unchecked Sendable {
    private static let slotDistance = 4_096
    private static let usedBytes = 20

    /// What a slot says.
    struct Slot: Equatable {
        /// The number of the write, from 0.
        var number: Int64
        var offset: Offset

        var position: Int { Int(number & 1) * SlotFile.slotDistance }
    }

    let path: String
    private let file: any OpenFile
    private(set) var slot: Slot

    /// Opens the file, or makes it, with `first` as its offset. What it says then is durable: a slot that was found may
    /// have been seen by nobody but the memory of the system.
    init(_ path: String, first: Offset, _ fileSystem: any FileSystem) throws(LogError) {
        self.path = path
        if let found = try Self.read(path, fileSystem) {
            slot = found
        } else {
            slot = Slot(number: 0, offset: first)
            try Self.reset(path, to: first, fileSystem)
        }
        file = try files { () throws(FileError) in try fileSystem.open(path, .writing) }
        try files { () throws(FileError) in try write(slot) }
    }

    /// Writes the whole file anew, in one step.
    static func reset(_ path: String, to offset: Offset, _ fileSystem: any FileSystem) throws(LogError) {
        try files { () throws(FileError) in
            try fileSystem.replace(path, with: encoded(Slot(number: 0, offset: offset)))
        }
    }

    var offset: Offset { slot.offset }

    /// Makes another offset durable.
    func store(_ offset: Offset) throws(FileError) {
        let next = next(offset)
        try write(next)
        slot = next
    }

    /// What is to be written next. `write` makes it durable, by any thread; then it is to be adopted.
    func next(_ offset: Offset) -> Slot { Slot(number: slot.number + 1, offset: offset) }

    func write(_ slot: Slot) throws(FileError) {
        try file.write(Self.encoded(slot), at: slot.position)
        try file.sync()
    }

    func adopt(_ slot: Slot) { self.slot = slot }

    func close() { file.close() }

    /// What the file says, nil where there is none.
    static func read(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> Slot? {
        guard let bytes = try contents(path, fileSystem) else { return nil }
        guard let newest = slots(of: bytes).compactMap({ $0 }).max(by: { $0.number < $1.number }) else {
            throw .corrupt(file: path, position: 0, offset: .zero, what: "neither of the two slots is readable")
        }
        return newest
    }

    /// What is wrong with the file though it can be read: one slot of two is damaged, by an interrupted write or later.
    static func fault(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> (position: Int, what: String)? {
        guard let bytes = try contents(path, fileSystem) else { return nil }
        for (index, slot) in slots(of: bytes).enumerated() where slot == nil {
            let position = index * slotDistance
            if bytes.dropFirst(position).prefix(usedBytes).contains(where: { $0 != 0 }) {
                return (position, "one of the two slots is damaged; the next write replaces it")
            }
        }
        for (position, byte) in bytes.enumerated() where byte != 0 && position % slotDistance >= usedBytes {
            return (position, "a byte between the slots is not zero")
        }
        return bytes.count > slotDistance + usedBytes ? (slotDistance + usedBytes, "bytes behind the slots") : nil
    }

    private static func contents(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> [UInt8]? {
        try files { () throws(FileError) in try fileSystem.exists(path) ? try fileSystem.read(path) : nil }
    }

    private static func slots(of bytes: [UInt8]) -> [Slot?] {
        bytes.withUnsafeBytes { bytes in [0, slotDistance].map { slot(at: $0, of: bytes) } }
    }

    private static func slot(at position: Int, of bytes: UnsafeRawBufferPointer) -> Slot? {
        guard bytes.count >= position + usedBytes else { return nil }
        let used = UnsafeRawBufferPointer(rebasing: bytes[position..<(position + usedBytes)])
        var reader = ByteReader(used)
        let slot = Slot(number: reader.readBigEndian(), offset: Offset(reader.readBigEndian()))
        let isWhole = reader.readBigEndian(UInt32.self) == crc32c(UnsafeRawBufferPointer(rebasing: used[..<16]))
        return isWhole && slot.number >= 0 && slot.offset >= .zero && slot.position == position ? slot : nil
    }

    private static func encoded(_ slot: Slot) -> MappedBytes {
        var writer = ByteWriter(capacity: usedBytes)
        writer.appendBigEndian(slot.number)
        writer.appendBigEndian(slot.offset.value)
        writer.appendBigEndian(crc32c(writer.bytes))
        return MappedBytes(copying: writer.bytes)
    }
}
