import Foundation
import Testing

/// What a tool can check of the repository itself. Each check is tried on made-up text too, so that it is known to
/// fail.
struct TidyTests {
    let repository = Repository.current

    @Test func modulesImportOnlyWhatTheTableAllows() throws {
        for file in try repository.files(under: "Sources", extensions: ["swift"]) {
            for finding in importFindings(in: file) { Issue.record("\(finding)") }
        }
        for module in try repository.folders(in: "Sources") where importTable[module] == nil {
            Issue.record("Sources/\(module) is not in the import table")
        }
    }

    @Test func noModuleCallsWhatIsBanned() throws {
        for file in try repository.files(under: "Sources", extensions: ["swift"]) {
            for finding in bannedCallFindings(in: file) { Issue.record("\(finding)") }
        }
    }

    @Test func theTopLevelIsWhatItShouldBe() throws {
        #expect(topLevelFindings(try repository.topLevel()) == [])
    }

    @Test func noLineIsLongerThanAReviewShows() throws {
        let extensions = ["swift", "c", "h", "py", "modulemap"]
        for folder in ["Sources", "Tests"] {
            for file in try repository.files(under: folder, extensions: extensions) {
                for finding in longLineFindings(in: file) { Issue.record("\(finding)") }
            }
        }
    }

    @Test func noFileNamesPathsOfOneMachine() throws {
        let text = ["swift", "c", "h", "py", "md", "yaml", "yml", "ipynb", "json", "csv", "txt", "modulemap", "sh"]
        for file in try repository.files(under: "", extensions: text) where !file.path.hasPrefix(".ci/") {
            for finding in machinePathFindings(in: file) { Issue.record("\(finding)") }
        }
    }

    // MARK: the checks can fail

    @Test func anImportAgainstTheTableIsFound() {
        let text = "import EventModel\n@testable import PipelineCore\nimport func Glibc.open\n// import Foundation\n"
        let findings = importFindings(in: TextFile(path: "Sources/Windowing/New.swift", text: text))
        let rest = "it may import CMemory, EventModel, Synchronization"
        #expect(
            findings.map(\.description) == [
                "Sources/Windowing/New.swift:2: Windowing may not import PipelineCore; \(rest)",
                "Sources/Windowing/New.swift:3: Windowing may not import Glibc; \(rest)",
            ])
        let unknown = importFindings(in: TextFile(path: "Sources/Nowhere/New.swift", text: "import EventModel"))
        #expect(unknown.count == 1)
        #expect(importFindings(in: TextFile(path: "Sources/Windowing/New.swift", text: "import EventModel\n")) == [])
    }

    @Test func arrowsOfTheImportTableNeverPointBack() {
        let layers = Array(importTable.keys)
        for module in layers {
            #expect(!reachable(from: module).contains(module), "\(module) imports itself in a circle")
        }
    }

    @Test(arguments: [
        ("let x = try! load()", 1), ("fatalError(\"no\")", 1), ("let x = y as! Int", 1), ("let now = Date()", 1),
        ("ProcessInfo.processInfo", 1), ("print(x)", 1), ("Int.random(in: 0..<3)", 1), ("rows.shuffled()", 1),
        ("// TO" + "DO: later", 1), ("import Glibc\nlet fd = open(path, O_RDONLY)", 1),
        ("import Foundation\nfsync(fd)", 1),
        ("open(.first)", 0),
        ("Int.random(in: 0..<3, using: &random)", 0), ("// try! is banned", 0), ("import Glibc\nreader.open(path)", 0),
        ("import Glibc\nfunc open(_ path: String) {", 0), ("let x = try? load()", 0), ("fingerprint(of: x)", 0),
    ])
    func aBannedCallIsFound(_ line: String, _ count: Int) {
        #expect(bannedCallFindings(in: TextFile(path: "Sources/Windowing/New.swift", text: line)).count == count)
    }

    @Test func aBannedCallIsAllowedWhereTheTableSaysSo() {
        #expect(bannedCallFindings(in: TextFile(path: "Sources/tidemark/New.swift", text: "print(x)")) == [])
        #expect(
            bannedCallFindings(in: TextFile(path: "Sources/Platform/New.swift", text: "import Glibc\nfsync(0)")) == [])
    }

    @Test func aMissingOrAnOddTopLevelEntryIsFound() {
        let whole = ["Package.swift", "Sources", "Tests", "models", "datasets", "notebooks-docs", "README.md"]
        #expect(topLevelFindings(whole + [".gitignore", ".ci"]) == [])
        #expect(topLevelFindings(whole + ["scripts"]) == ["'scripts' does not belong at the top level"])
        #expect(topLevelFindings(whole.filter { $0 != "models" }) == ["'models' is missing at the top level"])
    }

    @Test func aLongLineIsFound() {
        let text = String(repeating: "x", count: 160) + "\n" + String(repeating: "é", count: 161)
        let findings = longLineFindings(in: TextFile(path: "a.swift", text: text))
        #expect(findings.map(\.description) == ["a.swift:2: 161 characters; a line has at most 160"])
    }

    @Test(arguments: [
        ("see /" + "work/main", 1), ("'/" + "tmp/x'", 1), ("(/" + "root/.cache)", 1), ("homework/main", 0),
        ("https://example.org/" + "tmp/x", 0),
    ])
    func aMachinePathIsFound(_ line: String, _ count: Int) {
        #expect(machinePathFindings(in: TextFile(path: "a.md", text: line)).count == count)
    }

    @Test func theRepositoryIsFound() throws {
        #expect(try repository.files(under: "Sources", extensions: ["swift"]).count > 20)
        #expect(try repository.topLevel().contains("Package.swift"))
    }
}
