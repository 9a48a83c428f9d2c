import EventModel
import Platform

/// The bytes of one segment as a reader goes through them: a sealed one is mapped as a whole; one that is still written
/// is read piece by piece, since its file may yet be shortened.
struct SegmentSource {
    /// Small batches are read so many bytes at once; a larger one alone, with the head of the next, so that it stays in the
    /// processor's cache until it is decoded and none is read twice.
    private static let pieceBytes = 1 << 18

    let segment: Segment
    private let path: String
    /// nil: the segment is mapped.
    private let file: (any OpenFile)?
    private var window: MappedBytes
    private let memory = PieceMemory()
    /// Where the window begins in the file.
    private var windowStart = 0
    /// Bytes of the file when it was last looked at.
    private var fileBytes = 0
    private var readBehind = ReadBehind()
    /// The next batch's place in the file and its offset.
    private(set) var position = 0
    private(set) var offset: Offset

    /// - Throws: `.noSuchFile` where the segment is gone.
    init(_ segment: Segment, in directory: String, _ fileSystem: any FileSystem) throws(FileError) {
        self.segment = segment
        path = "\(directory)/\(segment.name.log)"
        offset = segment.base
        if segment.seal != nil {
            window = try fileSystem.map(path)
            fileBytes = window.bytes.count
            file = nil
        } else {
            window = MappedBytes(copying: UnsafeRawBufferPointer(start: nil, count: 0))
            file = try fileSystem.open(path, .reading)
        }
    }

    /// Whether the file is the one that the seal speaks of.
    var isAsListed: Bool { segment.seal.map { $0.logBytes == window.bytes.count } ?? true }

    /// What stands at the next batch's place.
    enum Found {
        case batch(RecordBatchView)
        /// There are no more bytes.
        case end
        case fault(BatchFault)
    }

    /// The next batch; the source moves behind it.
    mutating func next() throws(FileError) -> Found {
        var hasLookedAgain = false
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: window.bytes[(position - windowStart)...])
            switch RecordBatchView.at(
                start: rest, of: window, position: position, segment: path, expecting: offset)
            {
            case .success(let batch):
                position += batch.bytes.count
                offset = batch.endOffset
                if file == nil { readBehind.advance(to: position, of: window) }
                return .batch(batch)
            case .failure(.incomplete(let needed)):
                if try fill(atLeast: needed, have: rest.count) { continue }
                return position >= fileBytes ? .end : .fault(.incomplete(needed: needed))
            case .failure(let fault):
                // What was read may have been half of a write: look at it once more.
                if hasLookedAgain { return .fault(fault) }
                hasLookedAgain = true
                if try !fill(atLeast: rest.count, have: 0) { return .fault(fault) }
            }
        }
    }

    /// The next batch of a segment that has to be whole; nil at its end.
    mutating func nextWhole() throws(LogError) -> RecordBatchView? {
        let found: Found
        do throws(FileError) { found = try next() } catch { throw .file(error) }
        switch found {
        case .batch(let batch): return batch
        case .end: return nil
        case .fault(let fault):
            throw .corrupt(file: path, position: position, offset: offset, what: fault.text)
        }
    }

    /// Goes to a batch that an index names, if it really is there.
    mutating func seek(to place: (offset: Offset, position: Int)) throws(FileError) {
        let before = self
        guard place.position > 0, place.position < segment.bytes else { return }
        (offset, position) = place
        if file == nil && position > window.bytes.count {
            self = before
            return
        }
        forget()
        if case .batch = try next() { (offset, position) = place } else { self = before }
    }

    /// Whether there is nothing at the next batch's place, as far as is known.
    var isAtEnd: Bool { position >= fileBytes }

    /// Lets go what was read ahead of a segment that is still written.
    private mutating func forget() {
        guard file != nil else { return }
        window = MappedBytes(copying: UnsafeRawBufferPointer(start: nil, count: 0))
        windowStart = position
    }

    /// Goes to a place where a batch is known to stand.
    mutating func jump(to position: Int, offset: Offset) {
        self.position = position
        self.offset = offset
        forget()
    }

    /// All bytes of the file.
    func wholeFile() throws(LogError) -> MappedBytes {
        guard let file else { return window }
        return try files { () throws(FileError) in try file.bytes(from: 0, count: try file.size()) }
    }

    /// Reads the file anew from the next batch on.
    /// - Returns: whether there are at least that many bytes, and more than before.
    private mutating func fill(atLeast needed: Int, have: Int) throws(FileError) -> Bool {
        guard let file else { return false }
        fileBytes = try file.size()
        let size = fileBytes - position
        guard size >= needed, size > have else { return false }
        let count = min(max(needed + BatchLayout.records, Self.pieceBytes), size)
        let piece = try memory.bytes(of: file, from: position, count: count)
        guard piece.bytes.count >= needed, piece.bytes.count > have else { return false }
        window = piece
        windowStart = position
        return true
    }
}
