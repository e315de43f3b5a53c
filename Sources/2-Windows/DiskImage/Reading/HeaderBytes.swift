/// What is wrong with a header, in a few words with the value found.
struct Malformed: Error {
    let what: String
    init(_ what: String) { self.what = what }
}

/// A piece of an image, read by position.
///
/// Reading past its end is an error, never a trap.
struct HeaderBytes {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var count: Int { bytes.count }

    private func integer(_ offset: Int, _ size: Int, bigEndian: Bool) throws(Malformed) -> UInt64 {
        guard offset >= 0, offset <= bytes.count, bytes.count - offset >= size else {
            throw Malformed("the header ends after \(bytes.count) bytes, byte \(offset) is needed")
        }
        var value: UInt64 = 0
        for position in 0..<size {
            value = value << 8 | UInt64(bytes[offset + (bigEndian ? position : size - 1 - position)])
        }
        return value
    }

    func be16(_ offset: Int) throws(Malformed) -> Int { Int(try integer(offset, 2, bigEndian: true)) }
    func be32(_ offset: Int) throws(Malformed) -> UInt64 { try integer(offset, 4, bigEndian: true) }
    func be64(_ offset: Int) throws(Malformed) -> UInt64 { try integer(offset, 8, bigEndian: true) }
    func le16(_ offset: Int) throws(Malformed) -> Int { Int(try integer(offset, 2, bigEndian: false)) }
    func le32(_ offset: Int) throws(Malformed) -> UInt64 { try integer(offset, 4, bigEndian: false) }
    func le64(_ offset: Int) throws(Malformed) -> UInt64 { try integer(offset, 8, bigEndian: false) }

    /// All of it as numbers, whole ones only.
    var littleEndian32: [UInt32] { numbers { UInt32(littleEndian: $0) } }
    var bigEndian32: [UInt32] { numbers { UInt32(bigEndian: $0) } }
    var bigEndian64: [UInt64] { numbers { UInt64(bigEndian: $0) } }
    var littleEndian64: [UInt64] { numbers { UInt64(littleEndian: $0) } }

    private func numbers<Number: FixedWidthInteger & BitwiseCopyable>(_ read: (Number) -> Number) -> [Number] {
        bytes.withUnsafeBytes { buffer in
            // SAFETY: each load lies inside the buffer, whose length bounds the range.
            (0..<buffer.count / MemoryLayout<Number>.size).map {
                read(buffer.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self))
            }
        }
    }

    /// Whether the bytes at a position are those of a text.
    func has(_ text: StaticString, at offset: Int = 0) -> Bool {
        let length = text.utf8CodeUnitCount
        guard offset >= 0, offset <= bytes.count, bytes.count - offset >= length else { return false }
        for position in 0..<length where bytes[offset + position] != text.utf8Start[position] { return false }
        return true
    }

    func has(_ magic: [UInt8], at offset: Int = 0) -> Bool {
        guard offset >= 0, offset <= bytes.count, bytes.count - offset >= magic.count else { return false }
        return bytes[offset..<offset + magic.count].elementsEqual(magic)
    }

    /// Bytes as text, up to the first NUL; what is not UTF-8 is replaced.
    func text(_ offset: Int, _ length: Int) throws(Malformed) -> String {
        guard offset >= 0, length >= 0, offset <= bytes.count, bytes.count - offset >= length else {
            throw Malformed("the header ends after \(bytes.count) bytes, a name needs \(length) from byte \(offset)")
        }
        return String(decoding: bytes[offset..<offset + length].prefix { $0 != 0 }, as: UTF8.self)
    }
}

extension UInt64 {
    /// The sum and product of sizes that a header names: an overflow is the header's fault.
    func adding(_ other: UInt64, _ what: StaticString) throws(Malformed) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        guard !overflow else { throw Malformed("\(what) is out of range") }
        return sum
    }

    func times(_ other: UInt64, _ what: StaticString) throws(Malformed) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        guard !overflow else { throw Malformed("\(what) is out of range") }
        return product
    }

    /// Rounded up to a multiple; the unit is not zero.
    func roundedUp(to unit: UInt64, _ what: StaticString) throws(Malformed) -> UInt64 {
        let rest = self % unit
        return rest == 0 ? self : try adding(unit - rest, what)
    }

    /// How many units of a size it takes to hold this; the unit is not zero.
    func dividedUp(by unit: UInt64) -> UInt64 { self / unit + (self % unit > 0 ? 1 : 0) }

    var isPowerOfTwo: Bool { nonzeroBitCount == 1 }

    /// A number as code people know it: `0x1fffff8000000`.
    var hex: String { "0x" + digits }
    var digits: String { String(self, radix: 16) }
}
