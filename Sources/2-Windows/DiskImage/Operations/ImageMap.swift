/// One piece of what an image and what lies below it are made of.
public struct ImageMapEntry: Sendable, Hashable {
    /// First byte.
    public var start: UInt64
    /// Bytes.
    public var length: UInt64
    /// How many images down the one lies that decides.
    public var depth: Int
    /// Whether that one says something of it; else it is zeros because nothing does.
    public var isPresent: Bool
    /// Whether it reads as zeros.
    public var isZero: Bool
    /// Whether it takes space.
    public var isData: Bool
    /// Whether it is stored compressed.
    public var isCompressed: Bool
    /// Where it lies in that image's data; `nil` where it has no plain place.
    public var offset: UInt64?
    /// That data's file.
    public var file: String?
}

extension Image {
    /// What the image is made of, piece by piece, neighbours alike put together.
    ///
    /// - Parameters:
    ///   - start: the first byte.
    ///   - length: bytes; to the end where `nil`.
    ///   - body: is handed the pieces in order.
    ///
    /// - Throws: an ``ImageError`` where the tables cannot be read.
    public func map(from start: UInt64 = 0, length: UInt64? = nil, _ body: (ImageMapEntry) -> Void) throws(ImageError) {
        let end = min(size, length.map { start.saturated(adding: $0) } ?? size)
        var place = start
        var last: ImageMapEntry?
        var looksForHoles: [Bool] = []
        var layer: Image? = self
        while let image = layer {
            looksForHoles.append(try image.looksForHoles())
            layer = image.below
        }
        if size == 0 {
            body(
                ImageMapEntry(
                    start: 0, length: 0, depth: 0, isPresent: false, isZero: false, isData: false, isCompressed: false))
        }
        while place < end {
            let next = try entry(at: place, limit: end - place, looksForHoles)
            if let entry = last, entry.continues(into: next) {
                last?.length += next.length
            } else {
                if let entry = last { body(entry) }
                last = next
            }
            place += next.length
        }
        if let entry = last { body(entry) }
    }

    private func entry(at place: UInt64, limit: UInt64, _ looksForHoles: [Bool]) throws(ImageError) -> ImageMapEntry {
        var image = self
        var depth = 0
        var limit = limit
        while true {
            let status = try image.status(at: place, limit: limit)
            var entry = ImageMapEntry(
                start: place, length: status.length, depth: depth, isPresent: true, isZero: false, isData: true,
                isCompressed: false)
            switch status.kind {
            case .unallocated:
                if let below = image.below, place < below.size {
                    limit = min(status.length, below.size - place)
                    image = below
                    depth += 1
                    continue
                }
                entry.isPresent = false
                entry.offset = status.reserved
                entry.isZero = true
                entry.isData = false
            case .zero(let offset):
                entry.isZero = true
                entry.isData = false
                entry.offset = offset
            case .data(let offset):
                entry.offset = offset
                if let offset, looksForHoles[depth] {
                    let hole = try image.hole(at: offset, of: place, limit: status.length)
                    entry.isZero = hole.isHole
                    entry.length = hole.length
                }
            case .compressed: entry.isCompressed = true
            }
            if entry.offset != nil { entry.file = image.driver.storage(at: place).name }
            return entry
        }
    }
}

extension ImageMapEntry {
    fileprivate func continues(into next: ImageMapEntry) -> Bool {
        depth == next.depth && isPresent == next.isPresent && isZero == next.isZero && isData == next.isData
            && isCompressed == next.isCompressed && file == next.file
            && (offset == nil && next.offset == nil || offset.map { $0 + length } == next.offset && next.offset != nil)
    }
}
