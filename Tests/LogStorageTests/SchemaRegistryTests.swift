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
}
