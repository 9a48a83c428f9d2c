import CVarints
import EventModel
import TestSupport
import Testing

/// The fast way to read rows of fields against the careful one, which reads them one after the other.
@Suite struct FieldReadingTests {
    typealias Read = (
        UnsafeMutablePointer<tidemark_row>, Int, UnsafePointer<UInt8>, UnsafePointer<tidemark_field>, Int
    ) -> Int

    private var ways: [(name: String, read: Read)] {
        [("as the processor can", tidemark_read_rows), ("by shifts", tidemark_read_rows_by_shifts)]
    }

    private struct Row: Equatable {
        var numbers: [Int64]
        var hash: UInt64
    }

    /// What the careful way reads of a row; nil where it is not what the types say. 7 stands where nothing is kept.
    private func carefully(_ bytes: [UInt8], _ types: [ColumnType]) -> Row? {
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            let numbers: [Int64] = types.map { type in
                switch type {
                case .long, .timestamp: return reader.readVarint()
                case .decimal: return reader.readAvroDecimal()
                case .double, .string:
                    reader.skipAvro(type)
                    return 7
                }
            }
            guard reader.isValid && reader.remaining == 0 else { return nil }
            return Row(numbers: numbers, hash: hash(numbers, types))
        }
    }

    /// Every second field counts for the hash.
    private func makeFields(_ types: [ColumnType]) -> [tidemark_field] {
        types.enumerated().map { index, type in
            type.field(word: index, salt: index % 2 == 1 ? UInt64(index) * 77 : nil)
        }
    }

    /// Begins with 5.
    private func hash(_ numbers: [Int64], _ types: [ColumnType]) -> UInt64 {
        zip(numbers, types).enumerated().reduce(5) { sum, field in
            guard field.offset % 2 == 1, field.element.1 != .string, field.element.1 != .double else { return sum }
            return sum &+ mixed(UInt64(field.offset) * 77, UInt64(bitPattern: field.element.0))
        }
    }

    /// The rows that were read, from the first one on.
    private func fast(_ read: Read, _ rows: [[UInt8]], slack: [UInt8], _ types: [ColumnType]) -> [Row] {
        let memory = rows.flatMap { $0 } + slack
        var words = [Int64](repeating: 7, count: types.count * rows.count)
        let fields = makeFields(types)
        return memory.withUnsafeBufferPointer { memory in
            words.withUnsafeMutableBufferPointer { words in
                guard var position = memory.baseAddress, var target = words.baseAddress else { return [] }
                var places = rows.map { row in
                    defer { (position, target) = (position + row.count, target + types.count) }
                    return tidemark_row(position: position, end: position + row.count, words: target, hash: 5)
                }
                let count = read(&places, rows.count, position + slack.count, fields, types.count)
                return places[..<count].map { place in
                    Row(numbers: types.indices.map { place.words[$0] }, hash: place.hash)
                }
            }
        }
    }

    private func randomNumber(_ random: inout SeededRandom) -> Int64 {
        let number = Int64(bitPattern: random.next() >> UInt64(random.int(random.isTrue(9) ? 0...8 : 8...63)))
        return random.isTrue(50) ? number : ~number
    }

    private func randomRow(_ types: [ColumnType], _ random: inout SeededRandom) -> [UInt8] {
        var writer = ByteWriter()
        for type in types {
            switch type {
            case .long, .timestamp: writer.appendVarint(randomNumber(&random))
            case .decimal: writer.appendAvroDecimal(randomNumber(&random))
            case .double: writer.appendAvro(.double(Double(random.int(0...9))), as: type)
            case .string:
                let length = random.int(0...(random.isTrue(4) ? 90 : 9))
                writer.appendAvro(.text(String(repeating: "x", count: length)), as: type)
            }
        }
        return Array(writer.bytes)
    }

    /// Rows of random fields of all lengths, whole, cut, grown, and with bytes changed; bytes behind the last one can be
    /// looked at or not. What the fast way reads is what the careful way reads, and it stops before the first row that is
    /// malformed.
    @Test(arguments: 0..<12 as Range<UInt64>)
    func whatIsReadFastIsWhatIsReadCarefully(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let kinds: [ColumnType] = [.long, .decimal(scale: 2), .double, .string]
        let types = (0..<random.int(1...8)).map { _ in random.isTrue(50) ? .long : kinds[random.int(0...3)] }
        for (name, read) in ways {
            var (readFast, all) = (0, 0)
            for _ in 0..<1_000 {
                let rows = (0..<random.int(1...20)).map { _ in
                    var row = randomRow(types, &random)
                    switch random.int(0...60) {
                    case 0: row.removeLast(random.int(0...row.count))
                    case 1: row.append(UInt8(random.int(0...255)))
                    case 2 where !row.isEmpty: row[random.int(row.indices)] = UInt8(random.int(0...255))
                    default: break
                    }
                    return row
                }
                let slack = (0..<random.pick([0, 8, 600, 600])).map { _ in UInt8(random.int(0...255)) }
                let found = fast(read, rows, slack: slack, types)
                let expected = rows[..<found.count].map { carefully($0, types) }
                #expect(expected == found.map { $0 }, "seed \(seed), \(name): \(types) of \(rows)")
                (readFast, all) = (readFast + found.count, all + rows.count)
            }
            #expect(readFast > all / 20, "seed \(seed), \(name): \(readFast) rows of \(types) were read fast")
        }
    }

    /// Each usual row is read fast, or the careful way would hide that the fast one does nothing.
    @Test func usualRowsAreReadFast() {
        let types: [ColumnType] = [.timestamp, .long, .long, .decimal(scale: 2), .string, .double]
        let rows = (0..<500).map { number in
            var writer = ByteWriter()
            for value in [1_522_540_800_000 + Int64(number), Int64(number * number), -3] { writer.appendVarint(value) }
            writer.appendAvro(.integer(12_345), as: types[3])
            writer.appendAvro(.text("web"), as: types[4])
            writer.appendAvro(.double(1.5), as: types[5])
            return Array(writer.bytes)
        }
        for (name, read) in ways {
            let found = fast(read, rows, slack: [UInt8](repeating: 0xFF, count: 200), types)
            #expect(found.count == rows.count && found == rows.map { carefully($0, types) }, "\(name)")
        }
    }
}
