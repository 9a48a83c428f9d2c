import EventModel
import Testing

@testable import PipelineRuntime

@Suite struct ImportCSVReaderTests {
    private static let limit = 40
    private static let samples: [String] = [
        "a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "\u{FEFF}a,b\n1,2\n", "a\n\n\r\n1\n",
        "\"a\",\"b,c\"\n\"d\ne\",\"f\"\"g\"\"\"\r\n",
        "\"\",\n,\"\"\r\n,,\n", "a\"b,c\"\"d\n\"x\"\"\",y\n", "1,\"never closed\n2,b\n3,c\n", "1,\"x\"y,z\n2,b\n",
        "\"a\r\"\nb\"\n\"c\"\r\n",
        "0123456789012345678901234567890123456789\nshort\n01234567890123456789012345678901234567890\nz\n",
        "x,\"0123456789\n0123456789\n0123456789\n0123456789\"\nz\n",
        "x,\"01234567890123456789012345678901234567890123456789\"\nz,\"q\"",
        "\"a\"\r", "a,b\r", "\"a\nb\nc", "\"\"\"\n\"\"\"\n", "\u{FEFF}", "\n", "\"", ",", "é,ü\n\u{FEFF}x,1\n",
    ]

    @Test(arguments: samples) func chunksAtEveryByteGiveTheSameRows(_ text: String) {
        let bytes = Array(text.utf8)
        let whole = readRows([bytes], limit: Self.limit)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let chunks = [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
                let split = readRows(chunks, limit: Self.limit)
                if split != whole { Issue.record("split at \(first), \(second): \(split) instead of \(whole)") }
            }
        }
        #expect(readRows(bytes, chunk: 1, limit: Self.limit) == whole)
    }

    @Test func randomTextGivesTheSameRowsWhateverTheChunks() {
        for seed in 1...400 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let letters = Array("aab,,\"\"\n\n\r".utf8)
            let text = (0..<200).map { _ in letters.randomElement(using: &random)! }
            let whole = readRows([text], limit: 12)
            for chunk in [1, 2, 3, 7, 50] where readRows(text, chunk: chunk, limit: 12) != whole {
                Issue.record("seed \(seed), chunk \(chunk)")
            }
        }
    }

    @Test func randomTablesComeBack() {
        for seed in 1...100 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let letters = Array("ab,\"\n é")
            let rows = (0..<20).map { _ in
                (0..<Int.random(in: 2...5, using: &random)).map { _ in
                    String(
                        (0..<Int.random(in: 0...9, using: &random)).map { _ in letters.randomElement(using: &random)! })
                }
            }
            let end = Bool.random(using: &random) ? "\n" : "\r\n"
            let text = rows.map { row in
                row.map { field in
                    let needsQuotes = field.contains { ",\"\n".contains($0) } || Bool.random(using: &random)
                    return needsQuotes ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
                }.joined(separator: ",") + end
            }
            let read = readRows(Array(text.joined().utf8), chunk: Int.random(in: 1...64, using: &random)).rows
            var line = 1
            let lines = rows.map { row in
                defer { line += 1 + row.joined().count { $0 == "\n" } }
                return line
            }
            var offset = 0
            let expected = zip(zip(rows, lines), text).map { row, text in
                defer { offset += text.utf8.count }
                return ReadRow.row(row.0, line: row.1, offset: offset)
            }
            #expect(read == expected, "seed \(seed)")
        }
    }

    @Test func quotedFieldsHoldCommasLineFeedsAndQuotes() {
        let read = readRows([Array("\"a,b\",\"c\r\nd\",\"e\"\"f\"\"\"\r\nx,y,z\n".utf8)]).rows
        #expect(
            read == [
                .row(["a,b", "c\r\nd", "e\"f\""], line: 1, offset: 0), .row(["x", "y", "z"], line: 3, offset: 23),
            ])
    }

    @Test func brokenQuotingCostsOneLine() {
        let read = readRows([Array("h\n\"open,1\nb\n\"c\"d\ne\n\"last".utf8)]).rows
        #expect(
            read == [
                .row(["h"], line: 1, offset: 0),
                .malformed(MalformedRow(line: 2, byteOffset: 2, reason: .textAfterQuote)),
                .row(["b"], line: 3, offset: 10),
                .malformed(MalformedRow(line: 4, byteOffset: 12, reason: .textAfterQuote)),
                .row(["e"], line: 5, offset: 17),
                .malformed(MalformedRow(line: 6, byteOffset: 19, reason: .unclosedQuote)),
            ])
    }

    @Test(arguments: [1 << 10, 1 << 16, 1 << 22]) func aLineOfTenMegabytesIsReportedWithItsLength(_ chunk: Int) {
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 10_000_000)
        let read = readRows(Array("a\nb\n".utf8) + long + Array("\nc\n".utf8), chunk: chunk).rows
        #expect(
            read == [
                .row(["a"], line: 1, offset: 0), .row(["b"], line: 2, offset: 2),
                .malformed(MalformedRow(line: 3, byteOffset: 4, reason: .tooLong(bytes: 10_000_000, limit: 1 << 20))),
                .row(["c"], line: 4, offset: 10_000_005),
            ])
    }

    @Test func emptyLinesAreCounted() {
        let read = readRows([Array("a\n\n\r\nb\n\n".utf8)])
        #expect(read.rows == [.row(["a"], line: 1, offset: 0), .row(["b"], line: 4, offset: 5)])
        #expect(read.emptyLines == 3)
    }

    @Test func manyFieldsAreRead() {
        let fields = (0..<1_000).map(String.init)
        let read = readRows([Array(fields.joined(separator: ",").utf8)]).rows
        #expect(read == [.row(fields, line: 1, offset: 0)])
    }

    @Test func linesComeTheSameWhateverTheChunks() {
        let text = Array("{}\r\n\nabcdefghijk\n\nlonger than the limit\r\nx".utf8)
        var all: [[String]] = []
        for chunk in 1...text.count {
            var reader = LineReader(maximumLength: 11)
            var lines: [String] = []
            func drain() {
                while true {
                    do {
                        guard let line = try reader.next() else { return }
                        lines.append(
                            "\(line.number) \(line.byteOffset) \(String(decoding: line.bytes, as: UTF8.self)) \(line.isTerminated)"
                        )
                    } catch { lines.append("\(error.byteOffset) \(error)") }
                }
            }
            for start in stride(from: 0, to: text.count, by: chunk) {
                text[start..<min(start + chunk, text.count)].withUnsafeBytes { reader.append($0) }
                drain()
            }
            reader.finish()
            drain()
            #expect(reader.emptyLines == 2)
            all.append(lines)
        }
        #expect(Set(all).count == 1)
        #expect(
            all.first == [
                "1 0 {} true", "3 5 abcdefghijk true", "18 line 5: 22 bytes long; at most 11 are read", "6 41 x false",
            ])
    }

    @Test func aSourceIsKnownByItsHeaderAndFirstRow() {
        func identity(_ text: String) -> SourceIdentity? {
            var reader = CSVRowReader()
            Array(text.utf8).withUnsafeBytes { reader.append($0) }
            reader.finish()
            guard let header = try? reader.next()?.strings, let row = try? reader.next() else { return nil }
            return SourceIdentity(header: header, firstRow: row)
        }
        let first = identity("a,b\n1,2\n")
        #expect(first != nil)
        #expect(first == identity("\u{FEFF}a,b\r\n1,\"2\"\r\n3,4\r\n"))
        for other in ["a,b\n1,3\n", "a,c\n1,2\n", "ab,\n1,2\n", "a,b\n12,\n", "a,b\n,12\n"] {
            #expect(identity(other) != first)
        }
        #expect((first?.value ?? -1) >= 0)
    }
}
