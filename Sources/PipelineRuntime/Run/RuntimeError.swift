import EventModel
import Features
import LogStorage
import Platform

/// What can go wrong when a pipeline runs.
public enum RuntimeError: Error, CustomStringConvertible {
    case log(LogError)
    case file(FileError)
    case feature(FeatureError)
    case state(StateCodingError, file: String)
    /// The log's outputs come from another specification under the same name.
    case otherSpecification(pipeline: String, stored: String, given: String)
    case noCheckpoint(pipeline: String)
    case noPipeline(log: String, known: [String])
    case importing(ImportError, source: String)
    case sourceChanged(ReplayMismatch, source: String)
    /// A row is not the one that was imported in its place.
    case rowChanged(line: Int, id: TransactionID, offset: Offset, source: String)
    /// Records of a source that is imported again are no longer in the log.
    case importedRecordsGone(Int64, source: String)
    /// The log's beginning is gone, and with it what a replay from the start would need to give the outputs again.
    case inputRemoved(pipeline: String, before: Offset)
    /// Windows reached back to input that is gone, so their vectors cannot be given again.
    case vectorsRemoved(before: Offset)
    /// No checkpoint's state is whole, and the log's beginning is gone.
    case noWholeState(files: [String], before: Offset)
    /// An output does not reach as far as the checkpoint says.
    case outputMissing(topic: String, end: Offset, needed: Offset)
    /// The input ends before the place that the checkpoint had come to.
    case inputMissing(end: Offset, needed: Offset)
    /// A transaction is in the log, but its decision is not where it has to be.
    case decisionMissing(inputOffset: Offset)
    case usage(String)

    public var description: String {
        switch self {
        case .log(let error): "\(error)"
        case .file(let error): "\(error)"
        case .feature(let error): "feature \(error)"
        case .state(let error, let file): "\(file): \(error); run 'tidemark train --fresh' to replay from the start"
        case .otherSpecification(let pipeline, let stored, let given):
            """
            pipeline '\(pipeline)' of this log was run with another specification (fingerprint \(stored), now \(given)); \
            give the changed one another name, or replay from the start with 'tidemark train --fresh'
            """
        case .noCheckpoint(let pipeline):
            "pipeline '\(pipeline)' has no checkpoint in this log; run 'tidemark train' first"
        case .noPipeline(let log, let known):
            known.isEmpty
                ? "\(log): no pipeline has run over this log; run 'tidemark train' first"
                : "\(log): which pipeline? name one of \(known.joined(separator: ", ")) with --name"
        case .importing(let error, let source): "\(source): \(error)"
        case .sourceChanged(let mismatch, let source): "\(source): \(mismatch)"
        case .rowChanged(let line, let id, let offset, let source):
            """
            \(source), line \(line): this row (transaction \(id)) is not the one that was imported in its place, which \
            stands at input offset \(offset); a table that was imported may only grow, so put changed or repaired rows \
            into a table of their own
            """
        case .importedRecordsGone(let count, let source):
            """
            \(source): the log no longer holds the first \(count) records of this table (retention or a repair took \
            them), so its rows cannot be compared; put rows that are new into a table of their own
            """
        case .inputRemoved(let pipeline, let start):
            """
            the log's records before offset \(start) were removed by retention, so a replay from the start cannot give the \
            outputs of pipeline '\(pipeline)' about them again; give the specification another name to begin with what is \
            left, or add --forget-removed to let those outputs go
            """
        case .vectorsRemoved(let start):
            """
            the log's records before offset \(start) were removed by retention: a vector whose windows reached back to them \
            cannot be given as it was scored; add --forget-removed to write what follows from the records that are left
            """
        case .noWholeState(let files, let start):
            """
            \(files.joined(separator: ", ")): damaged or missing, and the log's records before offset \(start) were removed \
            by retention, so the state cannot be computed anew; restore the files from a backup, or begin with what is left \
            by 'tidemark train --fresh --forget-removed'
            """
        case .outputMissing(let topic, let end, let needed):
            """
            \(topic) ends at offset \(end), but the checkpoint was written when it had \(needed); records are missing: \
            restore it from a backup, or compute all outputs again with 'tidemark train --fresh'
            """
        case .inputMissing(let end, let needed):
            """
            the input ends at offset \(end), but the checkpoint had gone through it up to \(needed); records are missing: \
            restore the log from a backup, or compute all outputs again with 'tidemark train --fresh'
            """
        case .decisionMissing(let offset):
            """
            the transaction at input offset \(offset) is in the log, but its decision is not in decisions-0; see with \
            'tidemark log verify', and compute all outputs again with 'tidemark train --fresh'
            """
        case .usage(let text): text
        }
    }
}

/// Runs `body` and gives its log errors as runtime errors.
func storage<Result: ~Copyable>(_ body: () throws(LogError) -> Result) throws(RuntimeError) -> Result {
    do { return try body() } catch { throw .log(error) }
}

/// This program.
public enum Program {
    public static let version = "0.1.0"
}
