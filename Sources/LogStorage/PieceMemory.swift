import Platform

/// The memory of the pieces of a file that are read one after the other: what nobody looks at any more is filled again,
/// which spares the system from giving and clearing new pages.
final class PieceMemory {
    /// More are held by somebody at the same time only where many blocks are on their way.
    private static let mostPieces = 8
    private static let unit = 1 << 16

    private var pieces: [MappedBytes] = []

    /// Up to `count` bytes of a file.
    func bytes(of file: any OpenFile, from position: Int, count: Int) throws(FileError) -> MappedBytes {
        func read(into memory: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<count]), at: position)
        }
        for index in pieces.indices where pieces[index].capacity >= count {
            guard isKnownUniquelyReferenced(&pieces[index]) else { continue }
            try pieces[index].refill(fill: read)
            return pieces[index]
        }
        let piece = try MappedBytes(capacity: (count + Self.unit - 1) / Self.unit * Self.unit, fill: read)
        if pieces.count == Self.mostPieces { pieces.removeFirst() }
        pieces.append(piece)
        return piece
    }
}
