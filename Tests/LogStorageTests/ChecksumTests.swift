import CChecksum
import LogStorage
import Simulation
import Testing

struct ChecksumTests {
    @Test func theKnownVectorComesOut() {
        #expect(Array("123456789".utf8).withUnsafeBytes { crc32c($0) } == 0xE306_9283)
        #expect(
            Array("123456789".utf8).withUnsafeBytes { tidemark_crc32c_portable(0, $0.baseAddress, 9) } == 0xE306_9283)
    }

    @Test func theInstructionAndTheTablesAgreeAtEveryLength() {
        var random = RandomStream(seed: 1, purpose: 1)
        let bytes = (0..<4_100).map { _ in UInt8(random.below(256)) }
        bytes.withUnsafeBytes { bytes in
            for length in 0...4_000 {
                let part = UnsafeRawBufferPointer(rebasing: bytes[(length % 9)..<(length % 9 + length)])
                let start = UInt32(truncatingIfNeeded: length &* 2_654_435_761)
                if crc32c(part, from: start) != tidemark_crc32c_portable(start, part.baseAddress, length) {
                    Issue.record("length \(length)")
                }
            }
        }
    }

    @Test func aChecksumGoesOnWhereItStopped() {
        let bytes = Array("the quick brown fox jumps over the lazy dog".utf8)
        bytes.withUnsafeBytes { bytes in
            for cut in 0...bytes.count {
                let start = crc32c(UnsafeRawBufferPointer(rebasing: bytes[..<cut]))
                #expect(crc32c(UnsafeRawBufferPointer(rebasing: bytes[cut...]), from: start) == crc32c(bytes))
            }
        }
    }
}
