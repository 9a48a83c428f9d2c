import EventModel
import Platform

/// The durable end of a topic as it is kept on disk: the file `durable-end` with two slots, written in turn, so that
/// one is whole at any moment.
///
///     number of the write 8 │ offset 8 │ CRC-32C of these 4        at 0 and at 32; the valid one written last counts
struct DurableEnd {
    private static let slotBytes = 32
    private static let usedBytes = 20

    var offset: Offset
    /// The number of the write, from 0.
    var number: Int64

    static func path(_ directory: String) -> String { directory + "/durable-end" }

    /// Where the next write goes.
    var position: Int { Int(number & 1) * Self.slotBytes }

    /// What is known to be synced; nil where nothing ever was written.
    static func read(_ directory: String, _ fileSystem: any FileSystem) throws(LogError) -> DurableEnd? {
        let path = path(directory)
        let bytes = try files { () throws(FileError) -> [UInt8]? in
            try fileSystem.exists(path) ? try fileSystem.read(path) : nil
        }
        guard let bytes else { return nil }
        let newest = bytes.withUnsafeBytes { bytes in
            [0, slotBytes].compactMap { slot(at: $0, of: bytes) }.max { $0.number < $1.number }
        }
        guard let newest else {
            throw .corrupt(segment: path, position: 0, offset: .zero, what: "the durable end is not readable")
        }
        return newest
    }

    private static func slot(at position: Int, of bytes: UnsafeRawBufferPointer) -> DurableEnd? {
        guard bytes.count >= position + usedBytes else { return nil }
        let slot = UnsafeRawBufferPointer(rebasing: bytes[position..<(position + usedBytes)])
        var reader = ByteReader(slot)
        let number = reader.readBigEndian(Int64.self)
        let offset = reader.readBigEndian(Int64.self)
        guard reader.readBigEndian(UInt32.self) == crc32c(UnsafeRawBufferPointer(rebasing: slot[..<16])),
            number >= 0, offset >= 0
        else { return nil }
        return DurableEnd(offset: Offset(offset), number: number)
    }

    func encode(into writer: inout ByteWriter) {
        writer.removeAll()
        writer.appendBigEndian(number)
        writer.appendBigEndian(offset.value)
        writer.appendBigEndian(crc32c(writer.bytes))
    }
}
