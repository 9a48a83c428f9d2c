import EventModel

/// Takes the records of an import in the order of the log.
public protocol ImportSink: ~Copyable {
    associatedtype Failure: Error

    /// `row` is valid during the call; its record's timestamp is its event time.
    mutating func append(_ row: ParsedRow, arrivalTime: EventTime) throws(Failure)
    /// `time` is the record's timestamp.
    mutating func append(_ label: ParsedLabel, time: EventTime) throws(Failure)
    mutating func append(heartbeat time: EventTime) throws(Failure)
}
