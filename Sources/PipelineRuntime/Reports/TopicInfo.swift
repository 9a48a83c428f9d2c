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
    /// Fewer than offsets where compaction or repair took some out.
    public var records: Int64
    public var bytes: Int
    public var segments: Int
    /// From the earliest of the batches' first event times to the latest of all; nil when there are no records.
    public var times: ClosedRange<EventTime>?

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
        let contents = try reader.contents()
        self.name = name
        (startOffset, endOffset) = (contents.offsets.lowerBound, contents.offsets.upperBound)
        durableEnd = reader.durableEnd
        records = Int64(contents.records)
        bytes = reader.byteCount
        segments = contents.segments
        times = contents.times
    }
}
