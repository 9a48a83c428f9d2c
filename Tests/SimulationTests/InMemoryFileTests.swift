import Testing

@testable import Simulation

/// A crash against a naive model that keeps the whole file as it was after each change.
struct InMemoryFileTests {
    /// The file after each change since the last sync, the synced one first.
    private struct Versions {
        var all: [[UInt8]]

        /// Whether a crash can leave `found`: its size is that of some version, and each sector is that of some version,
        /// or the front of one and the back of the synced one.
        func allow(_ found: [UInt8]) -> Bool {
            guard all.contains(where: { $0.count == found.count }) else { return false }
            return stride(from: 0, to: found.count, by: 512).allSatisfy { start in
                let end = min(start + 512, found.count)
                return all.contains { version in
                    var position = start
                    while position < end, found[position] == byte(of: version, at: position) { position += 1 }
                    while position < end, found[position] == byte(of: all[0], at: position) { position += 1 }
                    return position == end
                }
            }
        }

        private func byte(of version: [UInt8], at position: Int) -> UInt8 {
            position < version.count ? version[position] : 0
        }
    }

    @Test(arguments: 0..<40)
    func aCrashLeavesEachSectorAndTheSizeAsOfSomeMoment(seed: Int) {
        var random = RandomStream(seed: UInt64(seed), purpose: 1)
        var file = InMemoryFile()
        var naive: [UInt8] = []
        var versions = Versions(all: [[]])
        for change in 1...12 {
            switch random.below(8) {
            case 0:
                file.sync()
                versions.all = [naive]
                #expect(file.durable == naive)
                continue
            case 1:
                let size = random.below(2_000)
                file.truncate(to: size)
                naive = Array(naive.prefix(size)) + [UInt8](repeating: 0, count: max(size - naive.count, 0))
            default:
                let position = random.below(1_500)
                let bytes = (0..<random.below(700)).map { _ in UInt8(1 + random.below(255)) }
                file.write(bytes, at: position)
                if bytes.isEmpty { continue }
                naive += [UInt8](repeating: 0, count: max(position + bytes.count - naive.count, 0))
                naive.replaceSubrange(position..<position + bytes.count, with: bytes)
            }
            versions.all.append(naive)
            #expect(file.contents == naive)
            #expect(file.durable == versions.all[0])
            for crash in 0..<8 {
                var random = RandomStream(seed: UInt64(crash), purpose: 2, index: UInt64(change))
                let left = file.crashed(&random)
                #expect(versions.allow(left), "seed \(seed), change \(change), crash \(crash)")
            }
        }
    }

    /// All that a crash leaves of a file, over many seeds.
    private func outcomes(of file: InMemoryFile) -> Set<[UInt8]> {
        Set(
            (0..<1_500).map { seed in
                var random = RandomStream(seed: UInt64(seed), purpose: 3)
                return file.crashed(&random)
            })
    }

    @Test func aLaterSectorMaySurviveAnEarlierOne() {
        var file = InMemoryFile()
        file.write([UInt8](repeating: 1, count: 1_024), at: 0)
        let found = outcomes(of: file)
        for (first, second) in [(0, 0), (0, 1), (1, 0), (1, 1)] as [(UInt8, UInt8)] {
            let whole = [UInt8](repeating: first, count: 512) + [UInt8](repeating: second, count: 512)
            #expect(found.contains(whole), "\(first) \(second)")
        }
        #expect(found.contains([]))
        #expect(found.contains { $0.count == 1_024 && (1..<512).contains($0.prefix { $0 == 1 }.count) }, "torn")
    }

    @Test func ofTwoWritesToOneSectorTheLaterNeverSurvivesAlone() {
        var file = InMemoryFile(durable: [0, 0, 0, 0])
        file.write([1, 1], at: 0)
        file.write([2, 2], at: 2)
        #expect(outcomes(of: file) == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 2, 2], [1, 1, 2, 0]])
    }

    @Test func oldBytesMayComeBackWhenACutWasNotSynced() {
        var file = InMemoryFile(durable: [UInt8](repeating: 1, count: 600))
        file.truncate(to: 10)
        file.write([2], at: 599)
        let found = outcomes(of: file)
        let zeros = [UInt8](repeating: 0, count: 580)
        #expect(found.contains([UInt8](repeating: 1, count: 600)))
        #expect(found.contains([UInt8](repeating: 1, count: 10)))
        #expect(found.contains([UInt8](repeating: 1, count: 599) + [2]) == false, "the cut precedes the write there")
        #expect(found.contains([UInt8](repeating: 1, count: 512) + zeros.prefix(87) + [2]))
        file.truncate(to: 10)
        file.sync()
        file.truncate(to: 600)
        #expect(outcomes(of: file).allSatisfy { $0.dropFirst(10).allSatisfy { $0 == 0 } })
    }

    @Test func aSyncThatFailedMayHaveLostWhatReadsGoOnSeeing() {
        let bytes = [UInt8](repeating: 1, count: 2_048)
        var lost = 0
        for seed in 0..<100 {
            var random = RandomStream(seed: UInt64(seed), purpose: 4)
            var file = InMemoryFile()
            file.write(bytes, at: 0)
            file.failSync(&random)
            #expect(file.contents == bytes)
            file.sync()
            #expect(file.contents == bytes)
            if file.durable == bytes { continue }
            lost += 1
            #expect(file.durable.count == bytes.count)
            file.write(bytes, at: 0)
            file.sync()
            #expect(file.durable == bytes, "seed \(seed): written anew")
        }
        #expect(lost > 50 && lost < 100)
    }
}
