import Foundation

/// The modules that each folder of Sources may import. Arrows: values → algorithms → core → runtime → edges.
let importTable: [String: Set<String>] = [
    "CChecksum": [],
    "CMemory": [],
    "CVarints": [],
    "CRowKernels": [],
    "COpenBLAS": [],
    "CLAPACKE": [],
    "EventModel": ["CVarints"],
    "Platform": ["Glibc", "Synchronization"],
    "LinearAlgebra": ["COpenBLAS", "CLAPACKE", "CRowKernels"],
    "LogStorage": ["EventModel", "Platform", "CChecksum", "CVarints"],
    "Windowing": ["EventModel", "CMemory", "Synchronization"],
    "Features": ["EventModel", "Windowing", "CRowKernels", "Glibc"],
    "OnlineLearning": ["EventModel", "LinearAlgebra", "RealModule", "Glibc"],
    "Evaluation": ["EventModel", "RealModule", "Glibc"],
    "PipelineCore": ["EventModel", "Windowing", "Features", "OnlineLearning", "CVarints", "Glibc"],
    "PipelineRuntime": [
        "EventModel", "Windowing", "Features", "OnlineLearning", "PipelineCore", "LogStorage", "Platform", "Evaluation",
        "LinearAlgebra", "Yams", "Collections", "HeapModule", "DequeModule", "Foundation", "Synchronization",
    ],
    "ModelExchange": ["EventModel", "Features", "OnlineLearning", "PipelineCore"],
    "Simulation": ["EventModel", "Platform", "RealModule", "Glibc", "Synchronization"],
    "Benchmarks": ourModules.union(["Foundation", "Synchronization"]),
    "tidemark": ourModules.union(["Benchmarks", "ArgumentParser", "Foundation", "Synchronization"]),
]

/// What the edges may import: every library of ours but the C ones that another module wraps.
private let ourModules: Set<String> = [
    "EventModel", "Platform", "LinearAlgebra", "LogStorage", "Windowing", "Features", "OnlineLearning", "Evaluation",
    "PipelineCore", "PipelineRuntime", "ModelExchange", "Simulation",
]

func importFindings(in file: TextFile) -> [Finding] {
    guard let module = file.module, let allowed = importTable[module] else {
        return [Finding(path: file.path, line: 1, problem: "the import table does not know its module")]
    }
    return file.lines.compactMap { line in
        guard let imported = importedModule(line.text), !allowed.contains(imported) else { return nil }
        let list = allowed.isEmpty ? "nothing" : allowed.sorted().joined(separator: ", ")
        return Finding(
            path: file.path, line: line.number,
            problem: "\(module) may not import \(imported); it may import \(list)")
    }
}

/// All that `module` imports, and what that imports.
func reachable(from module: String) -> Set<String> {
    var found: Set<String> = []
    var open = Array(importTable[module] ?? [])
    while let next = open.popLast() {
        if found.insert(next).inserted { open += importTable[next] ?? [] }
    }
    return found
}

/// The module that a line imports; other C libraries count as Glibc.
func importedModule(_ line: Substring) -> String? {
    let kinds: Set<Substring> = ["func", "struct", "class", "enum", "protocol", "typealias", "var", "let"]
    var words = line.split(separator: " ")[...]
    while let first = words.first, first.hasPrefix("@") || ["public", "package", "internal", "private"].contains(first)
    {
        words.removeFirst()
    }
    guard words.popFirst() == "import" else { return nil }
    if let kind = words.first, kinds.contains(kind) { words.removeFirst() }
    guard let name = words.first?.split(separator: ".").first else { return nil }
    return ["Musl", "Darwin", "Bionic"].contains(name) ? "Glibc" : String(name)
}
