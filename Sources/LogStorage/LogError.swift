import EventModel
import Platform

/// What can go wrong with a log on disk.
public enum LogError: Error, Hashable, CustomStringConvertible {
    case file(FileError)
    /// There is no topic here.
    case noTopic(directory: String)
    /// Bytes that were written whole are no longer what they were.
    case corrupt(segment: String, position: Int, offset: Offset, what: String)
    /// A record's bytes contradict themselves although their checksum is right.
    case malformedRecord(segment: String, position: Int, offset: Offset)
    /// The topic does not reach from the first to the last of these.
    case outOfRange(Offset, available: Range<Offset>, directory: String)
    /// The topic cannot be cut there.
    case cutInsideBatch(Offset, directory: String)
    /// A sync failed before; what it covered may be lost, so nothing more is taken.
    case failedBefore(directory: String)
    case schema(file: String, what: String)

    public var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .noTopic(let directory):
            directory.contains("/pipelines/")
                ? "there is nothing in \(directory); run 'tidemark train' first"
                : "there is no log in \(directory); run 'tidemark import' first"
        case .corrupt(let segment, let position, let offset, let what):
            "segment \(segment): \(what) at byte \(position) (offset \(offset)); restore the file from a backup"
        case .malformedRecord(let segment, let position, let offset):
            "segment \(segment): a record of the batch at byte \(position) (offset \(offset)) contradicts its lengths"
        case .outOfRange(let offset, let available, let directory):
            "\(directory) has the offsets \(available.lowerBound) up to \(available.upperBound), but not \(offset)"
        case .cutInsideBatch(let offset, let directory):
            "\(directory) cannot be cut back to offset \(offset), which lies inside a batch"
        case .failedBefore(let directory):
            "\(directory): a write or sync failed before, so nothing more is taken; start again to recover"
        case .schema(let file, let what): "schema \(file): \(what)"
        }
    }
}

/// Runs `body` and gives its file errors as log errors.
func files<Result: ~Copyable>(_ body: () throws(FileError) -> Result) throws(LogError) -> Result {
    do { return try body() } catch { throw .file(error) }
}
