import OnlineLearning

extension KMeansSpecification {
    static let keys = [
        "count", "batch_rows", "decay", "half_life", "half_life_rows", "start_rows", "dying_share", "resplit_at",
        "seed",
    ]

    /// Ranges are left to `validate()`.
    init(_ section: YAMLSection) throws(SpecificationError) {
        self.init()
        clusters = try section["count"]?.wholeNumber() ?? clusters
        batchRows = try section["batch_rows"]?.wholeNumber() ?? batchRows
        decay = try section["decay"]?.number() ?? decay
        halfLife = try HalfLife(section, other: "decay")
        startRows = try section["start_rows"]?.wholeNumber() ?? startRows
        dyingShare = try section["dying_share"]?.number() ?? dyingShare
        resplitAt = try section["resplit_at"]?.wholeNumber()
        seed = try section["seed"]?.unsignedInteger() ?? seed
    }
}

extension HalfLife {
    /// `half_life: 30d` or `half_life_rows: 300000`; nil for neither. Both, or one beside the key `other`, is an error.
    init?(_ section: YAMLSection, other: String? = nil) throws(SpecificationError) {
        let names = ["half_life", "half_life_rows"] + (other.map { [$0] } ?? [])
        let given = names.filter { section[$0] != nil }
        if given.count > 1 {
            throw section.value.error("'\(given[0])' and '\(given[1])' say the same thing twice; leave one out")
        }
        if let time = section["half_life"] {
            self = .time(try time.duration())
        } else if let rows = section["half_life_rows"] {
            self = .rows(try rows.number())
        } else {
            return nil
        }
    }
}

extension YAMLValue {
    /// A whole number of any size that a model's `validate()` judges.
    func wholeNumber() throws(SpecificationError) -> Int {
        guard let value = Int(try text("a whole number")) else { throw error(expected: "a whole number") }
        return value
    }
}
