/// What is refused before libxml2 sees the document.
enum Hostility {
    /// Documents below this have too few bytes for a quadratic search through them to be felt.
    private static let smallBytes = 16 << 10

    /// Refuses documents that would cost libxml2 more time or memory than their size allows.
    static func check(_ source: [UInt8], path: String) throws(XMLError) {
        guard !source.isEmpty else { throw XMLError(.malformed, "the document is empty", path: path) }
        guard source.count <= XMLDocument.Limit.bytes else {
            throw XMLError(
                .refused, "the document has \(source.count) bytes; at most \(XMLDocument.Limit.bytes) are read",
                path: path,
                remedy: "libvirt definitions have some kilobytes: is this the right file?")
        }
        let encoding = TextEncoding(of: source)
        guard encoding.isKnown else {
            throw XMLError(
                .refused, "the encoding \(encoding.name) is not read", path: path,
                remedy: "Convert it to UTF-8: iconv -f \(encoding.name) -t UTF-8, and change its XML declaration")
        }
        guard source.count > smallBytes else { return }
        if let line = lineOfManyAttributes(source) {
            throw XMLError(
                .refused, "an element has more than \(XMLDocument.Limit.attributesOfOne) attributes", path: path,
                line: line)
        }
    }

    /// The line where more attributes than allowed stand between two `<`, which may not stand in a value.
    ///
    /// libxml2 compares each attribute of an element with each other one, before it hands any of them out. NUL bytes
    /// are passed over, so that UTF-16 is seen through too.
    private static func lineOfManyAttributes(_ source: [UInt8]) -> Int? {
        source.withUnsafeBufferPointer { bytes in
            var line = 1
            var count = 0
            var followsEquals = false
            for byte in bytes {
                switch byte {
                case 0x3C:
                    count = 0
                    followsEquals = false
                case 0x3D: followsEquals = true
                case 0x22, 0x27:
                    if followsEquals { count += 1 }
                    if count > XMLDocument.Limit.attributesOfOne { return line }
                    followsEquals = false
                case 0x0A: line += 1
                case 0, 0x20, 0x09, 0x0D: break
                default: followsEquals = false
                }
            }
            return nil
        }
    }
}
