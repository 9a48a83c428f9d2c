import EventModel
import Glibc
import LogStorage
import Platform

/// Several producers that append to one topic until they are killed, and tell on standard output what is acknowledged:
/// a line `PRODUCER FIRST-NUMBER COUNT OFFSET` for each batch.
@main enum LogProducers {
    static func main() {
        guard let options = ProducerOptions(CommandLine.arguments.dropFirst()) else {
            end(64, ProducerOptions.usage)
        }
        // When nobody reads any more, the process has to end.
        Termination.ignoreBrokenPipes()
        do {
            let log = try GroupCommit(
                directory: options.directory, fileSystem: PosixFileSystem(),
                options: TopicOptions(segmentBytes: options.segmentBytes, indexIntervalBytes: 4 << 10, sync: .always))
            let threads = (1...options.producers).map { id in
                WorkerThread {
                    var producer = Producer(Int64(id), log, options)
                    do { try producer.run() } catch { end(1, "producer \(id): \(error)\n") }
                }
            }
            for thread in threads { thread.join() }
        } catch { end(1, "\(error)\n") }
    }

    private static func end(_ code: Int32, _ text: String) -> Never {
        try? StandardStreams.write(text, to: .error)
        exit(code)
    }
}
