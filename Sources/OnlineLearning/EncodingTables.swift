import EventModel
import LinearAlgebra

/// How a raw row's sparse entries are found: pointers into an `EncodingMemory`, for the hot path.
///
/// Each feature is searched once among the edges of all its sets; what follows from its place there is looked up. An entry
/// that is not active has an index behind the last weight's (`Vector.spareCount`).
struct EncodingTables: BitwiseCopyable {
    struct Cross: BitwiseCopyable {
        var base: Int32
        var firstPart: Int32
        var partCount: Int32
        /// Of its hash; 0: exact.
        var buckets: Int32
    }

    /// A part of a cross: a bin, or a feature taken as a whole number. The bins of an exact cross are looked up times
    /// the combinations of the parts behind it, so that they add up.
    struct Part: BitwiseCopyable {
        var bin: RowKernel.Lookup
        /// −1 for a bin.
        var feature: Int32
    }

    /// The entries of a row; 0 while none are active.
    var activeCount = 0
    /// One-hot features and broken lines; nil while no entry is active.
    var encoding: UnsafePointer<RowKernel.Encoding>?
    var numbers: PlainSlice<Int32> = PlainSlice()
    var crosses: PlainSlice<Cross> = PlainSlice()
    var parts: PlainSlice<Part> = PlainSlice()

    /// One-hot bins come first, then two for each broken line, then crosses.
    /// - Complexity: O(columns · (2 + edges/64)); without a branch that depends on the row but for hashed crosses.
    @inline(never) func fill(
        _ row: UnsafePointer<Double>, indices: UnsafeMutablePointer<Int32>, values: UnsafeMutablePointer<Double>
    ) {
        guard let encoding else { return }
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: Int(encoding.pointee.column_count) &+ 1) { scratch in
            let places = scratch.baseAddress.unsafelyUnwrapped
            RowKernel.encode(row, encoding, places: places, indices: indices, values: values)
            var next = activeCount &- crosses.count
            for place in 0..<crosses.count {
                let cross = crosses[place]
                indices[next] =
                    cross.base
                    &+ (cross.buckets == 0 ? exact(cross, places, stride: 1) : hashed(cross, row, places, stride: 1))
                values[next] = 1
                next &+= 1
            }
        }
    }

    /// The same entries of many rows.
    func fill(_ rows: UnsafeBufferPointer<UnsafePointer<Double>?>, into entries: RowKernel.SparseRows) {
        guard let encoding, let first = rows.baseAddress else { return }
        let (count, numbers) = (rows.count, rows.count &* Int(encoding.pointee.column_count))
        // The values, then the places.
        withUnsafeTemporaryAllocation(of: Double.self, capacity: numbers &+ (numbers &+ 2) / 2) { scratch in
            let raw = scratch.baseAddress.unsafelyUnwrapped
            let places = UnsafeMutableRawPointer(raw + numbers).bindMemory(to: Int32.self, capacity: numbers &+ 1)
            RowKernel.encode(first, count: count, encoding, raw: raw, places: places, into: entries)
            for place in 0..<crosses.count {
                let cross = crosses[place]
                let start = (activeCount &- crosses.count &+ place) &* entries.stride
                for row in 0..<count {
                    let found =
                        cross.buckets == 0
                        ? exact(cross, places + row, stride: count)
                        : hashed(cross, first[row].unsafelyUnwrapped, places + row, stride: count)
                    entries.indices[start &+ row] = cross.base &+ found
                    entries.values[start &+ row] = 1
                }
            }
        }
    }

    /// Calls `body` with the entries of a raw row.
    @inline(__always) func withEntries<Result>(
        of row: UnsafePointer<Double>, _ body: (UnsafePointer<Int32>, UnsafePointer<Double>) -> Result
    ) -> Result {
        // One allocation: the values, then the indices.
        withUnsafeTemporaryAllocation(of: Double.self, capacity: activeCount &+ (activeCount &+ 2) / 2) { scratch in
            let values = scratch.baseAddress.unsafelyUnwrapped
            let indices = UnsafeMutableRawPointer(values + activeCount)
                .bindMemory(to: Int32.self, capacity: activeCount)
            fill(row, indices: indices, values: values)
            return body(indices, values)
        }
    }

    /// Columns' places are a `stride` apart.
    @inline(__always) private func number(
        _ lookup: RowKernel.Lookup, _ places: UnsafePointer<Int32>, _ stride: Int
    ) -> Int32 {
        numbers[Int(lookup.start &+ places[Int(lookup.column) &* stride])]
    }

    @inline(__always) private func exact(_ cross: Cross, _ places: UnsafePointer<Int32>, stride: Int) -> Int32 {
        var sum: Int32 = 0
        for part in 0..<Int(cross.partCount) {
            sum &+= number(parts[Int(cross.firstPart) &+ part].bin, places, stride)
        }
        return sum
    }

    @inline(__always) private func hashed(
        _ cross: Cross, _ row: UnsafePointer<Double>, _ places: UnsafePointer<Int32>, stride: Int
    ) -> Int32 {
        var hash: UInt64 = 0
        for part in 0..<Int(cross.partCount) {
            let part = parts[Int(cross.firstPart) &+ part]
            let word =
                part.feature < 0
                ? UInt64(UInt32(bitPattern: number(part.bin, places, stride)))
                : (row[Int(part.feature)].rounded() + 0).bitPattern
            hash = mixed(hash ^ word)
        }
        return Int32(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(cross.buckets)).high)
    }
}

/// Elements in memory that another owns.
struct PlainSlice<Element: BitwiseCopyable>: BitwiseCopyable {
    let pointer: UnsafeMutablePointer<Element>?
    let count: Int

    init(_ pointer: UnsafeMutablePointer<Element>? = nil, count: Int = 0) {
        self.pointer = pointer
        self.count = count
    }

    @inline(__always) subscript(index: Int) -> Element {
        assert(index >= 0 && index < count)
        return pointer.unsafelyUnwrapped[index]
    }
}
