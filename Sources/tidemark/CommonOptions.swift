import ArgumentParser
import EventModel
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform

/// A failure to be told in one line; exit code 1.
struct CommandFailure: Error, CustomStringConvertible {
    var description: String

    init(_ error: any Error) { description = "\(error)" }
    init(_ text: String) { description = text }
}

struct LogOption: ParsableArguments {
    @Option(name: .customLong("log"), help: ArgumentHelp("The log's directory.", valueName: "dir"))
    var path: String

    var directory: LogDirectory { LogDirectory(path) }
}

struct PipelineOption: ParsableArguments {
    @Option(
        name: .customLong("pipeline"),
        help: ArgumentHelp("The pipeline's specification, such as models/card-fraud.yaml.", valueName: "file"))
    var path: String

    /// The specification, and its text as written.
    func load() throws -> (specification: PipelineSpecification, text: String) {
        do {
            let fileSystem = PosixFileSystem()
            let text = String(decoding: try fileSystem.read(path), as: UTF8.self)
            let name = path.split(separator: "/").last.map(String.init) ?? path
            return (try PipelineSpecification(yaml: text, file: name, fileSystem: fileSystem), text)
        } catch { throw CommandFailure(error) }
    }
}

struct StorageOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Seal segments before they grow beyond this (default: 256MiB).", valueName: "bytes"))
    var segmentSize: ByteCount?

    var segmentBytes: Int { segmentSize?.bytes ?? TopicOptions.defaultSegmentBytes }

    func validate() throws {
        guard (1_000..<(1 << 32)).contains(segmentBytes) else {
            throw ValidationError("--segment-size is at least 1000 bytes and below 4GiB")
        }
    }
}

struct OutputOptions: ParsableArguments {
    @Flag(help: "End with one JSON object on one line, for programs.")
    var json = false

    @Flag(help: "Show no progress.")
    var quiet = false
}

/// Runs a command's work: its errors become one line on standard error and exit code 1.
func reporting<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as CommandFailure {
        throw error
    } catch let error as ValidationError {
        throw error
    } catch let error as ExitCode {
        throw error
    } catch { throw CommandFailure(error) }
}

/// Tells on standard error what a pipeline's recovery passed over.
func tellNotes(of run: PipelineRun) throws {
    for note in run.recoveryNotes { try StandardStreams.write("note: \(note)\n", to: .error) }
}

/// `1,754,155`.
func grouped(_ number: some BinaryInteger) -> String {
    let digits = Array(String(number.magnitude))
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
        if index > 0 && (digits.count - index) % 3 == 0 { text += "," }
        text.append(digit)
    }
    return text
}

/// A number with a fixed count of decimals.
func fixed(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    guard let scaled = Int64(exactly: (value * scale).rounded()), abs(value) < 1e15 else { return "\(value)" }
    return decimalDescription(scaled, scale: decimals)
}

/// Seconds since a moment that `SystemClock` gave.
func seconds(since start: Int64) -> Double {
    Double(SystemClock().monotonicNanoseconds - start) / 1e9
}
