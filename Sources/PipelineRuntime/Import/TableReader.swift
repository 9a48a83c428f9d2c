import EventModel
import Platform

/// The rows of a CSV table from a stream of bytes.
struct TableReader: ~Copyable {
    private let stream: InputStream
    private let name: String
    private var reader = CSVRowReader()
    private let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    private var isFinished = false
    private(set) var bytesRead: Int64 = 0

    init(_ stream: InputStream, name: String) throws(RuntimeError) {
        self.stream = stream
        self.name = name
    }

    deinit { chunk.deallocate() }

    /// What the stream has next.
    enum Item {
        /// Valid until the next item is asked for.
        case row(CSVRow)
        case malformed(MalformedRow)
        case end
    }

    /// The names in the first row; nil when the table is empty.
    mutating func header() throws(RuntimeError) -> [String]? {
        switch try next() {
        case .end: return nil
        case .malformed(let error): throw .usage("\(name): the header is malformed: \(error)")
        case .row(let row):
            guard let names = row.strings else { throw .usage("\(name): the header is not UTF-8") }
            return names
        }
    }

    mutating func next() throws(RuntimeError) -> Item {
        while true {
            do throws(MalformedRow) {
                if let row = try reader.next() { return .row(row) }
            } catch { return .malformed(error) }
            if isFinished { return .end }
            let count: Int
            do throws(FileError) { count = try stream.read(into: chunk) } catch { throw .file(error) }
            if count == 0 {
                isFinished = true
                if !stream.isInterrupted { reader.finish() }
            } else {
                bytesRead += Int64(count)
                reader.append(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            }
        }
    }
}
