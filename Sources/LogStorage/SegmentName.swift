import EventModel
import Platform

/// A segment's files, named by the offset of its first record.
struct SegmentName: Hashable, Comparable {
    var base: Offset

    init(_ base: Offset) { self.base = base }

    /// The segment whose log file has this name, or nil.
    init?(file: String) {
        guard let name = Self.owner(of: file), name.log == file else { return nil }
        self = name
    }

    /// The segment that a file in a topic's directory belongs to, by its name's 20 digits; nil for other files.
    static func owner(of file: String) -> SegmentName? {
        guard file.utf8.count > 21, file.utf8.prefix(20).allSatisfy({ (48...57).contains($0) }),
            file.utf8.dropFirst(20).first == UInt8(ascii: "."), let base = Int64(file.prefix(20))
        else { return nil }
        return SegmentName(Offset(base))
    }

    private var digits: String {
        let digits = String(base.value)
        return String(repeating: "0", count: 20 - digits.count) + digits
    }

    var log: String { digits + ".log" }
    /// See `SegmentIndex`.
    var index: String { digits + ".index" }
    var timeIndex: String { digits + ".timeindex" }
    /// See `SegmentSeal`.
    var seal: String { digits + ".seal" }
    /// See `ProducerTable`: as of the segment's first offset.
    var producers: String { digits + ".producers" }

    static func < (a: SegmentName, b: SegmentName) -> Bool { a.base < b.base }
}
