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
    ///
    /// - Parameter isMended: whether what is too much is left out, or is an error.
    ///
    /// - Returns: the snapshots.
    ///
    /// - Throws: an ``ImageError`` where it cannot be read.
    func snapshots(isMended: Bool = false) throws(ImageError) -> [ImageSnapshot] {
        guard let table = try snapshotTable() else { return [] }
        if !isMended, let excess = table.excesses.first {
            throw ImageError(.malformed, excess.refusal, remedy: excess.remedy)
        }
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            return try table.entries.map { entry throws(Malformed) in try snapshot(entry, source) }
        } catch { throw ImageError(error) }
    }

    /// The table of snapshots as it is now, not as it was when the image was opened; `nil` where there is none.
    func snapshotTable() throws(ImageError) -> Qcow2SnapshotTable? {
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            let bytes = try source.bytes(at: 60, count: 12)
            let (count, place) = (try bytes.be32(0), try bytes.be64(4))
            return count == 0 ? nil : try Qcow2SnapshotTable(source, at: place, count: count)
        } catch { throw ImageError(error) }
    }

    private func snapshot(_ entry: Qcow2SnapshotTable.Entry, _ source: StorageHeader) throws(Malformed) -> ImageSnapshot
    {
        let fixed = try source.bytes(at: entry.place, count: 40)
        let extra = try source.bytes(at: entry.place + 40, count: Int(entry.keptExtra))
        let names = try source.bytes(at: entry.names, count: entry.lengths.id + entry.lengths.name)
        var snapshot = ImageSnapshot(
            id: try names.text(0, entry.lengths.id), name: try names.text(entry.lengths.id, entry.lengths.name),
            stateSize: try fixed.be32(32), seconds: try fixed.be32(16), nanoseconds: try fixed.be32(20),
            clock: try fixed.be64(24), instructions: nil, diskSize: size, l1Offset: entry.l1Offset,
            l1Size: entry.l1Size)
        if extra.count >= 8 { snapshot.stateSize = try extra.be64(0) }
        if extra.count >= 16 { snapshot.diskSize = try extra.be64(8) }
        if extra.count >= 24 {
            let count = try extra.be64(16)
            snapshot.instructions = count == .max ? nil : count
            snapshot.unknown = Array(extra.bytes[24...])
        }
        return snapshot
    }
}
