/// Which parts of an image have changed since somebody looked.
public struct ImageBitmap: Sendable, Hashable {
    /// Bytes of the guest that a bit stands for.
    public let granularity: UInt64
    /// The bits in pages, the first of each byte the lowest.
    ///
    /// An empty page has none: large bitmaps are mostly of one kind.
    private var pages: [[UInt8]]
    private var size: UInt64

    /// Bytes of a page.
    static let pageBytes = 4096
    /// Shared by all pages in which everything is noted.
    private static let full = [UInt8](repeating: 0xFF, count: pageBytes)

    /// What can be done with one.
    public enum Operation: Sendable {
        /// Makes it, with a granularity.
        case add(granularity: UInt64)
        /// Takes it out.
        case remove
        /// Forgets what was noted.
        case clear
        /// Has it take note of writes.
        case enable
        /// Has it take no note of writes.
        case disable
        /// Takes over what another one has noted.
        case merge(ImageBitmap)
    }

    /// One in which nothing is noted.
    ///
    /// - Parameters:
    ///   - granularity: bytes a bit stands for; a power of two.
    ///   - size: bytes of the image.
    init(granularity: UInt64, size: UInt64) {
        self.granularity = granularity
        self.size = size
        pages = []
        pages = Array(repeating: [], count: pageCount)
    }

    /// Bytes that all bits take.
    var byteCount: Int { Int(size.dividedUp(by: granularity).dividedUp(by: 8)) }

    /// Pages that it has, be they empty.
    var pageCount: Int { (byteCount + Self.pageBytes - 1) / Self.pageBytes }

    /// Whether a byte of the image is noted.
    public subscript(_ offset: UInt64) -> Bool {
        let (bit, isOver) = (offset / granularity, offset >= size)
        guard !isOver else { return false }
        let (byte, mask) = (Int(bit / 8), UInt8(1) << UInt8(bit % 8))
        let page = pages[byte / Self.pageBytes]
        return !page.isEmpty && page[byte % Self.pageBytes] & mask != 0
    }

    /// Notes a range.
    mutating func set(_ offset: UInt64, _ count: UInt64) {
        guard count > 0, offset < size else { return }
        let last = (offset + min(count, size - offset) - 1) / granularity
        let bitsPerPage = UInt64(Self.pageBytes) * 8
        var bit = offset / granularity
        while bit <= last {
            let number = Int(bit / bitsPerPage)
            let (first, end) = (bit % bitsPerPage, min(last - bit / bitsPerPage * bitsPerPage, bitsPerPage - 1))
            if first == 0, end == bitsPerPage - 1 {
                pages[number] = Self.full
            } else {
                if pages[number].isEmpty { pages[number] = [UInt8](repeating: 0, count: Self.pageBytes) }
                Self.set(&pages[number], Int(first), Int(end))
            }
            bit = UInt64(number + 1) * bitsPerPage
        }
    }

    /// Sets bits of a page, both ends included.
    private static func set(_ page: inout [UInt8], _ first: Int, _ last: Int) {
        let (head, tail) = (UInt8(0xFF) << UInt8(first % 8), UInt8(0xFF) >> UInt8(7 - last % 8))
        guard first / 8 < last / 8 else {
            page[first / 8] |= head & tail
            return
        }
        page[first / 8] |= head
        for index in first / 8 + 1..<last / 8 { page[index] = 0xFF }
        page[last / 8] |= tail
    }

    /// Takes over what another one has noted.
    mutating func merge(_ other: ImageBitmap) {
        if granularity == other.granularity {
            for index in pages.indices where index < other.pages.count { merge(other.pages[index], into: index) }
            cutOff()
            return
        }
        for (number, page) in other.pages.enumerated() where !page.isEmpty {
            for (index, byte) in page.enumerated() where byte != 0 {
                for bit in 0..<8 where byte & 1 << UInt8(bit) != 0 {
                    set(UInt64((number * Self.pageBytes + index) * 8 + bit) * other.granularity, other.granularity)
                }
            }
        }
    }

    private mutating func merge(_ page: [UInt8], into index: Int) {
        guard !page.isEmpty else { return }
        guard !pages[index].isEmpty else {
            pages[index] = page
            return
        }
        for byte in page.indices { pages[index][byte] |= page[byte] }
    }

    /// Covers an image of another size; what is new is not noted.
    mutating func resize(to size: UInt64) {
        self.size = size
        let count = pageCount
        if count < pages.count {
            pages.removeLast(pages.count - count)
        } else {
            pages += Array(repeating: [], count: count - pages.count)
        }
        cutOff()
    }

    /// Bits behind the end are none.
    private mutating func cutOff() {
        let used = Int(size.dividedUp(by: granularity))
        let (page, bit) = (used / 8 / Self.pageBytes, used % (Self.pageBytes * 8))
        guard page < pages.count, !pages[page].isEmpty else { return }
        if bit % 8 > 0 { pages[page][bit / 8] &= 1 << UInt8(bit % 8) - 1 }
        for index in (bit + 7) / 8..<Self.pageBytes { pages[page][index] = 0 }
        if pages[page].allSatisfy({ $0 == 0 }) { pages[page] = [] }
    }

    // MARK: As they are stored

    /// Some of the bytes; `nil` where nothing is noted in them.
    func bytes(_ range: Range<Int>) -> [UInt8]? {
        guard let last = range.last,
            pages[range.lowerBound / Self.pageBytes...last / Self.pageBytes].contains(where: { !$0.isEmpty })
        else { return nil }
        var bytes: [UInt8] = []
        var hasAny = false
        var place = range.lowerBound
        while place < range.upperBound {
            let page = pages[place / Self.pageBytes]
            let start = place % Self.pageBytes
            let count = min(range.upperBound - place, Self.pageBytes - start)
            if page.isEmpty {
                bytes += repeatElement(0, count: count)
            } else {
                bytes += page[start..<start + count]
                hasAny = hasAny || page[start..<start + count].contains { $0 != 0 }
            }
            place += count
        }
        return hasAny ? bytes : nil
    }

    /// Takes bytes over that were stored.
    mutating func put(_ bytes: [UInt8], at place: Int) {
        var done = 0
        while done < bytes.count, place + done < byteCount {
            let (number, start) = ((place + done) / Self.pageBytes, (place + done) % Self.pageBytes)
            let piece = bytes[done..<min(bytes.count, done + Self.pageBytes - start)]
            if piece.contains(where: { $0 != 0 }) {
                if pages[number].isEmpty { pages[number] = [UInt8](repeating: 0, count: Self.pageBytes) }
                pages[number].replaceSubrange(start..<start + piece.count, with: piece)
            }
            done += piece.count
        }
        if place + bytes.count >= byteCount { cutOff() }
    }
}

extension Image {
    /// Changes a persistent bitmap of the image; it is stored when the image is closed.
    ///
    /// - Parameters:
    ///   - name: the bitmap's.
    ///   - operation: what is done.
    ///
    /// - Throws: an ``ImageError`` where the format has none, or it cannot be done.
    public func change(bitmap name: String, _ operation: ImageBitmap.Operation) throws(ImageError) {
        guard let store = (driver as? Qcow2Driver)?.bitmaps else {
            throw ImageError(
                .unsupported,
                "Driver '\(format.rawValue)' does not support storing persistent bitmaps in file '\(path)'")
        }
        try store.change(name, size, operation)
    }

    /// A persistent bitmap of the image.
    ///
    /// - Throws: an ``ImageError`` where there is none of that name, or what it says is not right.
    public func bitmap(_ name: String) throws(ImageError) -> ImageBitmap {
        guard let qcow2 = driver as? Qcow2Driver else {
            throw ImageError(.invalid, "Dirty bitmap '\(name)' not found")
        }
        let bits: ImageBitmap?
        if let store = qcow2.bitmaps {
            bits = try store.bits(name)
        } else {
            guard let entry = try Qcow2Bitmaps.list(qcow2.file, qcow2.header).first(where: { $0.name == name }) else {
                throw ImageError(.invalid, "Dirty bitmap '\(name)' not found")
            }
            var budget = Qcow2Bitmaps.mostBytes
            bits = entry.isInUse ? nil : try Qcow2Bitmaps.load(qcow2.file, qcow2.header, entry, &budget).bits
        }
        guard let bits else {
            throw ImageError(.invalid, "Bitmap '\(name)' is inconsistent and cannot be used")
        }
        return bits
    }

    /// The names of the persistent bitmaps, whether they take note of writes, and whether what they say is right.
    ///
    /// - Throws: an ``ImageError`` where they cannot be read.
    public func bitmaps() throws(ImageError) -> [(name: String, isAutomatic: Bool, isRight: Bool)] {
        guard let qcow2 = driver as? Qcow2Driver else { return [] }
        return try Qcow2Bitmaps.list(qcow2.file, qcow2.header).map { ($0.name, $0.isAutomatic, !$0.isInUse) }
    }
}
