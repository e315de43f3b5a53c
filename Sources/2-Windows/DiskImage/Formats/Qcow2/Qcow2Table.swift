/// A cluster of big-endian numbers: an L2 table, or a block of reference counts.
final class Qcow2Table {
    let offset: UInt64
    private(set) var words: [UInt64]
    /// When it was used last.
    var stamp: UInt64
    /// Words that are not written yet.
    var dirty: Range<Int>?
    /// Whether nothing on disk leads to it yet.
    var isNew = false

    init(_ offset: UInt64, _ words: [UInt64], _ stamp: UInt64) {
        self.offset = offset
        self.words = words
        self.stamp = stamp
    }

    func set(_ word: UInt64, at index: Int) {
        guard words[index] != word else { return }
        words[index] = word
        dirty = dirty.map { min($0.lowerBound, index)..<max($0.upperBound, index + 1) } ?? index..<index + 1
    }

    /// A reference count; the first ones of a word are its highest bits, but within a byte its lowest.
    func number(_ index: Int, order: UInt64) -> UInt64 {
        let (word, shift, mask) = Self.place(index, order)
        return words[word] >> shift & mask
    }

    func setNumber(_ value: UInt64, _ index: Int, order: UInt64) {
        let (word, shift, mask) = Self.place(index, order)
        set(words[word] & ~(mask << shift) | value << shift, at: word)
    }

    private static func place(_ index: Int, _ order: UInt64) -> (word: Int, shift: UInt64, mask: UInt64) {
        let bits = UInt64(1) << order
        let first = UInt64(index) * bits
        let mask = order == 6 ? UInt64.max : (1 << bits) - 1
        let inWord = first % 64
        // Bytes come in order, the most significant first.
        let shift = bits < 8 ? 56 - inWord / 8 * 8 + inWord % 8 : 64 - bits - inWord
        return (Int(first / 64), shift, mask)
    }

    func bytes(_ range: Range<Int>) -> [UInt8] { Self.bytes(words[range]) }

    static func bytes(_ words: ArraySlice<UInt64>) -> [UInt8] {
        var swapped = words.map(\.bigEndian)
        return swapped.withUnsafeMutableBytes { Array($0) }
    }

    /// Writes the sectors that changed.
    func write(to file: any BlockStorage) throws(ImageError) {
        guard let dirty else { return }
        let range = dirty.lowerBound / 64 * 64..<min(words.count, (dirty.upperBound + 63) / 64 * 64)
        try file.write(bytes(range), at: offset + UInt64(range.lowerBound) * 8)
        self.dirty = nil
    }
}
