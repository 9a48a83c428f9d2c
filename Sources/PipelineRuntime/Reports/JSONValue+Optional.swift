import EventModel

extension JSONValue {
    /// A number, or null where there is none.
    public static func optional(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }
}
