/// Which parts of an image have changed since somebody looked.
public struct ImageBitmap: Sendable, Hashable {
    /// Bytes of the guest that a bit stands for.
    public let granularity: UInt64
    /// The bits, the first of each byte the lowest.
    private(set) var bytes: [UInt8]
    private var size: UInt64

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
        bytes = [UInt8](repeating: 0, count: Int(size.dividedUp(by: granularity).dividedUp(by: 8)))
    }

    /// The same with bits that were stored.
    init(granularity: UInt64, size: UInt64, _ bytes: [UInt8]) {
        self.init(granularity: granularity, size: size)
        let count = min(bytes.count, self.bytes.count)
        self.bytes.replaceSubrange(..<count, with: bytes[..<count])
    }

    /// Whether a byte of the image is noted.
    public subscript(_ offset: UInt64) -> Bool {
        let bit = offset / granularity
        return bit / 8 < UInt64(bytes.count) && bytes[Int(bit / 8)] & 1 << UInt8(bit % 8) != 0
    }

    /// Notes a range.
    mutating func set(_ offset: UInt64, _ count: UInt64) {
        guard count > 0 else { return }
        var bit = offset / granularity
        let last = min((offset + count - 1) / granularity, UInt64(bytes.count) * 8)
        while bit <= last, bit / 8 < UInt64(bytes.count) {
            if bit % 8 == 0, last - bit >= 8 {
                bytes[Int(bit / 8)] = 0xFF
                bit += 8
            } else {
                bytes[Int(bit / 8)] |= 1 << UInt8(bit % 8)
                bit += 1
            }
        }
    }

    /// Takes over what another one has noted.
    mutating func merge(_ other: ImageBitmap) {
        if granularity == other.granularity {
            for index in bytes.indices where index < other.bytes.count { bytes[index] |= other.bytes[index] }
            return
        }
        for (index, byte) in other.bytes.enumerated() where byte != 0 {
            for bit in 0..<8 where byte & 1 << UInt8(bit) != 0 {
                set(UInt64(index * 8 + bit) * other.granularity, other.granularity)
            }
        }
    }

    /// Covers an image of another size; what is new is not noted.
    mutating func resize(to size: UInt64) {
        self.size = size
        let count = Int(size.dividedUp(by: granularity).dividedUp(by: 8))
        if count < bytes.count {
            bytes.removeLast(bytes.count - count)
        } else {
            bytes += [UInt8](repeating: 0, count: count - bytes.count)
        }
        // Bits behind the end are none.
        let used = size.dividedUp(by: granularity) % 8
        if used > 0, let last = bytes.indices.last { bytes[last] &= 1 << UInt8(used) - 1 }
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
            bits = entry.isInUse ? nil : try Qcow2Bitmaps.load(qcow2.file, qcow2.header, entry)
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
