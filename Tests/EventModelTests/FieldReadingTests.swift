import CVarints
import EventModel
import TestSupport
import Testing

/// The fast way to read a row of fields against the careful one, which reads them one after the other.
@Suite struct FieldReadingTests {
    typealias Read = (
        UnsafePointer<UInt8>, UnsafePointer<UInt8>, UnsafePointer<UInt8>, UnsafeMutablePointer<tidemark_field>, Int,
        UnsafeMutablePointer<Int64>, UnsafeMutablePointer<UInt64>
    ) -> Bool

    private var ways: [(name: String, read: Read)] {
        [("as the processor can", tidemark_read_fields), ("by shifts", tidemark_read_fields_by_shifts)]
    }

    /// What the careful way reads of a row; nil where it is not what the types say.
    private func carefully(_ bytes: [UInt8], _ types: [ColumnType]) -> [Int64]? {
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            let numbers: [Int64] = types.map { type in
                switch type {
                case .long, .timestamp: return reader.readVarint()
                case .decimal: return reader.readAvroDecimal()
                case .double, .string:
                    reader.skipAvro(type)
                    return 0
                }
            }
            return reader.isValid && reader.remaining == 0 ? numbers : nil
        }
    }

    /// Every second field counts for the hash.
    private func makeFields(_ types: [ColumnType]) -> [tidemark_field] {
        types.enumerated().map { index, type in
            type.field(word: index, salt: index % 2 == 1 ? UInt64(index) * 77 : nil)
        }
    }

    private func hash(_ numbers: [Int64]) -> UInt64 {
        numbers.enumerated().reduce(0) { sum, field in
            field.offset % 2 == 0
                ? sum : sum &+ mixed(UInt64(field.offset) * 77, UInt64(bitPattern: field.element))
        }
    }

    private func randomNumber(_ random: inout SeededRandom) -> Int64 {
        let number = Int64(bitPattern: random.next() >> UInt64(random.int(0...63)))
        return random.int(0...1) == 0 ? number : ~number
    }

    private func randomRow(_ types: [ColumnType], _ random: inout SeededRandom) -> [UInt8] {
        var writer = ByteWriter()
        for type in types {
            switch type {
            case .long, .timestamp: writer.appendVarint(randomNumber(&random))
            case .decimal: writer.appendAvroDecimal(randomNumber(&random))
            case .double: writer.appendAvro(.double(Double(random.int(0...9))), as: type)
            case .string:
                let length = random.int(0...(random.int(0...9) == 0 ? 90 : 9))
                writer.appendAvro(.text(String(repeating: "x", count: length)), as: type)
            }
        }
        return Array(writer.bytes)
    }

    /// Rows of random fields of all lengths, whole, cut, grown, and with bytes changed; bytes behind a row can be looked at
    /// or not. What the fast way reads is what the careful way reads; it leaves to it all that is malformed.
    @Test(arguments: 0..<12 as Range<UInt64>)
    func whatIsReadFastIsWhatIsReadCarefully(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let kinds: [ColumnType] = [.long, .decimal(scale: 2), .double, .string]
        let types = (0..<random.int(1...8)).map { _ in random.int(0...1) == 0 ? .long : kinds[random.int(0...3)] }
        for (name, read) in ways {
            var fields = makeFields(types)
            var sum: UInt64 = 0
            var numbers = [Int64](repeating: -1, count: types.count)
            var readFast = 0
            for _ in 0..<3_000 {
                var row = randomRow(types, &random)
                switch random.int(0...9) {
                case 0: row.removeLast(random.int(0...row.count))
                case 1: row.append(UInt8(random.int(0...255)))
                case 2 where !row.isEmpty: row[random.int(0...row.count - 1)] = UInt8(random.int(0...255))
                default: break
                }
                let slack = random.int(0...3) == 0 ? random.int(0...8) : 9 * types.count
                let memory = row + (0..<slack).map { _ in UInt8(random.int(0...255)) }
                let isRead = memory.withUnsafeBufferPointer { memory in
                    guard let start = memory.baseAddress else { return false }
                    return read(start, start + row.count, start + memory.count, &fields, types.count, &numbers, &sum)
                }
                guard isRead else { continue }
                readFast += 1
                let expected = carefully(row, types)
                #expect(expected == numbers && sum == hash(numbers), "seed \(seed), \(name): \(types) of \(row)")
            }
            #expect(readFast > 0, "seed \(seed), \(name): no row of \(types) was read fast")
        }
    }

    /// Each usual row is read fast, or the careful way would hide that the fast one does nothing.
    @Test func usualRowsAreReadFast() {
        let types: [ColumnType] = [.timestamp, .long, .long, .decimal(scale: 2), .string, .double]
        for (name, read) in ways {
            var fields = makeFields(types)
            var sum: UInt64 = 0
            var numbers = [Int64](repeating: 0, count: types.count)
            for number in 0..<500 {
                var writer = ByteWriter()
                let expected: [Int64] = [1_522_540_800_000 + Int64(number), Int64(number * number), -3, 12_345, 0, 0]
                for index in 0..<3 { writer.appendVarint(expected[index]) }
                writer.appendAvro(.integer(expected[3]), as: types[3])
                writer.appendAvro(.text("web"), as: types[4])
                writer.appendAvro(.double(1.5), as: types[5])
                let row = Array(writer.bytes)
                let memory = row + [UInt8](repeating: 0xFF, count: 64)
                let isRead = memory.withUnsafeBufferPointer { memory in
                    guard let start = memory.baseAddress else { return false }
                    return read(start, start + row.count, start + memory.count, &fields, types.count, &numbers, &sum)
                }
                #expect(isRead && numbers == expected && sum == hash(expected), "\(name), row \(number)")
            }
        }
    }
}
