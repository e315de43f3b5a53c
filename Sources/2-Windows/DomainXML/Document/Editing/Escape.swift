/// Writes values as XML.
struct Escape {
    /// Whether characters beyond ASCII can be written as they are; else as references.
    let isUTF8: Bool

    /// The first character of a text that XML has no way to write, not even as a reference.
    static func forbidden(in text: String) -> Unicode.Scalar? {
        text.unicodeScalars.first { scalar in
            switch scalar.value {
            case 0x09, 0x0A, 0x0D: false
            case 0..<0x20, 0xFFFE, 0xFFFF: true
            default: false
            }
        }
    }

    /// A value between quotes.
    ///
    /// Line breaks and tabs become references, or they would be read back as spaces.
    func attribute(_ value: String, quote: UInt8) -> [UInt8] {
        bytes(value) { scalar in
            switch scalar.value {
            case 0x26: "&amp;"
            case 0x3C: "&lt;"
            case 0x22 where quote == 0x22: "&quot;"
            case 0x27 where quote == 0x27: "&apos;"
            case 0x09: "&#9;"
            case 0x0A: "&#10;"
            case 0x0D: "&#13;"
            default: nil
            }
        }
    }

    /// A text between tags.
    ///
    /// A carriage return becomes a reference, or it would be read back as a line feed.
    func text(_ value: String) -> [UInt8] {
        var brackets = 0
        return bytes(value) { scalar in
            defer { brackets = scalar.value == 0x5D ? brackets + 1 : 0 }
            return switch scalar.value {
            case 0x26: "&amp;"
            case 0x3C: "&lt;"
            case 0x3E where brackets >= 2: "&gt;"
            case 0x0D: "&#13;"
            default: nil
            }
        }
    }

    /// XML that is written already; characters the encoding may lack become references.
    func markup(_ text: String) -> [UInt8] { bytes(text) { _ in nil } }

    private func bytes(_ value: String, _ reference: (Unicode.Scalar) -> String?) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.utf8.count)
        for scalar in value.unicodeScalars {
            if let reference = reference(scalar) {
                bytes.append(contentsOf: reference.utf8)
            } else if scalar.isASCII || isUTF8 {
                bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            } else {
                bytes.append(contentsOf: "&#\(scalar.value);".utf8)
            }
        }
        return bytes
    }
}
