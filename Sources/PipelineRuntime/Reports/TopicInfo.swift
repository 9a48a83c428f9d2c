import EventModel
import LogStorage
import Platform

/// What a topic holds.
public struct TopicInfo: Sendable {
    /// Relative to the log's directory.
    public var name: String
    public var startOffset: Offset
    public var endOffset: Offset
    public var durableEnd: Offset
    public var bytes: Int
    /// From the earliest to the latest event time; nil when there are no records.
    public var times: ClosedRange<EventTime>?

    public var records: Int64 { endOffset.value - startOffset.value }

    /// All topics of a log: the input, then each pipeline's.
    public static func all(
        in log: LogDirectory, fileSystem: any FileSystem
    ) throws(RuntimeError) -> [TopicInfo] {
        var names = ["input-0", "malformed-0"]
        for pipeline in try storage({ () throws(LogError) in try log.pipelineNames(fileSystem) }) {
            do throws(FileError) {
                names += try fileSystem.list(log.pipeline(pipeline)).filter { $0.hasSuffix("-0") }
                    .map { "pipelines/\(pipeline)/\($0)" }
            } catch { throw .file(error) }
        }
        var topics: [TopicInfo] = []
        for name in names {
            do throws(LogError) {
                topics.append(try TopicInfo(name: name, directory: "\(log.path)/\(name)", fileSystem: fileSystem))
            } catch {
                if case .noTopic = error, name == "malformed-0" { continue }
                throw .log(error)
            }
        }
        return topics
    }

    private init(name: String, directory: String, fileSystem: any FileSystem) throws(LogError) {
        let reader = try TopicReader(directory: directory, fileSystem: fileSystem)
        self.name = name
        startOffset = reader.startOffset
        durableEnd = reader.durableEnd
        bytes = try reader.byteCount()
        var end = reader.startOffset
        let cursor = try reader.cursor(from: reader.startOffset)
        while let batch = try cursor.nextBatch() {
            end = batch.endOffset
            let first = min(times?.lowerBound ?? batch.baseTimestamp, batch.baseTimestamp)
            let last = max(times?.upperBound ?? batch.maxTimestamp, batch.maxTimestamp)
            times = first...last
        }
        endOffset = end
    }
}
