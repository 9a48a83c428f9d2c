import EventModel
import LogStorage
import Platform
import Simulation
import Testing

struct SchemaRegistryTests {
    private let log = LogDirectory("log/")
    private let transaction = RecordSchema(
        name: "Transaction",
        columns: [Column("id", .long), Column("amount", .decimal(scale: 2)), Column("at", .timestamp)])
    private let label = RecordSchema(name: "Label", columns: [Column("id", .string), Column("score", .double)])

    @Test func schemasGetNumbersThatStay() throws {
        let fileSystem = InMemoryFileSystem()
        let registry = try SchemaRegistry(log, fileSystem: fileSystem)
        #expect(try registry.register(transaction) == SchemaID(1))
        #expect(try registry.register(label) == SchemaID(2))
        #expect(try registry.register(transaction) == SchemaID(1))
        let reloaded = try SchemaRegistry(log, fileSystem: fileSystem.crash())
        #expect(reloaded.schema(SchemaID(1)) == transaction)
        #expect(reloaded.schema(SchemaID(2)) == label)
        #expect(reloaded.schema(SchemaID(3)) == nil)
        #expect(reloaded.all.map(\.id) == [SchemaID(1), SchemaID(2)])
        #expect(try reloaded.register(label) == SchemaID(2))
        #expect(try fileSystem.list("log/schemas") == ["1.avsc", "2.avsc", "lock"])
    }

    @Test func whatAnotherProcessRegisteredIsSeen() throws {
        let fileSystem = InMemoryFileSystem()
        let first = try SchemaRegistry(log, fileSystem: fileSystem)
        let second = try SchemaRegistry(log, fileSystem: fileSystem)
        #expect(try first.register(label) == SchemaID(1))
        #expect(try second.register(transaction) == SchemaID(2))
        #expect(try first.register(transaction) == SchemaID(2))
    }

    @Test func aSchemaThatIsNoneIsNamed() throws {
        let fileSystem = InMemoryFileSystem()
        _ = try SchemaRegistry(log, fileSystem: fileSystem).register(label)
        try fileSystem.overwrite("log/schemas/1.avsc", with: Array("{".utf8))
        do {
            _ = try SchemaRegistry(log, fileSystem: fileSystem)
            Issue.record("loaded")
        } catch LogError.schema(let file, _) { #expect(file == "log/schemas/1.avsc") }
    }

    @Test func aCrashWhileRegisteringLeavesNoHalfSchema() throws {
        let whole = InMemoryFileSystem()
        _ = try SchemaRegistry(log, fileSystem: whole).register(label)
        for last in 0...whole.callCount {
            let fileSystem = InMemoryFileSystem()
            fileSystem.fail(calls: last..<Int.max)
            _ = try? SchemaRegistry(log, fileSystem: fileSystem).register(label)
            for seed in 0..<10 {
                let crashed = fileSystem.crash(leaving: .some(seed: UInt64(seed)))
                let registry = try SchemaRegistry(log, fileSystem: crashed)
                #expect(registry.all.allSatisfy { $0.schema == label })
                #expect(try registry.register(label) == SchemaID(1))
            }
        }
    }

    // MARK: evolution

    private func transaction(_ columns: Column...) -> RecordSchema {
        RecordSchema(name: "Transaction", columns: columns)
    }

    private func refusal(_ schema: RecordSchema, _ registry: SchemaRegistry) -> String? {
        do throws(LogError) {
            _ = try registry.register(schema)
            return nil
        } catch { return "\(error)" }
    }

    @Test func aChangeOfTypeIsRefusedWithTheFieldNamed() throws {
        let fileSystem = InMemoryFileSystem()
        let registry = try SchemaRegistry(log, fileSystem: fileSystem)
        _ = try registry.register(transaction)
        let changed = transaction(Column("id", .long), Column("amount", .string), Column("at", .timestamp))
        #expect(
            refusal(changed, registry)
                == "schema Transaction: field amount is decimal(2) in log/schemas/1.avsc and would become string; "
                + "declare it as decimal(2), or give the string a name of its own and a default")
        #expect(try fileSystem.list("log/schemas") == ["1.avsc", "lock"])
        #expect(try registry.register(label) == SchemaID(2), "other records have fields of their own")
    }

    @Test func aNewColumnNeedsADefault() throws {
        let registry = try SchemaRegistry(log, fileSystem: InMemoryFileSystem())
        _ = try registry.register(transaction(Column("id", .long)))
        #expect(
            refusal(transaction(Column("id", .long), Column("channel", .string)), registry)
                == "schema Transaction: field channel (string) is not in log/schemas/1.avsc and has no default; "
                + "declare one, as in 'channel: { type: string, default: ... }', or, if it had another name there, "
                + "its 'aliases'")
        let second = transaction(Column("id", .long), Column("channel", .string, default: .text("web")))
        #expect(try registry.register(second) == SchemaID(2))
        #expect(try registry.register(second) == SchemaID(2))
        let other = transaction(Column("id", .long), Column("channel", .string, default: .text("app")))
        #expect(try registry.register(other) == SchemaID(3), "another default is another schema")
    }

    @Test func aSchemaHasToReadAllThatCameBeforeAndNotOnlyTheLast() throws {
        let registry = try SchemaRegistry(log, fileSystem: InMemoryFileSystem())
        _ = try registry.register(transaction(Column("id", .long)))
        _ = try registry.register(transaction(Column("id", .long), Column("fee", .long, default: .integer(0))))
        let third = transaction(Column("id", .long), Column("fee", .long))
        #expect(refusal(third, registry)?.contains("field fee (long) is not in log/schemas/1.avsc") == true)
        #expect(try registry.register(transaction(Column("fee", .double, default: .double(0)))) == SchemaID(3))
        #expect(try registry.register(transaction(Column("fee", .double, default: .double(1)))) == SchemaID(4))
        #expect(
            refusal(transaction(Column("fee", .long, default: .integer(0))), registry)?
                .contains("field fee is double in log/schemas/3.avsc and would become long") == true)
    }

    @Test func aSchemaThatAnotherProcessRegisteredIsLookedAtToo() throws {
        let fileSystem = InMemoryFileSystem()
        let first = try SchemaRegistry(log, fileSystem: fileSystem)
        _ = try SchemaRegistry(log, fileSystem: fileSystem).register(transaction)
        #expect(refusal(transaction(Column("id", .string)), first)?.contains("field id is long") == true)
        #expect(throws: LogError.self) { try first.requireReadable(by: transaction(Column("id", .string))) }
        try first.requireReadable(by: transaction(Column("id", .double)))
    }

    @Test func aSchemaThatWouldNotReadBackIsRefused() throws {
        let fileSystem = InMemoryFileSystem()
        let registry = try SchemaRegistry(log, fileSystem: fileSystem)
        for columns in [[Column("1st", .long)], [Column("a", .long), Column("a", .string, default: .text(""))]] {
            #expect(throws: LogError.self) { try registry.register(RecordSchema(name: "A", columns: columns)) }
        }
        #expect(try fileSystem.list("log/schemas") == ["lock"])
        let renamed = RecordSchema(
            name: "A", columns: [Column("new", .long, aliases: ["old"]), Column("old", .string, default: .text(""))])
        #expect(try registry.register(renamed) == SchemaID(1))
        #expect(try SchemaRegistry(log, fileSystem: fileSystem).schema(SchemaID(1)) == renamed)
    }

    // MARK: checksum

    private func damage(_ bytes: [UInt8], on fileSystem: InMemoryFileSystem) throws -> String? {
        try fileSystem.overwrite("log/schemas/1.avsc", with: bytes)
        do throws(LogError) {
            _ = try SchemaRegistry(log, fileSystem: fileSystem)
            return nil
        } catch { return "\(error)" }
    }

    @Test func everyFlippedBitAndEveryCutIsFound() throws {
        let fileSystem = InMemoryFileSystem()
        _ = try SchemaRegistry(log, fileSystem: fileSystem)
            .register(RecordSchema(name: "A", columns: [Column("f", .string, default: .text("é"))]))
        let whole = try fileSystem.read("log/schemas/1.avsc")
        #expect(try damage(whole, on: fileSystem) == nil)
        for bit in 0..<whole.count * 8 {
            var flipped = whole
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            let error = try damage(flipped, on: fileSystem)
            #expect(error?.hasPrefix("schema log/schemas/1.avsc: ") == true, "bit \(bit) was not noticed")
        }
        for length in whole.indices {
            #expect(try damage(Array(whole[..<length]), on: fileSystem) != nil, "cut to \(length) bytes")
        }
        #expect(try damage(whole + [10], on: fileSystem) != nil)
    }

    @Test func aFileWithoutAChecksumIsRefused() throws {
        let fileSystem = InMemoryFileSystem()
        _ = try SchemaRegistry(log, fileSystem: fileSystem).register(label)
        #expect(
            try damage(Array(label.avsc.utf8), on: fileSystem)
                == "schema log/schemas/1.avsc: it does not begin with its checksum; restore the file from a backup")
    }

    /// The digits were computed with a bitwise CRC-32C in Python that gives e3069283 for 123456789.
    @Test func theChecksumIsOfTheTextWithZerosInItsPlace() throws {
        let fileSystem = InMemoryFileSystem()
        _ = try SchemaRegistry(log, fileSystem: fileSystem).register(.command)
        let text = String(decoding: try fileSystem.read("log/schemas/1.avsc"), as: UTF8.self)
        let expected = """
            {
              "checksum": "crc32c:1961b824",
              "type": "record",
              "namespace": "tidemark",
              "name": "Command",
              "fields": [
                {"name": "kind", "type": "string"}
              ]
            }

            """
        #expect(text == expected)
    }
}
