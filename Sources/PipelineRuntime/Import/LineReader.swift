/// A line of input without its end. It is valid until its reader is called again.
public struct InputLine {
    public var bytes: UnsafeRawBufferPointer
    /// 1 is the input's first.
    public var number: Int
    /// Bytes of input before the line.
    public var byteOffset: Int
    /// Whether a line feed ended it; the last line of an input may be cut short where it has none.
    public var isTerminated: Bool

    public init(_ bytes: UnsafeRawBufferPointer, number: Int, byteOffset: Int = 0, isTerminated: Bool = true) {
        self.bytes = bytes
        self.number = number
        self.byteOffset = byteOffset
        self.isTerminated = isTerminated
    }
}

/// Reads the lines (LF or CRLF) of an input that comes in chunks of bytes of any size; used as `CSVRowReader` is.
///
/// Empty lines are passed over and counted; a line longer than the limit is skipped to its end and reported.
public struct LineReader: ~Copyable {
    private var buffer = ChunkBuffer(capacity: 1 << 17)
    /// The longest line that is read, in bytes without its line feed.
    public let maximumLength: Int
    /// The number of the next line.
    public private(set) var line = 1
    /// Empty lines passed over so far.
    public private(set) var emptyLines = 0
    private var isFinished = false
    private var searched = 0
    private var skipped: (offset: Int, length: Int)?

    /// - Parameter maximumLength: 1 byte to 1 GiB; 1 MiB by default.
    public init(maximumLength: Int = 1 << 20) {
        precondition((1...1 << 30).contains(maximumLength), "the longest line is 1 byte to 1 GiB")
        self.maximumLength = maximumLength
    }

    /// Adds bytes to the input; lines given before become invalid.
    public mutating func append(_ chunk: UnsafeRawBufferPointer) {
        precondition(!isFinished, "append after finish")
        buffer.append(chunk)
    }

    /// Says that the input has ended.
    public mutating func finish() { isFinished = true }

    /// The next line; nil when it takes more input, or after `finish` when there is none.
    /// - Complexity: O(line).
    public mutating func next() throws(MalformedRow) -> InputLine? {
        while buffer.count > 0 || (skipped != nil && isFinished) {
            let end = buffer.lineFeed(in: min(searched, buffer.count)..<buffer.count)
            let length = end ?? buffer.count
            let isLong = skipped != nil || length > maximumLength
            guard end != nil || isFinished else {
                searched = isLong ? 0 : length
                if isLong {
                    skipped = (skipped?.offset ?? buffer.consumed, (skipped?.length ?? 0) + length)
                    buffer.consume(length)
                }
                return nil
            }
            let (number, offset, first) = (line, buffer.consumed, buffer.first)
            buffer.consume(end.map { $0 + 1 } ?? length)
            line += 1
            searched = 0
            if isLong {
                let reason = MalformedRow.Reason.tooLong(bytes: (skipped?.length ?? 0) + length, limit: maximumLength)
                defer { skipped = nil }
                throw MalformedRow(line: number, byteOffset: skipped?.offset ?? offset, reason: reason)
            }
            let content = length > 0 && first[length - 1] == UInt8(ascii: "\r") ? length - 1 : length
            if content == 0 {
                emptyLines += 1
                continue
            }
            return InputLine(
                UnsafeRawBufferPointer(start: first, count: content), number: number, byteOffset: offset,
                isTerminated: end != nil)
        }
        return nil
    }
}
