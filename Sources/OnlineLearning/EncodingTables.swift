import EventModel
import LinearAlgebra

/// How a raw row's sparse entries are found: pointers into an `EncodingMemory`, for the hot path.
///
/// Each feature is searched once among the edges of all its sets; what follows from its place there is looked up.
struct EncodingTables: BitwiseCopyable {
    /// A number for each place of a column, from `start` on among `numbers`.
    struct Lookup: BitwiseCopyable {
        var column: Int32
        var start: Int32
    }

    /// A broken line: its knots for each place of its column, from `start` on among `knots`.
    struct Line: BitwiseCopyable {
        var column: Int32
        var feature: Int32
        var start: Int32
    }

    /// The two weights that a value is shared by, −1 for none, and where their knots lie: the second one's share is
    /// (value − edge)/width, where there is no second 0 since the width is infinite.
    struct Knots: BitwiseCopyable {
        var low: Int32
        var high: Int32
        var edge = 0.0
        var width = Double.infinity
    }

    struct Cross: BitwiseCopyable {
        /// −1 for a cross without weights.
        var base: Int32
        var firstPart: Int32
        var partCount: Int32
        /// Of its hash; 0: exact.
        var buckets: Int32
    }

    /// A part of a cross: a bin, or a feature taken as a whole number. The bins of an exact cross are looked up times
    /// the combinations of the parts behind it, so that they add up.
    struct Part: BitwiseCopyable {
        var bin: Lookup
        /// −1 for a bin.
        var feature: Int32
    }

    /// The entries of a row; 0 while none are active.
    var activeCount = 0
    var edges: UnsafeMutablePointer<Double>?
    var columns: PlainSlice<RowKernel.ColumnEdges> = PlainSlice()
    var numbers: PlainSlice<Int32> = PlainSlice()
    var knots: PlainSlice<Knots> = PlainSlice()
    /// The weights of one-hot features.
    var oneHot: PlainSlice<Lookup> = PlainSlice()
    var lines: PlainSlice<Line> = PlainSlice()
    var crosses: PlainSlice<Cross> = PlainSlice()
    var parts: PlainSlice<Part> = PlainSlice()

    /// One-hot bins come first, then two for each broken line, then crosses.
    /// - Complexity: O(columns · (2 + edges/64)); without a branch that depends on the row but for hashed crosses.
    @inline(never) func fill(
        _ row: UnsafePointer<Double>, indices: UnsafeMutablePointer<Int32>, values: UnsafeMutablePointer<Double>
    ) {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: columns.count &+ 1) { scratch in
            let places = scratch.baseAddress.unsafelyUnwrapped
            if let columns = columns.pointer, let edges {
                RowKernel.findPlaces(of: row, in: columns, count: self.columns.count, edges: edges, into: places)
            }
            for place in 0..<oneHot.count {
                indices[place] = number(oneHot[place], places)
                values[place] = 1
            }
            var next = oneHot.count
            var place = 0
            // Four divisions cost as much as one.
            while place &+ 4 <= lines.count {
                var (distances, widths) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
                for lane in 0..<4 {
                    let (knots, distance) = knots(lines[place &+ lane], row, places)
                    (distances[lane], widths[lane]) = (distance, knots.width)
                    indices[next &+ 2 &* lane] = knots.low
                    indices[next &+ 2 &* lane &+ 1] = knots.high
                }
                let shares = distances / widths
                let rests = 1 - shares
                for lane in 0..<4 {
                    values[next &+ 2 &* lane] = rests[lane]
                    values[next &+ 2 &* lane &+ 1] = shares[lane]
                }
                place &+= 4
                next &+= 8
            }
            while place < lines.count {
                let (knots, distance) = knots(lines[place], row, places)
                let share = distance / knots.width
                (indices[next], values[next]) = (knots.low, 1 - share)
                (indices[next &+ 1], values[next &+ 1]) = (knots.high, share)
                place &+= 1
                next &+= 2
            }
            for place in 0..<crosses.count {
                let cross = crosses[place]
                indices[next] = cross.base &+ (cross.buckets == 0 ? exact(cross, places) : hashed(cross, row, places))
                values[next] = 1
                next &+= 1
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

    /// The knots that a value lies between, and how far it is from the first one's edge.
    @inline(__always) private func knots(
        _ line: Line, _ row: UnsafePointer<Double>, _ places: UnsafePointer<Int32>
    ) -> (Knots, distance: Double) {
        let knots = knots[Int(line.start &+ places[Int(line.column)])]
        return (knots, row[Int(line.feature)] - knots.edge)
    }

    @inline(__always) private func number(_ lookup: Lookup, _ places: UnsafePointer<Int32>) -> Int32 {
        numbers[Int(lookup.start &+ places[Int(lookup.column)])]
    }

    @inline(__always) private func exact(_ cross: Cross, _ places: UnsafePointer<Int32>) -> Int32 {
        var sum: Int32 = 0
        for part in 0..<Int(cross.partCount) { sum &+= number(parts[Int(cross.firstPart) &+ part].bin, places) }
        return sum
    }

    @inline(__always) private func hashed(
        _ cross: Cross, _ row: UnsafePointer<Double>, _ places: UnsafePointer<Int32>
    ) -> Int32 {
        var hash: UInt64 = 0
        for part in 0..<Int(cross.partCount) {
            let part = parts[Int(cross.firstPart) &+ part]
            let word =
                part.feature < 0
                ? UInt64(UInt32(bitPattern: number(part.bin, places)))
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
