/// Sizes as QEMU reads them: bytes, or k, M, G, T, P, E.
public enum ImageSize {
    /// That an option of a format or of a node is no size, in qemu-img's words.
    public static func refusal(_ key: String) -> ImageError {
        ImageError(
            .invalid,
            "Parameter '\(key)' expects a non-negative number below 2^64\u{2028}Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\u{2028}and exabytes, respectively."
        )
    }

    /// The size that an option has.
    ///
    /// - Throws: an ``ImageError`` where it has none, in qemu-img's words.
    public static func option(_ key: String, _ text: String) throws(ImageError) -> UInt64 {
        guard let size = bytes(text) else { throw refusal(key) }
        return size
    }

    /// Bytes, also in hexadecimal, or with a fraction of a unit.
    ///
    /// - Source: QEMU util/cutils.c `do_strtosz`.
    public static func bytes(_ text: String) -> UInt64? {
        if text.hasPrefix("0x") || text.hasPrefix("0X") {
            return UInt64(text.dropFirst(2), radix: 16).flatMap { $0 > UInt64(Int64.max) ? nil : $0 }
        }
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let scale: UInt64
        switch text.dropFirst(number.count).lowercased() {
        case "", "b": scale = 1
        case "k": scale = 1 << 10
        case "m": scale = 1 << 20
        case "g": scale = 1 << 30
        case "t": scale = 1 << 40
        case "p": scale = 1 << 50
        case "e": scale = 1 << 60
        default: return nil
        }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = UInt64(parts[0]) else { return nil }
        let (product, overflow) = whole.multipliedReportingOverflow(by: scale)
        guard !overflow, product <= UInt64(Int64.max) else { return nil }
        guard parts.count == 2, let part = Double("0.\(parts[1])0"), part > 0 else { return product }
        // There is no part of a byte.
        guard scale > 1 else { return nil }
        return product.addingReportingOverflow(UInt64((part * Double(scale)).rounded())).partialValue
    }
}
