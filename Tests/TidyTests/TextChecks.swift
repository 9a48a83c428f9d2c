import Foundation

private let topLevelEntries = [
    "Package.swift", "Sources", "Tests", "models", "datasets", "notebooks-docs", "README.md",
]

/// Names starting with a dot are free.
func topLevelFindings(_ entries: [String]) -> [String] {
    let odd = entries.filter { !$0.hasPrefix(".") && !topLevelEntries.contains($0) }
    let missing = topLevelEntries.filter { !entries.contains($0) }
    return odd.map { "'\($0)' does not belong at the top level" }
        + missing.map { "'\($0)' is missing at the top level" }
}

func longLineFindings(in file: TextFile) -> [Finding] {
    file.lines.filter { $0.text.count > 160 }.map { line in
        Finding(path: file.path, line: line.number, problem: "\(line.text.count) characters; a line has at most 160")
    }
}

func machinePathFindings(in file: TextFile) -> [Finding] {
    let folders = ["work", "tmp", "root"].map { "/\($0)/" }
    return file.lines.filter { line in
        folders.contains { folder in
            line.text.ranges(of: folder).contains { range in
                guard range.lowerBound > line.text.startIndex else { return true }
                let before = line.text[line.text.index(before: range.lowerBound)]
                return !(before.isLetter || before.isNumber || "_-.~/}".contains(before))
            }
        }
    }.map { Finding(path: file.path, line: $0.number, problem: "a path of one machine: \($0.text.prefix(100))") }
}
