/// Changes what an image was made with.
///
/// - Source: QEMU block/qcow2.c `qcow2_amend_options`.
public struct Qcow2Amendment: Sendable {
    /// Version 2 or 3; `nil` as it is.
    public var version: Int?
    /// Bits of a reference count.
    public var refcountBits: UInt64?
    /// Reference counts that are written when the image is closed.
    public var lazyRefcounts: Bool?
    /// Another name of its data file.
    public var dataFile: String?
    /// Whether its data file stays a raw image by itself, which may be given up.
    public var isDataFileRaw: Bool?
    /// Bytes the guest sees.
    public var size: UInt64?
    /// Nothing.
    public init() {}
}

extension Image {
    /// Changes what the image was made with, and closes it.
    ///
    /// - Throws: an ``ImageError`` where that cannot be changed; what was changed before it stays.
    public func amend(_ amendment: Qcow2Amendment) throws(ImageError) {
        guard let qcow2 = driver as? Qcow2Driver else {
            throw ImageError(.unsupported, "Format driver '\(format.rawValue)' does not support option amendment")
        }
        do throws(ImageError) {
            try qcow2.checkAmendment(amendment)
            if let size = amendment.size { try resize(to: size) }
            if amendment.version == 2 { try qcow2.takeZerosOut(below: under) }
        } catch { throw error.at(path) }
        try close()
        do throws(ImageError) { try qcow2.finishAmendment(amendment) } catch { throw error.at(path) }
    }
}

extension Qcow2Driver {
    /// Whether all of it can be done, before anything is.
    fileprivate func checkAmendment(_ amendment: Qcow2Amendment) throws(ImageError) {
        let version = amendment.version ?? geometry.version
        let bits = amendment.refcountBits ?? 1 << geometry.refcountOrder
        guard bits.isPowerOfTwo, bits <= 64 else {
            throw ImageError(.invalid, "Refcount width must be a power of two and may not exceed 64 bits")
        }
        guard version >= 3 || bits == 16 else {
            throw ImageError(.invalid, "compat=0.10 requires refcount_bits=16")
        }
        guard amendment.dataFile == nil || geometry.hasDataFile else {
            throw ImageError(.unsupported, "data-file can only be set for images that use an external data file")
        }
        guard amendment.isDataFileRaw != true || header.autoclear & 2 != 0 else {
            throw ImageError(.unsupported, "data-file-raw cannot be set on existing images")
        }
        if let size = amendment.size, version < 3, size != self.size, header.snapshots > 0 {
            throw ImageError(.unsupported, "Can't resize a version 2 image which has snapshots")
        }
        guard version < 3 else { return }
        guard amendment.lazyRefcounts != true else {
            throw ImageError(
                .invalid,
                "Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or greater)")
        }
        let features = header.incompatible & ~Qcow2Header.Feature.dirty
        guard features == 0 else {
            throw ImageError(
                .unsupported,
                "Cannot downgrade an image with incompatible features 0x\(String(features, radix: 16)) set",
                remedy: "Convert it instead")
        }
        guard geometry.version < 3 || header.snapshots == 0 else {
            throw ImageError(
                .unsupported, "an image with snapshots is not made version 2", remedy: "Take the snapshots out first")
        }
        guard try Qcow2Bitmaps.list(file, header).isEmpty else {
            throw ImageError(.unsupported, "version 2 has no bitmaps", remedy: "Take them out: bitmap --remove")
        }
        guard encryption == nil else { throw ImageError(.unsupported, "version 2 has no LUKS") }
    }

    /// Has clusters that are marked as zeros show zeros without the mark, which version 2 has not.
    fileprivate func takeZerosOut(below: Below) throws(ImageError) {
        guard geometry.version >= 3 else { return }
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(geometry.clusterSize), alignment: 4096)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        var place: UInt64 = 0
        while place < size {
            let (mapping, length) = try mapping(at: place, limit: size - place)
            guard case .zero = mapping else {
                place += length
                continue
            }
            let end = place + length
            while place < end {
                let count = min(geometry.clusterSize, end - place)
                if below.isNothing {
                    try withMetadata { metadata throws(ImageError) in
                        let table = try metadata.ownTable(mapping: place)
                        let old = metadata.entry(table, geometry.l2Index(place))
                        metadata.set(Qcow2Entry(word: 0), table, geometry.l2Index(place))
                        try free(old, metadata)
                    }
                } else {
                    try write(UnsafeRawBufferPointer(rebasing: zeros[..<Int(count)]), at: place, below: below)
                }
                place += count
            }
        }
        try flush()
    }

    /// Writes the header, and what lies outside of the tables, of an image that is closed.
    fileprivate func finishAmendment(_ amendment: Qcow2Amendment) throws(ImageError) {
        if let bits = amendment.refcountBits, bits != 1 << geometry.refcountOrder {
            if amendment.version == 3, geometry.version == 2 { try writeVersion(3, amendment) }
            try Qcow2Repair(file).setRefcountOrder(UInt64(bits.trailingZeroBitCount))
        }
        try writeVersion(amendment.version ?? geometry.version, amendment)
        try file.flush()
    }

    private func writeVersion(_ version: Int, _ amendment: Qcow2Amendment) throws(ImageError) {
        var facts = ImageFacts(path: file.name, format: .qcow2)
        let source = try StorageHeader(file)
        let header: Qcow2Header
        do throws(Malformed) { header = try Qcow2Header.parse(source, into: &facts) } catch { throw ImageError(error) }
        if version == 3, header.version == 2, header.snapshots > 0 {
            // Before the version changes: what it adds is ignored until then.
            try mendSnapshots()
        }
        var cluster = try Qcow2HeaderCluster(file, header)
        if version != header.version { cluster.setVersion(version) }
        if let lazy = amendment.lazyRefcounts, version == 3 { cluster.setLazyRefcounts(lazy) }
        if version == 2 { cluster.setLazyRefcounts(false) }
        if let name = amendment.dataFile { cluster.setDataFile(name) }
        if amendment.isDataFileRaw == false { cluster.giveUpRawDataFile() }
        try file.write(try cluster.bytes(atMost: header.clusterSize), at: 0)
        try file.flush()
    }
}
