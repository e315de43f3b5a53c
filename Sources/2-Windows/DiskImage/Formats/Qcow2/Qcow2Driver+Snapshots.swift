extension Qcow2Driver {
    /// Keeps what the image shows now under a name.
    ///
    /// - Parameters:
    ///   - name: the snapshot's.
    ///   - time: seconds and nanoseconds since 1970.
    ///
    /// - Throws: an ``ImageError``.
    func createSnapshot(_ name: String, at time: (seconds: UInt64, nanoseconds: UInt64)) throws(ImageError) {
        guard !geometry.hasDataFile else {
            throw ImageError(.unsupported, "an image with a data file has no internal snapshots")
        }
        var all = try snapshots()
        guard all.count < 65_536 else { throw ImageError(.full, "it has 65,536 snapshots") }
        guard name.utf8.count <= 255, !name.isEmpty else {
            throw ImageError(.invalid, "a snapshot's name has 1 to 255 bytes")
        }
        try flush()
        let id = (all.compactMap { UInt64($0.id) }.max() ?? 0) + 1
        let place = try withMetadata { metadata throws(ImageError) in
            let clusters = (UInt64(metadata.l1.count) * 8).dividedUp(by: geometry.clusterSize)
            let place = clusters == 0 ? 0 : try metadata.allocateContiguous(clusters)
            metadata.own(place, clusters * geometry.clusterSize)
            try metadata.count(metadata.l1, 1)
            try file.write(Qcow2Table.bytes(metadata.l1.map { $0 & ~Bits.copied }[...]), at: place)
            try metadata.refreshCopied()
            try metadata.commit()
            return (place, UInt64(metadata.l1.count))
        }
        all.append(
            ImageSnapshot(
                id: "\(id)", name: name, stateSize: 0, seconds: time.seconds, nanoseconds: time.nanoseconds, clock: 0,
                instructions: 0, diskSize: size, l1Offset: place.0, l1Size: place.1))
        try writeSnapshots(all)
    }

    /// Takes a snapshot out.
    ///
    /// - Throws: an ``ImageError``, also where there is none of that name or number.
    func deleteSnapshot(_ name: String) throws(ImageError) {
        var all = try snapshots()
        let index = try find(name, all)
        let gone = all.remove(at: index)
        try check(gone)
        try writeSnapshots(all)
        // Nothing leads to it any more.
        try withMetadata { metadata throws(ImageError) in
            metadata.givesBack = true
            defer { metadata.givesBack = false }
            let entries = try Qcow2Metadata.words(file, gone.l1Offset, Int(gone.l1Size))
            try metadata.count(entries, -1)
            try metadata.forgetClusters(gone.l1Offset, gone.l1Size * 8)
            try metadata.refreshCopied()
            try metadata.commit()
        }
        try flush()
    }

    /// Shows what a snapshot shows, for as long as the image is open; only where nothing is written.
    ///
    /// - Parameter name: `snapshot.id=ID`, `snapshot.name=NAME`, or either without the word.
    ///
    /// - Throws: an ``ImageError``.
    func show(snapshot name: String) throws(ImageError) {
        var (id, tag): (Substring?, Substring?) = (nil, nil)
        if name.hasPrefix("snapshot.") {
            for part in name.split(separator: ",") {
                if part.hasPrefix("snapshot.id=") { id = part.dropFirst(12) }
                if part.hasPrefix("snapshot.name=") { tag = part.dropFirst(14) }
            }
        }
        let all = try snapshots()
        let snapshot =
            id == nil && tag == nil
            ? all[try find(name, all)]
            : all.first { $0.id == id.map(String.init) ?? $0.id && $0.name == tag.map(String.init) ?? $0.name }
        guard let snapshot else { throw ImageError(.invalid, "there is no snapshot \"\(name.prefix(80))\"") }
        try check(snapshot)
        try withMetadata { metadata throws(ImageError) in
            metadata.l1 = try Qcow2Metadata.words(file, snapshot.l1Offset, Int(snapshot.l1Size))
        }
        length.value = snapshot.diskSize / 512 * 512
    }

    /// Has the image show what it showed when a snapshot was made.
    ///
    /// - Throws: an ``ImageError``.
    func applySnapshot(_ name: String) throws(ImageError) {
        let all = try snapshots()
        let snapshot = all[try find(name, all)]
        try check(snapshot)
        try bitmaps?.note(0, size)
        try flush()
        try withMetadata { metadata throws(ImageError) in
            var entries = try Qcow2Metadata.words(file, snapshot.l1Offset, Int(snapshot.l1Size)).map {
                $0 & ~Bits.copied
            }
            let needed = Int(snapshot.diskSize.dividedUp(by: geometry.l2Reach))
            if entries.count < needed { entries += [UInt64](repeating: 0, count: needed - entries.count) }
            let old = metadata.l1
            try metadata.count(entries, 1)
            try metadata.replaceL1(entries)
            try metadata.count(old, -1)
            for entry in old where entry & Bits.offset != 0 { metadata.disown(entry & Bits.offset) }
            for entry in entries where entry & Bits.offset != 0 { metadata.own(entry & Bits.offset, 1) }
            try metadata.refreshCopied()
            try metadata.commit()
        }
        if snapshot.diskSize != size {
            var bytes = HeaderWriter()
            bytes.be64(snapshot.diskSize)
            try file.write(bytes.bytes, at: 24)
            length.value = snapshot.diskSize / 512 * 512
        }
        try flush()
    }

    /// Whether a snapshot's L1 table can be one.
    private func check(_ snapshot: ImageSnapshot) throws(ImageError) {
        guard snapshot.l1Offset % geometry.clusterSize == 0 else {
            throw ImageError(.malformed, "Snapshot L1 table offset invalid")
        }
        guard snapshot.l1Size <= 4 << 20 else { throw ImageError(.malformed, "Snapshot L1 table too large") }
    }

    /// Writes the table of snapshots anew, without what is too much of it.
    ///
    /// - Throws: an ``ImageError``.
    func mendSnapshots() throws(ImageError) { try writeSnapshots(try snapshots(isMended: true)) }

    /// A snapshot by its name, or else its number.
    private func find(_ name: String, _ all: [ImageSnapshot]) throws(ImageError) -> Int {
        guard let index = all.firstIndex(where: { $0.id == name }) ?? all.firstIndex(where: { $0.name == name }) else {
            throw ImageError(
                .missing, "snapshot not found",
                remedy: all.isEmpty ? "It has none" : "It has \(all.prefix(10).map(\.name).joined(separator: ", "))")
        }
        return index
    }

    /// Writes the table of snapshots to another place, and has the header lead there.
    private func writeSnapshots(_ all: [ImageSnapshot]) throws(ImageError) {
        var writer = HeaderWriter()
        let texts = all.map { $0.id.utf8.count + $0.name.utf8.count + $0.unknown.count }
        writer.bytes.reserveCapacity(texts.reduce(72 * all.count, +))
        for snapshot in all {
            writer.bytes += [UInt8](repeating: 0, count: (8 - writer.bytes.count % 8) % 8)
            writer.be64(snapshot.l1Offset)
            writer.be32(snapshot.l1Size)
            writer.be16(UInt64(snapshot.id.utf8.count))
            writer.be16(UInt64(snapshot.name.utf8.count))
            writer.be32(snapshot.seconds)
            writer.be32(snapshot.nanoseconds)
            writer.be64(snapshot.clock)
            writer.be32(min(snapshot.stateSize, UInt64(UInt32.max)))
            writer.be32(24 + UInt64(snapshot.unknown.count))
            writer.be64(snapshot.stateSize)
            writer.be64(snapshot.diskSize)
            writer.be64(snapshot.instructions ?? .max)
            writer.bytes += snapshot.unknown + Array(snapshot.id.utf8) + Array(snapshot.name.utf8)
        }
        try withMetadata { metadata throws(ImageError) in
            var place: UInt64 = 0
            if !writer.bytes.isEmpty {
                place = try metadata.allocateContiguous(UInt64(writer.bytes.count).dividedUp(by: geometry.clusterSize))
                metadata.own(place, UInt64(writer.bytes.count))
                try file.write(writer.bytes, at: place)
            }
            try metadata.commit()
            try file.flush()
            let old = try snapshotTable()
            var header = HeaderWriter()
            header.be32(UInt64(all.count))
            header.be64(place)
            try file.write(header.bytes, at: 60)
            try file.flush()
            if let old, old.start != 0 { try metadata.forgetClusters(old.start, old.end - old.start) }
            try metadata.commit()
        }
    }
}

extension Qcow2Metadata {
    /// Counts one reference more, or less, to all that an L1 table leads to.
    func count(_ entries: [UInt64], _ delta: Int) throws(ImageError) {
        func change(_ cluster: UInt64) throws(ImageError) {
            if delta > 0 { try refer(to: cluster) } else { try forget(cluster) }
        }
        for entry in entries {
            let place = entry & Bits.offset
            guard place != 0 else { continue }
            guard place & geometry.clusterMask == 0 else {
                throw ImageError(.malformed, "an L1 entry leads to byte \(place.hex)")
            }
            let table = try table(at: place)
            for index in 0..<Int(geometry.l2Entries) {
                let entry = self.entry(table, index)
                if entry.isCompressed {
                    let (offset, count) = geometry.compressedPlace(entry.word)
                    for cluster in offset >> geometry.clusterBits...(offset + count - 1) >> geometry.clusterBits {
                        try change(cluster)
                    }
                } else if entry.place != 0 {
                    try change(entry.place >> geometry.clusterBits)
                }
            }
            try change(place >> geometry.clusterBits)
            if delta < 0, try references(to: place >> geometry.clusterBits) == 0 { disown(place) }
        }
    }

    /// Marks what the image has for itself alone, and nothing else, as that.
    func refreshCopied() throws(ImageError) {
        for index in l1.indices {
            let place = l1[index] & Bits.offset
            guard place != 0 else { continue }
            let table = try table(at: place)
            for number in 0..<Int(geometry.l2Entries) {
                var entry = self.entry(table, number)
                guard !entry.isCompressed, entry.place != 0 else { continue }
                let isAlone = try references(to: entry.place >> geometry.clusterBits) == 1
                entry.word = isAlone ? entry.word | Bits.copied : entry.word & ~Bits.copied
                set(entry, table, number)
            }
            let isAlone = try references(to: place >> geometry.clusterBits) == 1
            setL1(index, isAlone ? place | Bits.copied : place)
        }
    }

    /// Counts one reference less to each cluster of a range.
    func forgetClusters(_ offset: UInt64, _ count: UInt64) throws(ImageError) {
        guard count > 0 else { return }
        for cluster in offset >> geometry.clusterBits...(offset + count - 1) >> geometry.clusterBits {
            try forget(cluster)
            if try references(to: cluster) == 0 { disown(cluster << geometry.clusterBits) }
        }
    }
}
