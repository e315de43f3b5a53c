/// Entries of the boot loader specification: a file each, below `loader/entries`.
///
/// - Source: UAPI group, Boot Loader Specification, type 1; GRUB's blscfg; systemd-boot(7).
struct LoaderEntry {
    /// The file's name without `.conf`: what a saved entry names.
    var id: String
    var path: String
    var title = ""
    var version = ""
    var sortKey = ""
    /// `options` lines joined; several are one.
    var options: String?

    /// Reads an entry; what is not known to it is passed over.
    init(_ bytes: [UInt8], id: String, path: String) {
        self.id = id
        self.path = path
        var options: [String] = []
        for line in bytes.lines {
            let line = line.trimmed
            guard line.first != 0x23, let space = line.firstIndex(where: { $0 == 0x20 || $0 == 0x09 }) else { continue }
            let value = line[space...].trimmed.string
            switch line[..<space].string {
            case "title": title = value
            case "version": version = value
            case "sort-key": sortKey = value
            case "options": options.append(value)
            default: break
            }
        }
        if !options.isEmpty { self.options = options.joined(separator: " ") }
    }

    /// The newest version first, as both loaders show them.
    static func precedes(_ one: Self, _ other: Self) -> Bool {
        if one.sortKey.isEmpty != other.sortKey.isEmpty { return !one.sortKey.isEmpty }
        if one.sortKey != other.sortKey { return one.sortKey < other.sortKey }
        let order = compare(
            one.version.isEmpty ? one.id : one.version, other.version.isEmpty ? other.id : other.version)
        if order != 0 { return order > 0 }
        return compare(one.id, other.id) > 0
    }

    /// Compares versions: runs of digits as numbers, other text by its letters; `~` is before anything, also the end.
    static func compare(_ one: String, _ other: String) -> Int {
        let one = Array(one.utf8)
        let other = Array(other.utf8)
        func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
        func weight(_ byte: UInt8?) -> Int {
            switch byte {
            case nil: 0
            case 0x7E?: -1
            case .some(let byte): isDigit(byte) ? 1 : 2 + Int(byte)
            }
        }
        var left = 0
        var right = 0
        while left < one.count || right < other.count {
            if left < one.count, right < other.count, isDigit(one[left]), isDigit(other[right]) {
                let first = one[left...].prefix(while: isDigit)
                let second = other[right...].prefix(while: isDigit)
                (left, right) = (first.endIndex, second.endIndex)
                let (a, b) = (first.drop { $0 == 0x30 }, second.drop { $0 == 0x30 })
                if a.count != b.count { return a.count < b.count ? -1 : 1 }
                if !a.elementsEqual(b) { return a.lexicographicallyPrecedes(b) ? -1 : 1 }
            } else {
                let (a, b) = (
                    weight(left < one.count ? one[left] : nil), weight(right < other.count ? other[right] : nil)
                )
                if a != b { return a < b ? -1 : 1 }
                left += 1
                right += 1
            }
        }
        return 0
    }
}
