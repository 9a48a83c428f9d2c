import Glibc
import Platform

/// A decoder under test, for libFuzzer: `Tests/Scripts/fuzz.sh` builds and runs it.
///
/// `run` decodes any input and checks what must hold; a trap, a read outside the input (the build has AddressSanitizer
/// in it), a hang or too much memory is a finding.
struct FuzzTarget: Sendable {
    var name: String
    /// Good inputs to begin with.
    var seeds: @Sendable () -> [[UInt8]]
    var run: @Sendable (UnsafeRawBufferPointer) -> Void

    static let all = [batch, index, avro]

    /// The one that the environment names in `FUZZ_TARGET`.
    static let chosen: FuzzTarget = {
        let name = environment("FUZZ_TARGET") ?? ""
        guard let target = all.first(where: { $0.name == name }) else {
            preconditionFailure("FUZZ_TARGET is '\(name)'; it must be one of \(all.map(\.name))")
        }
        return target
    }()

    /// Writes the seeds to a directory that is there.
    func writeSeeds(to directory: String) throws(FileError) {
        for (number, seed) in seeds().enumerated() {
            let file = try PosixFileSystem().open("\(directory)/seed-\(number)", .replacing)
            let bytes = seed.withUnsafeBytes { MappedBytes(copying: $0) }
            try file.write(bytes.bytes, at: 0)
            file.close()
        }
    }
}

private func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// libFuzzer calls this before it reads its corpus: puts the seeds into the directory `FUZZ_SEEDS`, if there is one.
@_cdecl("LLVMFuzzerInitialize")
public func fuzzerInitialize(_ argumentCount: UnsafeRawPointer, _ arguments: UnsafeRawPointer) -> CInt {
    guard let directory = environment("FUZZ_SEEDS") else { return 0 }
    do {
        try FuzzTarget.chosen.writeSeeds(to: directory)
        return 0
    } catch {
        preconditionFailure("\(error)")
    }
}

/// libFuzzer calls this for each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzerTestOneInput(_ start: UnsafeRawPointer, _ count: Int) -> CInt {
    FuzzTarget.chosen.run(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
