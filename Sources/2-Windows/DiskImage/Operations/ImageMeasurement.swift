/// How much space an image would take in a format (guide §5.1).
public struct ImageMeasurement: Sendable, Hashable {
    /// Bytes a new image of the data there are takes.
    public var required: UInt64
    /// Bytes it takes once all is written.
    public var fullyAllocated: UInt64
    /// Bytes its persistent bitmaps take; `nil` where the source has none to give.
    public var bitmaps: UInt64?

    /// Measures.
    ///
    /// - Parameters:
    ///   - creation: what the new image is to be; its size is the source's, where there is one.
    ///   - source: the image whose data count; `nil` for an empty one.
    ///
    /// - Throws: an ``ImageError`` where the source cannot be read, or the format cannot be measured.
    public init(_ creation: Image.Creation, of source: Image?) throws(ImageError) {
        let size = source?.size ?? creation.size
        switch creation.format {
        case .raw:
            required = size
            fullyAllocated = size
            bitmaps = nil
        case .qcow2:
            let options = creation.qcow2
            let cluster = options.clusterSize
            try Qcow2Creation.checkRefcountBits(options)
            guard !options.extendedL2 || cluster >= 16_384 else {
                throw ImageError(
                    .invalid, "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes")
            }
            guard size.dividedUp(by: cluster / (options.extendedL2 ? 16 : 8) * cluster) <= 4 << 20 else {
                throw ImageError(.invalid, "The image size is too large (try using a larger cluster size)")
            }
            let all = try size.rounded(to: cluster)
            fullyAllocated = try Self.full(all, options)
            var data: UInt64 = 0
            if creation.backing != nil || creation.preallocation == .falloc || creation.preallocation == .full {
                data = all
            } else if let source {
                data = try Self.dataClusters(of: source, cluster)
            }
            if creation.secret != nil {
                fullyAllocated += try LuksVolume.headerBytes(creation.luks).rounded(to: cluster)
            }
            required = fullyAllocated - all + data
            let bitmapped = options.version >= 3 ? source?.driver as? Qcow2Driver : nil
            bitmaps = try bitmapped?.bitmapBytes(clusterSize: cluster)
        case .luks:
            guard creation.secret != nil else {
                throw ImageError(.invalid, "Parameter 'key-secret' is required for cipher")
            }
            required = try size + LuksVolume.headerBytes(creation.luks)
            fullyAllocated = required
            bitmaps = nil
        default:
            throw ImageError(
                .unsupported, "Block driver '\(creation.format.rawValue)' does not support size measurement")
        }
    }

    /// Bytes of the clusters that hold data.
    private static func dataClusters(of source: Image, _ cluster: UInt64) throws(ImageError) -> UInt64 {
        var total: UInt64 = 0
        var place: UInt64 = 0
        while place < source.size {
            let status = try source.statusThrough(at: place, limit: source.size - place)
            var length = status.length
            if !status.isZero {
                length = try (place + length).rounded(to: cluster) - place
                total += place % cluster + length
            }
            place += length
        }
        return total
    }

    /// Bytes of an image all of whose clusters have a place.
    ///
    /// - Source: QEMU block/qcow2.c `qcow2_calc_prealloc_size`, block/qcow2-refcount.c `qcow2_refcount_metadata_size`.
    private static func full(_ all: UInt64, _ options: Qcow2Options) throws(ImageError) -> UInt64 {
        let cluster = options.clusterSize
        let entrySize: UInt64 = options.extendedL2 ? 16 : 8
        let l2Entries = try (all / cluster).rounded(to: cluster / entrySize)
        let l1Entries = try (l2Entries * entrySize / cluster).rounded(to: cluster / 8)
        let tables = cluster + l2Entries * entrySize + l1Entries * 8
        let clusters = (tables + all) / cluster
        let perBlock = cluster * 8 / options.refcountBits
        var blocks: UInt64 = 0
        var table: UInt64 = 0
        var last: UInt64?
        while last != clusters + blocks + table {
            last = clusters + blocks + table
            blocks = (clusters + table + blocks).dividedUp(by: perBlock)
            table = blocks.dividedUp(by: cluster / 8)
        }
        return tables + all + (blocks + table) * cluster
    }
}

extension UInt64 {
    /// Rounded up to a multiple.
    func rounded(to unit: UInt64) throws(ImageError) -> UInt64 {
        do throws(Malformed) { return try roundedUp(to: unit, "a size") } catch {
            throw ImageError(.invalid, error.what)
        }
    }
}

extension Qcow2Driver {
    /// Bytes the persistent bitmaps take in an image with clusters of a size; `nil` for version 2, which has none.
    func bitmapBytes(clusterSize cluster: UInt64) throws(ImageError) -> UInt64? {
        guard geometry.version >= 3 else { return nil }
        var total: UInt64 = 0
        var directory: UInt64 = 0
        for bitmap in try Qcow2Bitmaps.list(file, header) where !bitmap.isInUse {
            let bytes = size.dividedUp(by: bitmap.granularity).dividedUp(by: 8)
            let clusters = bytes.dividedUp(by: cluster)
            total += clusters * cluster + (try (clusters * 8).rounded(to: cluster))
            directory += UInt64(24 + bitmap.name.utf8.count + 7) / 8 * 8
        }
        return try total + directory.rounded(to: cluster)
    }
}
