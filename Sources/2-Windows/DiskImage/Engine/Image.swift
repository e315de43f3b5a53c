import Synchronization

/// An open disk image and what lies below it.
///
/// Its calls block; ``Image/read(count:at:)-async`` and its like do the same on threads of their own. They may be made from several threads at once.
public final class Image: Sendable {
    /// Where it is; what messages call it.
    public let path: String
    /// The image it is backed by; `nil` where it stands alone, or was opened without.
    public let below: Image?
    /// Whether it may be written.
    public let isWritable: Bool
    let driver: any ImageDriver
    /// What it was opened as; `nil` where it was made, or lies in a storage of the caller's.
    let node: BlockNode?
    /// Whether holes are looked for in what has its place, once that was asked.
    private let holes = Mutex<Bool?>(nil)

    init(_ driver: any ImageDriver, path: String, below: Image?, isWritable: Bool, node: BlockNode? = nil) {
        self.driver = driver
        self.node = node
        self.path = path
        self.below = below
        self.isWritable = isWritable
    }

    /// Its format.
    public var format: ImageFacts.Format { driver.format }
    /// Bytes the guest sees.
    public var size: UInt64 { driver.size }
    /// The unit in which it gives out space; `nil` where it has none.
    public var clusterSize: UInt64? { driver.clusterSize }
    /// Whether it is encrypted in a way that is not safe any more: qcow2's own AES.
    public var isEncryptedTheOldWay: Bool { (driver as? Qcow2Driver)?.header.encryption == 1 }
    /// What it says it is backed by.
    public var backing: BackingName? { driver.backing }
    /// Whether places that were not written yet may read as something else than zeros: a block device keeps what it had.
    ///
    /// So does what is encrypted: a hole is no zeros there.
    public var mayHoldOldData: Bool {
        format == .luks || format == .raw && (driver.dataStorage as? FileStorage)?.isBlockDevice != false
    }
    var under: Below { Below(below, isKnown: below != nil || driver.backing == nil || isCutOff) }
    /// Whether it was opened as one without a backing file, whatever its header names.
    private var isCutOff: Bool {
        if case .format(let format)? = node, case .none = format.backing { true } else { false }
    }
    /// What QEMU calls it: its path where that is enough to open it, else options in JSON.
    var fileName: String { node?.fileName(format) ?? path }
    /// The files that its own layer lies in.
    var files: [FileStorage] { driver.storages.flatMap(Self.files) }

    /// The files that a storage lies in.
    static func files(of storage: any BlockStorage) -> [FileStorage] {
        places(of: storage).compactMap { $0 as? FileStorage }
    }

    /// The files and disks of servers that a storage lies in.
    static func places(of storage: any BlockStorage) -> [any BlockStorage] {
        (storage as? ImageStorage)?.image.driver.storages.flatMap(places) ?? [storage]
    }

    private func check(_ offset: UInt64, _ count: UInt64) throws(ImageError) {
        let (end, overflow) = offset.addingReportingOverflow(count)
        guard !overflow, end <= size else {
            throw ImageError(.invalid, "\(count) bytes from \(offset) end behind its \(size) bytes", path: path)
        }
    }

    private func checkWritable() throws(ImageError) {
        guard isWritable else { throw ImageError(.denied, "it is open for reading only", path: path) }
    }

    /// Fills a buffer.
    ///
    /// - Throws: an ``ImageError``, also where the range ends behind the image's end.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        try check(offset, UInt64(buffer.count))
        do throws(ImageError) { try driver.read(into: buffer, at: offset, below: under) } catch { throw error.at(path) }
    }

    /// Writes bytes.
    ///
    /// - Throws: an ``ImageError``, also where the range ends behind the image's end.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError) {
        try check(offset, UInt64(bytes.count))
        try checkWritable()
        do throws(ImageError) { try driver.write(bytes, at: offset, below: under) } catch { throw error.at(path) }
    }

    /// Makes a range read as zeros.
    ///
    /// - Parameters:
    ///   - offset: the first byte.
    ///   - count: bytes.
    ///   - unmap: whether its space may be given back.
    ///
    /// - Throws: an ``ImageError``.
    public func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool = false) throws(ImageError) {
        try check(offset, count)
        try checkWritable()
        do throws(ImageError) { try driver.writeZeroes(at: offset, count: count, unmap: unmap, below: under) } catch {
            throw error.at(path)
        }
    }

    /// Gives the space of a range back, where it can.
    ///
    /// - Throws: an ``ImageError``.
    public func discard(at offset: UInt64, count: UInt64) throws(ImageError) {
        try check(offset, count)
        try checkWritable()
        do throws(ImageError) { try driver.discard(at: offset, count: count, below: under) } catch {
            throw error.at(path)
        }
    }

    /// Has all that was written last over a loss of power.
    ///
    /// - Throws: an ``ImageError``: what was written since the last flush may be lost.
    public func flush() throws(ImageError) {
        do throws(ImageError) { try driver.flush() } catch { throw error.at(path) }
    }

    /// Writes what is left to write; afterwards it must not be used any more.
    ///
    /// - Throws: an ``ImageError``.
    public func close() throws(ImageError) {
        do throws(ImageError) { try driver.close() } catch { throw error.at(path) }
        // Others may have it, though somebody still holds this object.
        for storage in driver.storages {
            (storage as? FileStorage)?.unlock()
            try (storage as? ImageStorage)?.image.close()
        }
    }

    /// What this layer alone says of a byte, and for how many it is so.
    ///
    /// - Throws: an ``ImageError``.
    public func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        try check(offset, limit)
        do throws(ImageError) {
            var status = try driver.status(at: offset, limit: limit)
            // Drivers look at a table at a time.
            while status.length < limit {
                let next = try driver.status(at: offset + status.length, limit: limit - status.length)
                guard status.continues(into: next) else { break }
                status.length += next.length
            }
            return status
        } catch { throw error.at(path) }
    }

    /// What the whole chain says of a byte.
    public struct ChainStatus: Sendable, Hashable {
        /// How many layers down the one that decides lies, 0 for this; `nil` where none does.
        public var depth: Int?
        /// What it says.
        public var kind: BlockStatus.Kind
        /// How many bytes it is so for.
        public var length: UInt64
        /// Whether it reads as zeros.
        public var isZero: Bool { if case .zero = kind { true } else { depth == nil } }
    }

    /// What the chain says of a byte, and for how many it is so.
    ///
    /// - Throws: an ``ImageError``.
    public func statusThrough(at offset: UInt64, limit: UInt64) throws(ImageError) -> ChainStatus {
        var layer: Image? = self
        var depth = 0
        var limit = limit
        while let image = layer {
            guard offset < image.size else {
                // A layer that ends earlier hides what is below it.
                return ChainStatus(depth: depth, kind: .zero(at: nil), length: limit)
            }
            let status = try image.status(at: offset, limit: min(limit, image.size - offset))
            if case .data(let place?) = status.kind {
                // A cluster may have its place, and its place be a hole: it need not be read.
                let hole = try image.hole(at: place, of: offset, limit: status.length)
                return ChainStatus(
                    depth: depth, kind: hole.isHole ? .zero(at: place) : status.kind, length: hole.length)
            }
            if status.isAllocated { return ChainStatus(depth: depth, kind: status.kind, length: status.length) }
            limit = status.length
            layer = image.below
            depth += 1
        }
        return ChainStatus(depth: nil, kind: .unallocated, length: limit)
    }

    /// Whether holes are to be expected: to look for them everywhere takes longer than to read.
    func looksForHoles() throws(ImageError) -> Bool {
        if let known = holes.withLock({ $0 }) { return known }
        let isExpected = try driver.tellsHoles()
        holes.withLock { $0 = isExpected }
        return isExpected
    }

    /// Whether a place that a byte of the guest has is a hole, and for how many bytes it is so or not.
    func hole(at place: UInt64, of offset: UInt64, limit: UInt64) throws(ImageError) -> (isHole: Bool, length: UInt64) {
        // Raw images have told that already.
        guard format != .raw, driver.mayHaveHoles, try looksForHoles() else { return (false, limit) }
        let extent = try driver.storage(at: offset).extent(at: place)
        guard extent.length > 0 else { return (true, limit) }
        return (!extent.isData, min(limit, extent.length))
    }
}
