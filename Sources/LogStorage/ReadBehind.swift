import Platform

/// Lets the memory of a long mapped file go behind the place that is being read, so that reading it from start to end
/// keeps only a part of it resident.
struct ReadBehind {
    private static let keptBytes = 4 << 20
    private var released = 0

    /// Says that `bytes` has been read up to `position`, in ascending order.
    mutating func advance(to position: Int, of bytes: MappedBytes) {
        guard position - released > 2 * Self.keptBytes else { return }
        bytes.release(released..<position - Self.keptBytes)
        released = position - Self.keptBytes
    }
}
