import Foundation

/// A pattern that must not stand in Sources.
struct Ban {
    var pattern: String
    var instead: String
    var allowedIn: Set<String> = []
    /// Where not empty: only files that import one of these can mean it.
    var needsImport: Set<String> = []
    /// Whether comments count too.
    var isInComments = false
}

private let systemCalls = [
    "open", "openat", "pread", "pwrite", "preadv", "pwritev", "fsync", "fdatasync", "mmap", "munmap", "msync",
    "madvise",
    "ftruncate", "fallocate", "posix_fallocate", "unlink", "rename", "renameat", "mkdir", "opendir", "readdir", "flock",
    "clock_gettime", "gettimeofday", "nanosleep", "usleep", "getenv", "setenv", "getrandom", "arc4random", "rand",
    "fork", "execve", "kill", "signal", "sigaction", "pthread_create",
]

let bans: [Ban] = [
    Ban(pattern: #"\btry!"#, instead: "throw a typed error"),
    Ban(pattern: #"\bas!"#, instead: "use 'as?' with an error, or a type that needs no cast"),
    Ban(pattern: #"\bfatalError\("#, instead: "throw a typed error, or use a precondition for a caller's mistake"),
    Ban(pattern: #"\bDate\(\)"#, instead: "take the time from Platform's clock, as a parameter"),
    Ban(pattern: #"\bProcessInfo\b"#, instead: "pass what is needed as a parameter"),
    Ban(
        pattern: #"(?<![\w.])print\("#, instead: "return a value; the command line prints",
        allowedIn: ["tidemark", "Benchmarks"]),
    Ban(pattern: #"\bSystemRandomNumberGenerator\b"#, instead: "a generator with a seed"),
    Ban(
        pattern: #"\.(random\((?!.*\busing:)|shuffled\(\)|shuffle\(\)|randomElement\(\))"#,
        instead: "pass a generator with a seed ('using:')"),
    Ban(pattern: #"\b(TO"# + #"DO|FIX"# + #"ME)\b"#, instead: "do it, or leave it out", isInComments: true),
    Ban(
        pattern: #"(?<![\w.])(?<!func )(?:Glibc\.)?(\#(systemCalls.joined(separator: "|")))\("#,
        instead: "go through Platform, the only module that makes system calls", allowedIn: ["Platform"],
        needsImport: ["Glibc", "Foundation"]),
]

private let compiledBans = bans.map { ban in (ban: ban, expression: try? NSRegularExpression(pattern: ban.pattern)) }

func bannedCallFindings(in file: TextFile) -> [Finding] {
    let imports = Set(file.lines.compactMap { importedModule($0.text) })
    let module = file.module ?? ""
    let compiledBans = compiledBans.filter { ban, _ in
        !ban.allowedIn.contains(module) && (ban.needsImport.isEmpty || !ban.needsImport.isDisjoint(with: imports))
    }
    return file.lines.flatMap { line in
        compiledBans.compactMap { ban, expression in
            let text = ban.isInComments ? String(line.text) : withoutComment(line.text)
            guard let expression else {
                return Finding(path: file.path, line: 0, problem: "bad pattern \(ban.pattern)")
            }
            let whole = NSRange(text.startIndex..., in: text)
            guard let match = expression.firstMatch(in: text, range: whole), let range = Range(match.range, in: text)
            else {
                return nil
            }
            return Finding(path: file.path, line: line.number, problem: "'\(text[range])' is banned; \(ban.instead)")
        }
    }
}

/// The line up to `//`, unless that belongs to an address such as `https://`.
private func withoutComment(_ line: Substring) -> String {
    var start = line.startIndex
    while let slashes = line[start...].range(of: "//") {
        let isAddress = slashes.lowerBound > line.startIndex && line[line.index(before: slashes.lowerBound)] == ":"
        if !isAddress { return String(line[..<slashes.lowerBound]) }
        start = slashes.upperBound
    }
    return String(line)
}
