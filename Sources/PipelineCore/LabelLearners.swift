/// Which classifiers learn a label: those that name its source, unless another of their sources has said the same of the
/// transaction already.
struct LabelLearners: Hashable, Sendable {
    /// For each classifier a bit for each of its sources, in the order in which the input declares them.
    private let sources: [UInt64]

    init(_ specification: PipelineSpecification) {
        let declared = specification.input.labelSources
        sources = specification.model.classifiers.map { classifier in
            if classifier.labelSources.isEmpty { return .max }
            return declared.indices.reduce(0) { mask, index in
                classifier.labelSources.contains(declared[index]) ? mask | 1 << UInt64(index) : mask
            }
        }
    }

    /// A bit for each classifier that learns.
    @inline(__always) func mask(source: UInt8, alreadySaid: UInt64) -> UInt64 {
        var mask: UInt64 = 0
        for index in sources.indices {
            let learns = sources[index] >> UInt64(source) & 1 == 1 && sources[index] & alreadySaid == 0
            mask |= (learns ? 1 : 0) << UInt64(index)
        }
        return mask
    }
}
