import LinearAlgebra

/// Running mean and variance of each column, for bringing features to mean 0 and deviation 1.
///
/// Rows are added up in blocks, counted along the stream, and blocks are merged by the pairwise rule of "Updating
/// Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979); with blocks of one row that is Welford's
/// method. Within a block sums are taken around the block's first row, which costs at most a factor of the block's
/// length in precision, whatever the data.
///
/// What others see changes only in epochs: after 1, 2, 4, ... rows up to `refresh`, then every `refresh` rows. A block
/// ends with an epoch, so that an epoch includes every row up to it.
public struct RunningScaler: ~Copyable, Sendable {
    public let columnCount: Int
    public let specification: ScalerSpecification

    /// Rows learned.
    public internal(set) var count = 0
    /// Rows that the published scale knows.
    public internal(set) var publishedCount = 0
    var publishedMean: Vector
    var publishedInverseDeviation: Vector

    // All blocks that have ended.
    var mergedCount = 0
    var means: Vector
    var squaredDeviations: Vector

    // The current block: its first row, and sums of differences from it.
    var origin: Vector
    var sums: Vector
    var squares: Vector
    private var blockEnd = 1
    private var nextPublication = 1

    public init(columnCount: Int, specification: ScalerSpecification = ScalerSpecification()) {
        precondition(
            specification.refresh >= 1 && specification.block >= 1, "a scaler's refresh and block are at least 1")
        self.columnCount = columnCount
        self.specification = specification
        publishedMean = Vector(count: columnCount)
        publishedInverseDeviation = Vector(count: columnCount)
        means = Vector(count: columnCount)
        squaredDeviations = Vector(count: columnCount)
        origin = Vector(count: columnCount)
        sums = Vector(count: columnCount)
        squares = Vector(count: columnCount)
    }

    /// Takes in one row of `columnCount` finite values.
    /// - Complexity: O(columns)
    public mutating func learn(_ row: UnsafePointer<Double>) {
        if count == mergedCount {
            startBlock(at: row)
        } else {
            addToBlock(row)
        }
        count &+= 1
        if count == blockEnd { endBlock() }
    }

    /// Whether the next row learned changes the published scale.
    public var publishesNext: Bool { rowsToPublication == 1 }

    /// After how many rows more the published scale changes.
    public var rowsToPublication: Int { nextPublication - count }

    // MARK: the published scale

    /// The published mean of each column. Zeros before the first row.
    public var mean: [Double] { publishedMean.array }

    /// One over the published population deviation; 0 for a column that has been constant up to rounding.
    public var inverseDeviation: [Double] { publishedInverseDeviation.array }

    /// The published population deviation; 0 for a column that has been constant up to rounding.
    public var deviation: [Double] { inverseDeviation.map { $0 > 0 ? 1 / $0 : 0 } }

    /// Scales a row to mean 0 and deviation 1; columns without deviation become 0. `target` may be the row itself.
    public func transform(_ row: UnsafePointer<Double>, into target: UnsafeMutablePointer<Double>) {
        published.transform(row, into: target)
    }

    @inline(__always) var published: PublishedScale {
        PublishedScale(
            columnCount: columnCount, mean: UnsafePointer(publishedMean.pointer),
            inverseDeviation: UnsafePointer(publishedInverseDeviation.pointer))
    }

    /// Undoes `transform` in place; columns without deviation become their mean.
    func undoTransform(_ row: UnsafeMutablePointer<Double>) {
        for column in 0..<columnCount {
            let inverse = publishedInverseDeviation[column]
            row[column] = publishedMean[column] + (inverse > 0 ? row[column] / inverse : 0)
        }
    }

    // MARK: blocks

    private mutating func startBlock(at row: UnsafePointer<Double>) {
        origin.pointer.update(from: row, count: columnCount)
        sums.fill(with: 0)
        squares.fill(with: 0)
    }

    private mutating func addToBlock(_ row: UnsafePointer<Double>) {
        RowKernel.addDifferences(
            of: row, from: origin.pointer, count: columnCount, to: sums.pointer, squares: squares.pointer)
    }

    private mutating func endBlock() {
        let rows = Double(count - mergedCount)
        let share = rows / Double(count)
        let (sums, squares, origin) = (sums.pointer, squares.pointer, origin.pointer)
        let (means, squaredDeviations) = (means.pointer, squaredDeviations.pointer)
        for column in 0..<columnCount {
            let average = sums[column] / rows
            let difference = origin[column] + average - means[column]
            means[column] += difference * share
            squaredDeviations[column] +=
                max(0, squares[column] - sums[column] * average) + difference * difference * share * Double(mergedCount)
        }
        mergedCount = count
        if count == nextPublication { publish() }
        planBlock()
    }

    /// Sets the row counts at which the current block ends and the next epoch begins.
    mutating func planBlock() {
        let (refresh, block) = (specification.refresh, specification.block)
        nextPublication =
            count < refresh
            ? min(refresh, 1 << (Int.bitWidth - count.leadingZeroBitCount)) : (count / refresh + 1) * refresh
        blockEnd = min((count / block + 1) * block, nextPublication)
    }

    private mutating func publish() {
        publishedCount = count
        for column in 0..<columnCount {
            let deviation = (squaredDeviations[column] / Double(count)).magnitude.squareRoot()
            // Below this a spread is what rounding leaves of a constant.
            let isConstant = !deviation.isFinite || deviation <= abs(means[column]) * 0x1p-48
            publishedMean[column] = means[column]
            publishedInverseDeviation[column] = isConstant ? 0 : 1 / deviation
        }
    }
}

/// The published scale of a `RunningScaler`, valid while that lives: where one is handed on it is copied.
struct PublishedScale: BitwiseCopyable {
    let columnCount: Int
    let mean: UnsafePointer<Double>
    /// One over the deviation; 0 for a column without.
    let inverseDeviation: UnsafePointer<Double>

    @inline(__always) func transform(_ row: UnsafePointer<Double>, into target: UnsafeMutablePointer<Double>) {
        RowKernel.scale(row, centre: mean, factors: inverseDeviation, count: columnCount, into: target)
    }

    /// What `transform` makes of one column's value.
    @inline(__always) func scaled(_ value: Double, column: Int) -> Double {
        (value - mean[column]) * inverseDeviation[column]
    }
}
