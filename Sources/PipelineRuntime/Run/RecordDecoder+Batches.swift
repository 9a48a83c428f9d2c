import LogStorage
import PipelineCore

extension RecordDecoder {
    /// Decodes the next records of a batch into a block.
    ///
    /// In a function of its own, so that the block is checked for exclusive access once and not for each record.
    /// - Returns: the number of records; 0 at the batch's end.
    public mutating func append(
        _ records: inout RecordIterator, atMost limit: Int, to block: inout EventBlock
    ) -> Int {
        // A copy of its own stays in registers.
        var source = records
        defer { records = source }
        guard limit > 0 else { return 0 }
        guard limit > 1 else { return appendNext(&source, to: &block) ? 1 : 0 }
        var run = RecordRun()
        var count = 0
        while count < limit {
            source.read(into: &run, atMost: limit &- count)
            append(
                run.heads, baseOffset: source.baseOffset, baseTime: source.baseTime, end: source.end, to: &block)
            count &+= run.heads.count
            if run.heads.isEmpty {
                guard appendNext(&source, to: &block) else { break }
                count &+= 1
            }
        }
        return count
    }

    private mutating func appendNext(_ records: inout RecordIterator, to block: inout EventBlock) -> Bool {
        guard let record = records.next() else { return false }
        append(
            offset: record.offset, timestamp: record.timestamp, value: record.value, slack: record.slack, to: &block)
        return true
    }
}
