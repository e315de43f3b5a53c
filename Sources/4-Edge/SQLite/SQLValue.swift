/// A value of a row, or of a statement's parameter.
public enum SQLValue: Sendable, Hashable {
    /// SQL's NULL.
    case null
    /// A whole number.
    case integer(Int64)
    /// A text; bytes that are no UTF-8 have been replaced when it was read.
    case text(String)
    /// Bytes.
    case blob([UInt8])

    /// The number; `nil` for anything else.
    public var integer: Int64? {
        guard case .integer(let value) = self else { return nil }
        return value
    }

    /// The text; `nil` for anything else.
    public var text: String? {
        guard case .text(let value) = self else { return nil }
        return value
    }

    /// The bytes; `nil` for anything else.
    public var blob: [UInt8]? {
        guard case .blob(let value) = self else { return nil }
        return value
    }

    /// The text, or NULL where there is none.
    public static func text(orNull value: String?) -> SQLValue { value.map { .text($0) } ?? .null }

    /// The bytes, or NULL where there are none.
    public static func blob(orNull value: [UInt8]?) -> SQLValue { value.map { .blob($0) } ?? .null }
}
