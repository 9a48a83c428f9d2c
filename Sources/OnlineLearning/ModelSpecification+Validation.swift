/// A value of a model specification that no model can have.
public struct ModelSpecificationError: Error, Hashable, CustomStringConvertible {
    /// Such as `classifier.miniBatch`.
    public var field: String
    public var value: String
    public var expected: String

    public var description: String { "model: \(field) is \(value); it must be \(expected)" }
}

extension ModelSpecification {
    /// Throws for the first value that is out of its range. `OnlineModel` requires a specification that passes.
    public func validate() throws(ModelSpecificationError) {
        let check = RangeCheck(name: "scaler")
        try check.require(scaler.refresh >= 1, "refresh", scaler.refresh, "at least 1")
        try check.require(scaler.block >= 1, "block", scaler.block, "at least 1")
        try validateClassifiers()
        try kMeans?.validate()
    }
}
