extension Qcow2Driver {
    func describe(_ info: inout ImageInfo) throws(ImageError) {
        info.isDirty = header.incompatible & Qcow2Header.Feature.dirty != 0
        info.isEncrypted = header.encryption != 0
        info.snapshots = try snapshots()
        var details: [(name: String, value: ImageDetail)] = [
            ("compat", .text(geometry.version == 2 ? "0.10" : "1.1")),
            ("compression-type", .text(geometry.isZstd ? "zstd" : "zlib")),
        ]
        if geometry.version >= 3 { details.append(("lazy-refcounts", .bool(header.compatible & 1 != 0))) }
        let bitmaps = try Qcow2Bitmaps.list(file, header)
        if !bitmaps.isEmpty {
            details.append(
                (
                    "bitmaps",
                    .list(
                        bitmaps.map { bitmap in
                            let flags: [ImageDetail] =
                                (bitmap.isInUse ? [.text("in-use")] : []) + (bitmap.isAutomatic ? [.text("auto")] : [])
                            return .object([
                                ("flags", .list(flags)), ("name", .text(bitmap.name)),
                                ("granularity", .number(bitmap.granularity)),
                            ])
                        })
                ))
        }
        details.append(("refcount-bits", .number(1 << geometry.refcountOrder)))
        if let encryption { details.append(("encrypt", .object(encryption.details))) }
        if geometry.hasDataFile {
            if let name = header.extensions.dataFile { details.append(("data-file", .text(name))) }
            details.append(("data-file-raw", .bool(header.autoclear & 2 != 0)))
        }
        if geometry.version >= 3 {
            details.append(("corrupt", .bool(header.incompatible & Qcow2Header.Feature.corrupt != 0)))
            details.append(("extended-l2", .bool(geometry.hasExtendedL2)))
        }
        info.details = details
    }

    /// Whether many more clusters are counted than the file takes space for: they have their places, and nothing was written there.
    ///
    /// - Source: QEMU block/qcow2-refcount.c `qcow2_detect_metadata_preallocation`.
    func tellsHoles() throws(ImageError) -> Bool {
        guard let allocated = (file as? FileStorage)?.allocated else { return false }
        let taken = allocated / geometry.clusterSize
        let threshold = max(taken * 10 / 9, taken + 2)
        let end = try file.length().dividedUp(by: geometry.clusterSize)
        guard end >= threshold else { return false }
        let entries = Int(header.refcountTableClusters * geometry.clusterSize / 8)
        var count: UInt64 = 0
        for (index, place) in try Qcow2Metadata.words(file, header.refcountTableOffset, entries).enumerated() {
            let first = UInt64(index) * geometry.refcountsPerBlock
            guard first < end, count < threshold else { break }
            guard place != 0, place & geometry.clusterMask == 0 else { continue }
            let block = Qcow2Table(
                place, try Qcow2Metadata.words(file, place, Int(geometry.clusterSize / 8)), 0)
            for number in 0..<min(geometry.refcountsPerBlock, end - first)
            where block.number(Int(number), order: geometry.refcountOrder) > 0 { count += 1 }
        }
        return count >= threshold
    }

    /// The internal snapshots, as the table has them.
    func snapshots() throws(ImageError) -> [ImageSnapshot] {
        var snapshots: [ImageSnapshot] = []
        var offset = header.snapshotsOffset
        let source = try StorageHeader(file)
        for _ in 0..<header.snapshots {
            offset = offset.saturated(adding: 7) / 8 * 8
            do throws(Malformed) {
                let fixed = try source.bytes(at: offset, count: 40)
                let extra = try fixed.be32(36)
                let lengths = (id: try fixed.be16(12), name: try fixed.be16(14))
                guard extra <= 1024 else { throw Malformed("a snapshot has \(extra) bytes of extra data") }
                let rest = try source.bytes(at: offset + 40, count: Int(extra) + lengths.id + lengths.name)
                var snapshot = ImageSnapshot(
                    id: try rest.text(Int(extra), lengths.id),
                    name: try rest.text(Int(extra) + lengths.id, lengths.name),
                    stateSize: try fixed.be32(32), seconds: try fixed.be32(16), nanoseconds: try fixed.be32(20),
                    clock: try fixed.be64(24), instructions: nil, diskSize: size, l1Offset: try fixed.be64(0),
                    l1Size: try fixed.be32(8))
                if extra >= 8 { snapshot.stateSize = try rest.be64(0) }
                if extra >= 16 { snapshot.diskSize = try rest.be64(8) }
                if extra >= 24 {
                    let count = try rest.be64(16)
                    snapshot.instructions = count == .max ? nil : count
                    snapshot.unknown = Array(rest.bytes[24..<Int(extra)])
                }
                snapshots.append(snapshot)
                offset += 40 + extra + UInt64(lengths.id) + UInt64(lengths.name)
                guard offset - header.snapshotsOffset <= 64 << 20 else {
                    throw Malformed("Snapshot table is too large")
                }
            } catch { throw ImageError(error) }
        }
        return snapshots
    }
}
