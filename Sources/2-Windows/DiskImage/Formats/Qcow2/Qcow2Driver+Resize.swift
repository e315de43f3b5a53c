extension Qcow2Driver {
    /// Gives the image another size.
    ///
    /// - Parameters:
    ///   - size: bytes the guest is to see, whole sectors.
    ///   - below: what shows through.
    ///   - preallocation: how much of the new space is taken at once.
    ///
    /// - Throws: an ``ImageError``.
    func resize(to size: UInt64, below: Below, _ preallocation: Image.Preallocation) throws(ImageError) {
        let old = self.size
        guard header.snapshots == 0 || geometry.version >= 3 else {
            throw ImageError(.unsupported, "Can't resize a v2 image which has snapshots")
        }
        let entries = Int(clamping: size.dividedUp(by: geometry.l2Reach))
        guard entries <= 4 << 20 else {
            throw ImageError(.invalid, "\(size) bytes are too many for clusters of \(geometry.clusterSize)")
        }
        if size < old {
            let start = (size + geometry.clusterMask) & ~geometry.clusterMask
            try withMetadata { metadata throws(ImageError) in metadata.givesBack = true }
            if start < old { try drop(at: start, count: old - start) }
            try withMetadata { metadata throws(ImageError) in
                for index in entries..<max(entries, metadata.l1.count) where metadata.l1[index] & Bits.offset != 0 {
                    metadata.release((metadata.l1[index] & Bits.offset) >> geometry.clusterBits)
                    metadata.setL1(index, 0)
                }
                try metadata.commit()
                try metadata.dropEmptyBlocks()
                metadata.givesBack = false
            }
        } else {
            try withMetadata { metadata throws(ImageError) in
                guard entries > metadata.l1.count else { return }
                try metadata.replaceL1(
                    metadata.l1 + [UInt64](repeating: 0, count: entries - metadata.l1.count))
            }
        }
        try flush()
        var bytes = HeaderWriter()
        bytes.be64(size)
        try file.write(bytes.bytes, at: 24)
        length.value = size
        // What is below may be longer, and must not come to light.
        if size > old, let image = below.image, image.size > old {
            try writeZeroes(at: old, count: min(size, image.size) - old, unmap: true, below: below)
        }
        if size > old { try clearTail(of: old, below: below) }
        if geometry.hasDataFile { try dataStorage.resize(to: size) }
        // What is at a place in a raw data file is what shows: each cluster has its place.
        let isRawFile = geometry.hasDataFile && header.autoclear & 2 != 0
        let preallocation = isRawFile && preallocation == .off ? .metadata : preallocation
        if size > old, preallocation != .off { try preallocate(old..<size, preallocation) }
        try flush()
        guard size < old, header.snapshots == 0, !geometry.hasDataFile else { return }
        try cutOff()
    }

    /// Has the rest of the cluster in which the image ended be zeros: it may have been longer once, and what was there come to light.
    private func clearTail(of old: UInt64, below: Below) throws(ImageError) {
        let end = min(size, (old + geometry.clusterMask) & ~geometry.clusterMask)
        guard !geometry.hasDataFile else { return }
        var place = old
        while place < end {
            let (mapping, length) = try mapping(at: place, limit: end - place)
            switch mapping {
            case .unallocated, .zero: break
            case .data, .compressed: try writeZeroes(at: place, count: length, unmap: true, below: below)
            }
            place += length
        }
    }

    /// Gives up what is behind the last cluster in use.
    private func cutOff() throws(ImageError) {
        let end = try withMetadata { metadata throws(ImageError) in try metadata.end() }
        if end < (try file.length()) { try file.resize(to: end) }
    }

    /// Gives whole clusters their places, which show zeros.
    private func preallocate(_ range: Range<UInt64>, _ kind: Image.Preallocation) throws(ImageError) {
        var place = (range.lowerBound + geometry.clusterMask) & ~geometry.clusterMask
        if range.lowerBound < place, !geometry.hasDataFile {
            // The cluster in which the image ended has its place, perhaps, and no space.
            let (head, length) = try mapping(
                at: range.lowerBound, limit: min(place, range.upperBound) - range.lowerBound)
            if case .data(let host) = head { try file.take(host..<host + length, kind) }
        }
        while place < range.upperBound {
            let stop = min(range.upperBound, (place / geometry.l2Reach + 1) * geometry.l2Reach, place + 64 << 20)
            let clusters = (stop - place).dividedUp(by: geometry.clusterSize)
            for run in try claim(place, clusters: clusters) where !geometry.hasDataFile {
                // Somebody may have had the cluster before.
                let end = run.place + run.clusters << geometry.clusterBits
                let length = try file.length()
                if run.place < length {
                    try file.writeZeroes(at: run.place, count: min(end, length) - run.place, unmap: true)
                }
                if end > length { try file.resize(to: end) }
                try file.take(run.place..<end, kind)
            }
            // A hole is no zeros where it is decrypted.
            if encryption != nil { try writeZeroes(at: place, count: stop - place, unmap: false, below: .nothing) }
            place = stop
        }
        if geometry.hasDataFile, kind != .metadata { try dataStorage.take(range, kind) }
    }

    /// Takes out all data, so that what is below shows.
    ///
    /// - Throws: an ``ImageError``.
    func makeEmpty() throws(ImageError) {
        try withMetadata { metadata throws(ImageError) in
            metadata.givesBack = true
            defer { metadata.givesBack = false }
            for index in metadata.l1.indices {
                let place = metadata.l1[index] & Bits.offset
                guard place != 0 else { continue }
                let table = try metadata.table(at: place)
                let isOwn = metadata.l1[index] & Bits.copied != 0
                if isOwn || header.snapshots == 0 {
                    for number in 0..<Int(geometry.l2Entries) { try free(metadata.entry(table, number), metadata) }
                    metadata.setL1(index, 0)
                    metadata.disown(place)
                    metadata.release(place >> geometry.clusterBits)
                } else {
                    // Snapshots have the table, too: each of its clusters loses one reference, and so does it.
                    for number in 0..<Int(geometry.l2Entries) { try free(metadata.entry(table, number), metadata) }
                    metadata.setL1(index, 0)
                    metadata.release(place >> geometry.clusterBits)
                }
                try metadata.commit()
            }
            metadata.compressedEnd = 0
        }
        try flush()
        guard header.snapshots == 0, !geometry.hasDataFile else { return }
        try cutOff()
    }

    /// Has the image backed by another one, or by none.
    ///
    /// - Throws: an ``ImageError`` where the name does not fit.
    func setBacking(_ backing: BackingName?) throws(ImageError) {
        guard backing == nil || header.autoclear & 2 == 0 || !geometry.hasDataFile else {
            throw ImageError(.invalid, "an image whose data file is a raw image by itself has no backing file")
        }
        try flush()
        var cluster = try Qcow2HeaderCluster(file, header)
        cluster.setBacking(backing)
        try file.write(try cluster.bytes(atMost: geometry.clusterSize), at: 0)
        try file.flush()
    }
}

extension Qcow2Metadata {
    /// Where the last cluster in use ends.
    func end() throws(ImageError) -> UInt64 {
        for index in refcountTable.indices.reversed() where refcountTable[index] != 0 {
            for position in (0..<geometry.refcountsPerBlock).reversed() {
                let cluster = UInt64(index) * geometry.refcountsPerBlock + position
                if try references(to: cluster) > 0 { return (cluster + 1) << geometry.clusterBits }
            }
        }
        return geometry.clusterSize
    }
}
