import EventModel
import Platform

/// What can go wrong with a log on disk.
public enum LogError: Error, Hashable, CustomStringConvertible {
    case file(FileError)
    /// There is no topic here.
    case noTopic(directory: String)
    /// Bytes that were written whole are no longer what they were, or a file is gone.
    case corrupt(file: String, position: Int, offset: Offset, what: String)
    /// A record's bytes contradict themselves although their checksum is right.
    case malformedRecord(segment: String, position: Int, offset: Offset)
    /// The topic does not reach from the first to the last of these.
    case outOfRange(Offset, available: Range<Offset>, directory: String)
    /// The topic cannot be cut there.
    case cutInsideBatch(Offset, directory: String)
    /// A sync failed before; what it covered may be lost, so nothing more is taken.
    case failedBefore(directory: String)
    /// A producer's batch is neither its next one nor one that it sent lately.
    case outOfSequence(producer: Int64, expected: Int32, found: Int32, directory: String)
    /// A producer that has been replaced by one of a later epoch.
    case staleProducer(producer: Int64, epoch: Int16, newest: Int16, directory: String)
    /// A topic with records without key cannot be compacted.
    case noKey(offset: Offset, directory: String)
    /// The files changed all the time while they were listed.
    case busy(directory: String)
    case schema(file: String, what: String)
    /// Something that the caller asked for cannot be.
    case refused(String)

    public var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .noTopic(let directory):
            directory.contains("/pipelines/")
                ? "there is nothing in \(directory); run 'tidemark train' first"
                : "there is no log in \(directory); run 'tidemark import' first, or 'tidemark score --new' to begin one with live lines"
        case .corrupt(let file, let position, let offset, let what):
            """
            \(file): \(what), at byte \(position) (offset \(offset)); restore the file from a backup, or see with \
            'tidemark log repair' what can be saved
            """
        case .malformedRecord(let segment, let position, let offset):
            "segment \(segment): a record of the batch at byte \(position) (offset \(offset)) contradicts its lengths"
        case .outOfRange(let offset, let available, let directory):
            "\(directory) has the offsets \(available.lowerBound) up to \(available.upperBound), but not \(offset)"
        case .cutInsideBatch(let offset, let directory):
            "\(directory) cannot be cut back to offset \(offset), which lies inside a batch"
        case .failedBefore(let directory):
            "\(directory): a write or sync failed before, so nothing more is taken; start again to recover"
        case .outOfSequence(let producer, let expected, let found, let directory):
            """
            \(directory): producer \(String(producer, radix: 16)) sent a batch with sequence \(found), expected \
            \(expected); records between them are missing or were sent long before
            """
        case .staleProducer(let producer, let epoch, let newest, let directory):
            """
            \(directory): producer \(String(producer, radix: 16)) of epoch \(epoch) has been replaced by one of epoch \
            \(newest)
            """
        case .noKey(let offset, let directory):
            "\(directory): the record at offset \(offset) has no key, so the topic cannot be compacted by key"
        case .busy(let directory): "\(directory): files came and went all the time while they were listed; try again"
        case .schema(let file, let what): "schema \(file): \(what)"
        case .refused(let what): what
        }
    }
}

/// Runs `body` and gives its file errors as log errors.
func files<Result: ~Copyable>(_ body: () throws(FileError) -> Result) throws(LogError) -> Result {
    do { return try body() } catch { throw .file(error) }
}
