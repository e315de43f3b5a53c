/// Bytes written as text of 64 different characters.
///
/// - Source: RFC 4648 §4.
public enum Base64 {
    /// The bytes that a text stands for.
    ///
    /// - Parameters:
    ///   - text: in ASCII.
    ///   - isLoose: whether white space is passed over, and padding may be missing.
    ///
    /// - Returns: the bytes; `nil` where the text is not base64.
    public static func decode(_ text: [UInt8], isLoose: Bool = false) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var (held, bits): (UInt32, UInt32) = (0, 0)
        var (count, padding) = (0, 0)
        for character in text {
            if character == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            if isLoose, [0x09, 0x0A, 0x0D, 0x20].contains(character) { continue }
            guard padding == 0, let value = value(of: character) else { return nil }
            count += 1
            held = (held << 6 | UInt32(value)) & 0xFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: held >> bits))
            }
        }
        // A character that is left over holds no byte.
        guard padding <= 2, bits < 6, isLoose || (count + padding) % 4 == 0 else { return nil }
        return bytes
    }

    private static func value(of character: UInt8) -> UInt8? {
        switch character {
        case 0x41...0x5A: character - 0x41
        case 0x61...0x7A: character - 0x61 + 26
        case 0x30...0x39: character - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
