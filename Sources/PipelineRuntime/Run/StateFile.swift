import EventModel
import LogStorage
import Platform

/// A checkpoint's state on its way into its file: written piece by piece while it is encoded, so that memory never holds
/// all of it, and taken up under its own name once it is durable.
final class StateFile {
    private static let pieceBytes = 1 << 20

    /// The file's name within its directory.
    let name: String
    private let path: String
    private let fileSystem: any FileSystem
    private var file: (any OpenFile)?
    private(set) var byteCount = 0
    /// CRC-32C of all bytes so far.
    private(set) var checksum: UInt32 = 0
    private var failure: FileError?

    init(_ name: String, in directory: String, _ fileSystem: any FileSystem) {
        self.name = name
        path = "\(directory)/\(name)"
        self.fileSystem = fileSystem
    }

    private var temporary: String { path + ".tmp" }

    /// A writer of the state; what it still holds at the end goes to `finish`.
    func makeWriter() -> ByteWriter { ByteWriter(capacity: Self.pieceBytes) { self.append($0) } }

    /// Where something goes wrong, `finish` says so.
    private func append(_ piece: UnsafeRawBufferPointer) {
        guard failure == nil else { return }
        do throws(FileError) {
            if file == nil { file = try fileSystem.open(temporary, .replacing) }
            guard let file else { return }
            try file.write(piece, at: byteCount)
            if piece.count >= Self.pieceBytes / 2 { file.startWritingBack(byteCount..<byteCount + piece.count) }
            byteCount += piece.count
            checksum = crc32c(piece, from: checksum)
        } catch { failure = error }
    }

    /// Writes the last piece, makes the file durable and gives it its name.
    func finish(_ last: UnsafeRawBufferPointer) throws(FileError) {
        append(last)
        if let failure { throw failure }
        guard let file else { return }
        try file.sync()
        file.close()
        try fileSystem.rename(temporary, to: path)
        try fileSystem.syncDirectory(parentDirectory(of: path))
    }
}
