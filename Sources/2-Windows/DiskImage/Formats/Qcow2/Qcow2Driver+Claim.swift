extension Qcow2Driver {
    /// Gives whole clusters their places before anything is written there.
    ///
    /// Only while nobody needs what the image holds: after a loss of power the clusters would show whatever lies there.
    ///
    /// - Parameters:
    ///   - offset: a cluster's start, which has no place yet.
    ///   - count: clusters.
    ///   - isShown: whether what lies there is to be seen; without, subclusters go on showing what is below.
    ///
    /// - Returns: the places, in order, each with its number of clusters.
    ///
    /// - Throws: an ``ImageError``.
    func claim(_ offset: UInt64, clusters count: UInt64, showing isShown: Bool = true)
        throws(ImageError) -> [(place: UInt64, clusters: UInt64)]
    {
        try bitmaps?.note(offset, min(count << geometry.clusterBits, size - offset))
        guard !geometry.hasDataFile else {
            try map(offset, count, to: offset, isShown)
            return [(offset, count)]
        }
        var runs: [(place: UInt64, clusters: UInt64)] = []
        var done: UInt64 = 0
        while done < count {
            let run = try withMetadata { metadata throws(ImageError) in
                // The table comes first: it would lie between this run and the next one.
                _ = try metadata.ownTable(mapping: offset + done << geometry.clusterBits)
                return try metadata.allocate(upTo: count - done)
            }
            try map(offset + done << geometry.clusterBits, run.count, to: run.place, isShown)
            done += run.count
            runs.append((run.place, run.count))
        }
        return runs
    }

    private func map(_ offset: UInt64, _ count: UInt64, to place: UInt64, _ isShown: Bool) throws(ImageError) {
        try withMetadata { metadata throws(ImageError) in
            for number in 0..<count {
                let guest = offset + number << geometry.clusterBits
                let table = try metadata.ownTable(mapping: guest)
                let host = place + number << geometry.clusterBits
                let bitmap = geometry.hasExtendedL2 && isShown ? Bits.allData : 0
                try free(metadata.entry(table, geometry.l2Index(guest)), metadata)
                metadata.set(Qcow2Entry(word: host | Bits.copied, bitmap: bitmap), table, geometry.l2Index(guest))
            }
        }
    }

    /// Gives a cluster a place for what it became when it was packed; packed clusters lie close together.
    ///
    /// - Returns: where its bytes go.
    ///
    /// - Throws: an ``ImageError``.
    func claimPacked(_ offset: UInt64, bytes: UInt64) throws(ImageError) -> UInt64 {
        try bitmaps?.note(offset, min(geometry.clusterSize, size - offset))
        guard !geometry.hasDataFile else { throw ImageError(.unsupported, "a data file holds no compressed clusters") }
        return try withMetadata { metadata throws(ImageError) in
            let table = try metadata.ownTable(mapping: offset)
            let place = try metadata.allocateBytes(bytes)
            try free(metadata.entry(table, geometry.l2Index(offset)), metadata)
            metadata.set(
                Qcow2Entry(word: geometry.compressedEntry(place, count: bytes)), table, geometry.l2Index(offset))
            return place
        }
    }
}

extension Qcow2Metadata {
    /// Gives out bytes for a compressed cluster: behind the last one where there is room, else from a new cluster.
    func allocateBytes(_ count: UInt64) throws(ImageError) -> UInt64 {
        let size = geometry.clusterSize
        let room = compressedEnd == 0 ? 0 : (size - compressedEnd & geometry.clusterMask) & geometry.clusterMask
        var place = compressedEnd
        let cluster = compressedEnd >> geometry.clusterBits
        var isShareable = false
        if room > 0 { isShareable = try references(to: cluster) < geometry.mostReferences }
        if isShareable, count <= room {
            try refer(to: cluster)
        } else {
            let new = try allocate()
            if isShareable, new == (cluster + 1) << geometry.clusterBits {
                try refer(to: cluster)
            } else {
                place = new
            }
        }
        compressedEnd = place + count
        return place
    }
}

extension Qcow2Driver {
    /// Gives every cluster its place, all of them empty.
    ///
    /// - Throws: an ``ImageError``.
    func preallocate() throws(ImageError) {
        var place: UInt64 = 0
        var end: UInt64 = 0
        while place < size {
            let count = min((size - place).dividedUp(by: geometry.clusterSize), 512)
            // Tables that are made on the way take clusters between: a run is as long as it lies in one.
            let upToTable = (geometry.l2Reach - place % geometry.l2Reach) >> geometry.clusterBits
            let clusters = min(count, upToTable)
            for run in try claim(place, clusters: clusters, showing: false) {
                end = max(end, run.place + run.clusters << geometry.clusterBits)
            }
            place += clusters << geometry.clusterBits
        }
        try flush()
        if !geometry.hasDataFile, try file.length() < end { try file.resize(to: end) }
        if geometry.hasDataFile, try dataStorage.length() < size { try dataStorage.resize(to: size) }
    }
}
