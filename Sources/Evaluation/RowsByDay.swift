/// The places of rows, day by day; within a day in the order of the rows.
struct RowsByDay {
    let days: ClosedRange<Int>
    /// Where each day's places start, and the end.
    private var starts: [Int]
    private var places: [Int32]

    /// Rows of other days are left out.
    init(_ rows: [EvaluationRow], days: ClosedRange<Int>) {
        self.days = days
        starts = [Int](repeating: 0, count: days.count + 1)
        for row in rows where days.contains(Int(row.day)) { starts[Int(row.day) - days.lowerBound + 1] += 1 }
        for index in starts.indices.dropFirst() { starts[index] += starts[index - 1] }
        places = [Int32](repeating: 0, count: starts[days.count])
        var next = starts
        for (place, row) in rows.enumerated() where days.contains(Int(row.day)) {
            let index = Int(row.day) - days.lowerBound
            places[next[index]] = Int32(truncatingIfNeeded: place)
            next[index] += 1
        }
    }

    /// The places of the day's rows; none for a day out of the range.
    subscript(day: Int) -> ArraySlice<Int32> {
        guard days.contains(day) else { return [] }
        return places[starts[day - days.lowerBound]..<starts[day - days.lowerBound + 1]]
    }
}
