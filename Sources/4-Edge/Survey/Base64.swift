/// Base64 with padding.
///
/// - Source: RFC 4648 §4.
enum Base64 {
    /// The bytes; `nil` where the text is not base64.
    static func decode(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 4 * 3)
        for start in stride(from: 0, to: digits.count, by: 4) {
            let isLast = start + 4 == digits.count
            let padding = isLast ? (digits[start + 3] == 0x3D ? (digits[start + 2] == 0x3D ? 2 : 1) : 0) : 0
            var group: UInt32 = 0
            for index in 0..<4 {
                if index >= 4 - padding {
                    group <<= 6
                    continue
                }
                guard let value = value(of: digits[start + index]) else { return nil }
                group = group << 6 | UInt32(value)
            }
            for index in 0..<(3 - padding) { bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(16 - 8 * index))) }
        }
        return bytes
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case 0x41...0x5A: digit - 0x41
        case 0x61...0x7A: digit - 0x61 + 26
        case 0x30...0x39: digit - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
