/// A stream of bytes that is read from its start to its end: a file, or standard input.
public final class InputStream {
    private let file: (any OpenFile)?
    private var position = 0
    /// The stream's size in bytes, nil where it is not known.
    public let size: Int?
    /// Whether a request to stop, not its end, ended the stream. What came last may then be half of a line.
    public private(set) var isInterrupted = false

    /// Standard input.
    public init() {
        file = nil
        size = nil
    }

    public init(path: String, fileSystem: any FileSystem) throws(FileError) {
        let file = try fileSystem.open(path, .reading)
        size = try file.size()
        self.file = file
    }

    /// Fills the start of `buffer` with what there is, waiting for at least one byte.
    /// - Returns: the number of bytes; 0 at the end, or when the process is asked to stop while it waits.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        guard let file else {
            switch try StandardStreams.read(into: buffer) {
            case .bytes(let count): return count
            case .end: return 0
            case .interrupted:
                isInterrupted = true
                return 0
            }
        }
        let count = try file.read(into: buffer, at: position)
        position += count
        return count
    }
}
