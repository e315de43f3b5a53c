/// Takes an XPath apart at its slashes.
enum XPathSteps {
    /// An XPath without its last step, and that step (`/domain/vcpu/@current` → `/domain/vcpu`, `@current`); `nil`
    /// where there is but one, or where it cannot be told (`a | b`, `//name`).
    static func split(_ xpath: String) -> (parent: String, step: String)? {
        let bytes = Array(xpath.utf8)
        var depth = 0
        var quote: UInt8?
        var slash: Int?
        for (index, byte) in bytes.enumerated() {
            if let open = quote {
                if byte == open { quote = nil }
                continue
            }
            switch byte {
            case 0x22, 0x27: quote = byte
            case 0x5B, 0x28: depth += 1
            case 0x5D, 0x29: depth -= 1
            case 0x2F where depth == 0: slash = index
            case 0x7C where depth == 0: return nil
            default: break
            }
        }
        guard let slash, slash > 0, bytes[slash - 1] != 0x2F, slash + 1 < bytes.count else { return nil }
        return (
            String(decoding: bytes[..<slash], as: UTF8.self), String(decoding: bytes[(slash + 1)...], as: UTF8.self)
        )
    }

    /// Whether a step is a name and nothing more, so that an element of it can be made.
    static func isName(_ step: some StringProtocol) -> Bool {
        let parts = step.split(separator: ":", omittingEmptySubsequences: false)
        return (1...2).contains(parts.count)
            && parts.allSatisfy { part in
                guard let first = part.unicodeScalars.first,
                    first.value >= 0x80 || first == "_" || first.properties.isAlphabetic
                else {
                    return false
                }
                return part.unicodeScalars.allSatisfy { scalar in
                    scalar.value >= 0x80 || scalar == "_" || scalar == "-" || scalar == "."
                        || scalar.properties.isAlphabetic
                        || ("0"..."9").contains(scalar)
                }
            }
    }
}
