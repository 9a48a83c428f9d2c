import EventModel
import Features

/// A piece of input that cannot be a record: where it stands, and why. It goes to a side output and is counted.
public struct MalformedRow: Error, Hashable, Sendable, CustomStringConvertible {
    /// The line on which it begins; 1 is the input's first.
    public var line: Int
    /// Bytes of input before it.
    public var byteOffset: Int
    public var reason: Reason

    public enum Reason: Error, Hashable {
        /// Another number of fields than the header has.
        case fieldCount(found: Int, expected: Int)
        case tooLong(bytes: Int, limit: Int)
        /// A quote that opens a field is not closed before the input's end, or within the longest row.
        case unclosedQuote
        /// The last line of a live stream has no end, so that what is missing of it cannot be told.
        case unterminated
        /// Between a closing quote and the next comma stands something.
        case textAfterQuote
        /// `value` is the field as it stands, printable, its first 100 bytes.
        case field(column: String, FieldProblem, value: String)
        /// An object of JSON without the field.
        case missingField(column: String)
        case json(JSONError)
        case notAnObject
        case unknownCommand(String)
        case unknownKind(String, known: [String])
        case unknownTable(String, known: [String])
        /// A change of a row that was there before, without the time since when.
        case changeWithoutTime(String)
        /// An envelope of change capture without a row.
        case changeWithoutRow(String)
    }

    public init(line: Int, byteOffset: Int, reason: Reason) {
        self.line = line
        self.byteOffset = byteOffset
        self.reason = reason
    }

    public var description: String { "line \(line): \(reason)" }
}

/// Why a field is no value of its column.
public enum FieldProblem: Hashable, Sendable {
    case empty, emptyID
    case notAnOperation
    case notALong, notADecimal, notADouble, notATime(TimeFormat), notALabel
    /// NaN, infinite, or beyond the largest double.
    case notFinite
    /// A double beyond what features may be.
    case tooLargeToLearnFrom
    case tooManyDecimals(scale: Int)
    /// More than 64 bits, or a decimal of more than 18 digits.
    case overflow
    case notUTF8, containsNUL
    /// An array or object of JSON.
    case notAScalar
    /// A heartbeat's time beyond the clock.
    case aheadOfArrival
}

extension MalformedRow.Reason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .fieldCount(let found, let expected): "\(found) fields; the header has \(expected)"
        case .tooLong(let bytes, let limit): "\(bytes) bytes long; at most \(limit) are read"
        case .unclosedQuote: "a field begins with a quote that is never closed"
        case .unterminated: "the line has no end; it may have been cut short"
        case .textAfterQuote: "text between a closing quote and the next comma"
        case .field(let column, let problem, let value): "column \(column): '\(value)' \(problem)"
        case .missingField(let column): "the field \(column) is missing or null"
        case .json(let error): error.description
        case .notAnObject: "expected one JSON object a line"
        case .unknownKind(let name, let known): "unknown kind '\(name)'; expected \(known.joined(separator: ", "))"
        case .unknownTable(let name, let known):
            "unknown table '\(name)'; expected \(known.isEmpty ? "none" : known.joined(separator: ", "))"
        case .changeWithoutTime(let operation): "since when does the \(operation) hold? expected a time as 'at'"
        case .changeWithoutRow(let member): "the change has no object '\(member)'"
        case .unknownCommand(let name): "unknown command '\(name)'; expected 'heartbeat'"
        }
    }
}

extension FieldProblem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .empty: "is empty; expected a value"
        case .emptyID: "is no id: it is empty"
        case .notAnOperation: "is not insert, update, delete, or c, u, d, r"
        case .notALong: "is not a whole number"
        case .notADecimal, .notADouble: "is not a number"
        case .notATime(.iso8601): "is not a time like 2018-04-01 00:00:31"
        case .notATime(let format): "is not a time in whole \(format.rawValue) since 1970 within the years 1 to 9999"
        case .notALabel: "is not a label: expected 0, 1, false, true or nothing"
        case .notFinite: "is not a finite number"
        case .tooLargeToLearnFrom: "is beyond ±\(largestFeature), the largest number that models take"
        case .tooManyDecimals(let scale): "has more than the \(scale) decimals that the column is declared with"
        case .overflow: "is too large for its column"
        case .notUTF8: "is not UTF-8"
        case .containsNUL: "contains a NUL character"
        case .aheadOfArrival: "is ahead of the clock; event time cannot have come so far"
        case .notAScalar: "is an array or object; expected a number or a string"
        }
    }
}

/// At most the first 100 bytes of `bytes` as text that prints on one line: control characters and, in what is not
/// UTF-8, all bytes beyond ASCII stand as `\xNN`; an ellipsis says that there is more.
func printable(_ bytes: UnsafeRawBufferPointer) -> String {
    var end = min(bytes.count, 100)
    while end > 96, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    let shown = UnsafeRawBufferPointer(rebasing: bytes[..<end])
    let isText = isValidUTF8(shown)
    var escaped: [UInt8] = []
    for byte in shown {
        if byte >= 0x20, byte != 0x7F, byte < 0x80 || isText {
            escaped.append(byte)
        } else {
            escaped += (byte < 16 ? "\\x0" : "\\x").utf8
            escaped += String(byte, radix: 16, uppercase: true).utf8
        }
    }
    return String(decoding: escaped, as: UTF8.self) + (end < bytes.count ? "…" : "")
}
