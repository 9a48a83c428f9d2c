import Platform

/// How far a long command has come, on standard error.
///
/// A terminal shows one line, rewritten at most ten times a second and erased at the end; elsewhere there is a plain
/// line at most every ten seconds, and so none from a short command.
///
///     train  1,234,567 records  71 %  1.21 M/s  0:03 left  2018-08-01  loss 0.0312
final class ProgressLine {
    private static let terminalInterval: Int64 = 100_000_000
    private static let plainInterval: Int64 = 10_000_000_000

    private let verb: String
    private let unit: String
    private let quiet: Bool
    private let isTerminal: Bool
    private let interval: Int64
    private var nextTime: Int64
    /// Where the work stood at the first update, and when: what was done before is not this run's speed.
    private var first: (done: Int64, time: Int64)?
    private var isShown = false

    /// - Parameters:
    ///   - verb: what is going on, such as `train`.
    ///   - unit: what is counted, such as `records`.
    ///   - quiet: show nothing at all.
    init(_ verb: String, unit: String, quiet: Bool) {
        self.verb = verb
        self.unit = unit
        self.quiet = quiet
        isTerminal = StandardStreams.isTerminal(2)
        interval = isTerminal ? Self.terminalInterval : Self.plainInterval
        nextTime = SystemClock().monotonicNanoseconds + interval
    }

    /// Tells how much is done, of how much in all (nil: not known); call it as often as is handy.
    func update(done: Int64, total: Int64?, detail: String = "") {
        if quiet { return }
        let now = SystemClock().monotonicNanoseconds
        if first == nil { first = (done, now) }
        if now < nextTime { return }
        nextTime = now + interval
        show(text(done: done, total: total, detail: detail, now: now))
    }

    /// Ends the display; call it before anything else is written.
    func finish() {
        if isShown { try? StandardStreams.write("\r\u{1B}[K", to: .error) }
        isShown = false
    }

    deinit { finish() }

    private func show(_ text: String) {
        if isTerminal {
            let width = max((StandardStreams.terminalWidth ?? 80) - 1, 20)
            try? StandardStreams.write("\r\u{1B}[K" + text.prefix(width), to: .error)
            isShown = true
        } else {
            try? StandardStreams.write(text + "\n", to: .error)
        }
    }

    private func text(done: Int64, total: Int64?, detail: String, now: Int64) -> String {
        var parts = [verb, "\(grouped(done)) \(unit)"]
        if let total, total > 0 { parts.append("\(min(100, Int(100 * Double(done) / Double(total)))) %") }
        if let rate = rate(done: done, now: now) {
            if rate >= 1 { parts.append(magnitudeText(rate) + "/s") }
            if let total, total >= done { parts.append(durationText(seconds: Double(total - done) / rate) + " left") }
        }
        if !detail.isEmpty { parts.append(detail) }
        return parts.joined(separator: "  ")
    }

    /// Units a second since the first update.
    private func rate(done: Int64, now: Int64) -> Double? {
        guard let first, now > first.time, done > first.done else { return nil }
        return Double(done - first.done) / (Double(now - first.time) / 1e9)
    }
}

/// Three digits and a unit: `1.21 M`, `48.3 k`, `612`.
func magnitudeText(_ value: Double) -> String {
    var rest = value
    var units = ["", " k", " M", " G", " T"][...]
    while rest >= 999.5, units.count > 1 {
        rest /= 1000
        units.removeFirst()
    }
    let decimals = units.startIndex == 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2
    return fixed(rest, decimals) + (units.first ?? "")
}

/// `0:03`, `12:40`, `3:05:00`.
private func durationText(seconds: Double) -> String {
    guard seconds < 1e7 else { return "very long" }
    let whole = Int(seconds.rounded(.up))
    let (minutes, second) = (whole / 60, whole % 60)
    func two(_ number: Int) -> String { leftPadded("\(number)", 2).replacing(" ", with: "0") }
    return minutes < 60 ? "\(minutes):\(two(second))" : "\(minutes / 60):\(two(minutes % 60)):\(two(second))"
}
