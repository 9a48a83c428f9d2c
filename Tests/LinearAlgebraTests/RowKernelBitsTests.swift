import LinearAlgebra
import Testing

@Suite struct RowKernelBitsTests {
    private func values(_ count: Int, _ seed: Double) -> [Double] {
        (0..<count).map { (Double($0) * seed + 1).remainder(dividingBy: 1.7) }
    }

    @Test(arguments: 0...41) func columnsAreTreatedAlikeAtEachLength(count: Int) {
        let (a, b, c) = (values(count, 0.37), values(count, 0.91), values(count, 1.13))
        var scaled: [Double] = []
        var added: [Double] = []
        var differences: [Double] = []
        var squared: [Double] = []
        var dot = 0.0
        for index in 0..<count {
            let difference: Double = a[index] - b[index]
            scaled.append(difference * c[index])
            added.append(c[index] + 0.3 * a[index])
            differences.append(b[index] + difference)
            squared.append(c[index] + difference * difference)
            dot += a[index] * b[index]
        }
        #expect(abs(RowKernel.dot(a, b, count: count) - dot) <= 1e-12)
        var target = [Double](repeating: .nan, count: count)
        RowKernel.scale(a, centre: b, factors: c, count: count, into: &target)
        #expect(target == scaled)
        target = c
        RowKernel.add(a, times: 0.3, count: count, to: &target)
        #expect(target == added)
        var (sums, squares) = (b, c)
        RowKernel.addDifferences(of: a, from: b, count: count, to: &sums, squares: &squares)
        #expect(sums == differences)
        #expect(squares == squared)
    }

    /// A row's bits do not depend on where it lies.
    @Test func aDotProductIsTheSameWhereverItsRowLies() {
        let row = values(64, 0.37)
        let expected = RowKernel.dot(Array(row[0..<17]), Array(row[20..<37]), count: 17)
        row.withUnsafeBufferPointer { row in
            guard let start = row.baseAddress else { return }
            #expect(RowKernel.dot(start, start + 20, count: 17) == expected)
        }
        for shift in 1..<4 {
            let moved = [Double](repeating: 0, count: shift) + row
            moved.withUnsafeBufferPointer { moved in
                guard let start = moved.baseAddress else { return }
                #expect(RowKernel.dot(start + shift, start + shift + 20, count: 17) == expected)
            }
        }
    }
}
