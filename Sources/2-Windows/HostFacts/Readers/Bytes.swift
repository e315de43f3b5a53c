internal import Quantities

/// Lines and fields of kernel and configuration files, cut from their bytes without copying: cpuinfo of a large host has half a megabyte.
extension Collection<UInt8> where SubSequence == ArraySlice<UInt8> {
    /// As text; bytes that are not UTF-8 are replaced.
    var string: String { String(decoding: self, as: UTF8.self) }

    /// Lines that are not empty.
    var lines: [ArraySlice<UInt8>] { split(separator: 0x0A) }

    /// All lines, so that their places count.
    var allLines: [ArraySlice<UInt8>] { split(separator: 0x0A, omittingEmptySubsequences: false) }

    /// What stands between spaces and tabs.
    var fields: [ArraySlice<UInt8>] { split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A } }

    /// Without white space, control characters and NUL at its ends.
    var trimmed: ArraySlice<UInt8> {
        var slice = self[...]
        while let first = slice.first, first <= 0x20 { slice.removeFirst() }
        while let last = slice.last, last <= 0x20 { slice.removeLast() }
        return slice
    }

    /// What stands before and after the first of a byte; `nil` if there is none.
    func cut(at byte: UInt8) -> (before: ArraySlice<UInt8>, after: ArraySlice<UInt8>)? {
        firstIndex(of: byte).map { (self[..<$0], self[index(after: $0)...]) }
    }

    /// Whether it is a word.
    func equals(_ word: StaticString) -> Bool { count == word.utf8CodeUnitCount && hasPrefix(word) }

    /// Whether it begins with a word.
    func hasPrefix(_ word: StaticString) -> Bool {
        word.withUTF8Buffer { starts(with: $0) }
    }

    /// A number of decimal digits alone; `nil` where it is anything else or too large.
    var decimal: UInt64? {
        guard !isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in self {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 0x30))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }

    /// A number with a sign or without.
    var integer: Int? {
        if first == 0x2D { return self[index(after: startIndex)...].decimal.flatMap { Int(exactly: $0) }.map { -$0 } }
        return decimal.flatMap { Int(exactly: $0) }
    }

    /// The beginning, to be quoted in a reason.
    var excerpt: String {
        let head = trimmed.prefix(40)
        return head.isEmpty ? "nothing" : head.string
    }
}
