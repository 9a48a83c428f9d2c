import Testing

@testable import Simulation

@Suite struct TerminalGridTests {
    private func places(_ count: Int, seed: UInt64, side: Double) -> [(x: Double, y: Double)] {
        var random = RandomStream(seed: seed, purpose: 1)
        return (0..<count).map { _ in (x: random.uniform(0...side), y: random.uniform(0...side)) }
    }

    @Test(
        arguments: [(0, 5), (1, 5), (40, 0.5), (40, 3), (40, 20), (300, 1), (300, 9.9), (300, 10), (30, 1e-9)]
            as [(Int, Double)])
    func drawnTerminalsAreAllThoseWithinTheRadius(_ count: Int, _ radius: Double) {
        let terminals = places(count, seed: 2, side: 10)
        let grid = TerminalGrid(places: terminals, side: 10, radius: radius)
        var random = RandomStream(seed: 4, purpose: 1)
        for point in places(12, seed: 3, side: 10) + [(0, 0), (10, 10), (0, 10)] {
            let near = Set(
                terminals.indices.filter {
                    let (dx, dy) = (terminals[$0].x - point.x, terminals[$0].y - point.y)
                    return dx * dx + dy * dy < radius * radius
                })
            #expect(grid.hasTerminal(nearX: point.x, y: point.y) == !near.isEmpty)
            let around = grid.neighbourhood(x: point.x, y: point.y)
            var drawn = Set<Int>()
            for _ in 0..<near.count * 12 + 1 {
                if let terminal = grid.draw(around, x: point.x, y: point.y, &random) { drawn.insert(Int(terminal)) }
            }
            #expect(drawn == near)
        }
    }

    @Test func eachTerminalWithinTheRadiusIsAsLikely() {
        let terminals = places(200, seed: 5, side: 10)
        let grid = TerminalGrid(places: terminals, side: 10, radius: 2)
        var random = RandomStream(seed: 6, purpose: 1)
        var counts: [Int32: Int] = [:]
        for _ in 0..<20_000 {
            let terminal = grid.draw(grid.neighbourhood(x: 5, y: 5), x: 5, y: 5, &random)
            counts[terminal ?? -1, default: 0] += 1
        }
        let expected = 20_000 / Double(counts.count)
        for count in counts.values { #expect(abs(Double(count) - expected) < 5 * expected.squareRoot()) }
    }
}
