extension Qcow2Driver {
    /// Most clusters that one allocation takes.
    private static let mostAtOnce: UInt64 = 4 << 20

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        guard !bytes.isEmpty else { return }
        try bitmaps?.note(offset, UInt64(bytes.count))
        let last = offset + UInt64(bytes.count) - 1
        try clusters.hold(offset >> geometry.clusterBits, last >> geometry.clusterBits, exclusively: true) {
            () throws(ImageError) in
            var done = 0
            while done < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                done += try writePiece(rest, at: offset + UInt64(done), below: below)
            }
        }
    }

    /// How the first bytes of a write are written.
    private enum Way {
        /// Over what is there.
        case inPlace(UInt64, count: UInt64)
        /// Into a cluster that has its place, but does not show it all.
        case intoPlace(UInt64, Qcow2Entry)
        /// Into clusters that get a place.
        case anew(clusters: UInt64)
    }

    /// Writes what one run of clusters takes; how many bytes those were.
    private func writePiece(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) -> Int
    {
        let count = UInt64(bytes.count)
        switch try way(offset, count) {
        case .inPlace(let place, let run):
            try dataStorage.write(UnsafeRawBufferPointer(rebasing: bytes[..<Int(run)]), at: place)
            return Int(run)
        case .intoPlace(let place, let entry):
            return try writeInto(place, entry, bytes, at: offset, below: below)
        case .anew(let clusters):
            return try writeAnew(clusters, bytes, at: offset, below: below)
        }
    }

    private func way(_ offset: UInt64, _ count: UInt64) throws(ImageError) -> Way {
        try withMetadata { metadata throws(ImageError) in
            let end = min(count, geometry.l2Reach - offset % geometry.l2Reach)
            let first = geometry.l1Index(offset)
            let isOwn = first < metadata.l1.count && metadata.l1[first] & Bits.copied != 0
            guard let table = try metadata.table(mapping: offset), isOwn || geometry.hasDataFile else {
                return .anew(clusters: clusterCount(offset, end))
            }
            /// Where a cluster may be written in place; `nil` where it may not.
            func own(_ place: UInt64) -> UInt64? {
                let entry = metadata.entry(table, geometry.l2Index(place))
                guard !entry.isCompressed, entry.isCopied, entry.place & geometry.clusterMask == 0 else { return nil }
                guard entry.place != 0 || geometry.hasDataFile else { return nil }
                return entry.place
            }
            /// Whether all of a cluster that is written shows what lies in its place.
            func shows(_ entry: Qcow2Entry, _ from: UInt64, _ to: UInt64) -> Bool {
                guard geometry.hasExtendedL2 else { return entry.word & Bits.zero == 0 }
                let bits = Self.subclusters(from, to, of: geometry.subclusterSize)
                return entry.bitmap & bits == bits
            }
            let within = offset & geometry.clusterMask
            guard let place = own(offset) else {
                var clusters: UInt64 = 1
                let most = clusterCount(offset, end)
                while clusters < most, own(offset - within + clusters << geometry.clusterBits) == nil { clusters += 1 }
                return .anew(clusters: clusters)
            }
            let entry = metadata.entry(table, geometry.l2Index(offset))
            var run = min(end, geometry.clusterSize - within)
            guard shows(entry, within, within + run) else { return .intoPlace(place, entry) }
            while run < end, let next = own(offset + run), next == place + within + run {
                let piece = min(end - run, geometry.clusterSize)
                guard shows(metadata.entry(table, geometry.l2Index(offset + run)), 0, piece) else { break }
                run += piece
            }
            return .inPlace(place + within, count: run)
        }
    }

    private func clusterCount(_ offset: UInt64, _ count: UInt64) -> UInt64 {
        min(
            max(1, Self.mostAtOnce >> geometry.clusterBits),
            (offset + count - 1) >> geometry.clusterBits - offset >> geometry.clusterBits + 1)
    }

    /// Bits of the subclusters that a part of a cluster touches.
    static func subclusters(_ from: UInt64, _ to: UInt64, of size: UInt64) -> UInt64 {
        guard to > from else { return 0 }
        let first = from / size
        let last = (to - 1) / size
        return (UInt64(1) << (last + 1)) - (UInt64(1) << first)
    }

    /// Writes into a cluster that has its place: what is not written of the units it touches comes from what showed there.
    private func writeInto(
        _ place: UInt64, _ entry: Qcow2Entry, _ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below
    ) throws(ImageError) -> Int {
        let within = offset & geometry.clusterMask
        let count = min(UInt64(bytes.count), geometry.clusterSize - within)
        let unit = geometry.subclusterSize
        let start = within / unit * unit
        let end = min(geometry.clusterSize, (within + count + unit - 1) / unit * unit)
        try writeFilled(
            UnsafeRawBufferPointer(rebasing: bytes[..<Int(count)]), at: offset, from: offset - within + start,
            to: offset - within + end, place: place + start, below: below)
        try withMetadata { metadata throws(ImageError) in
            metadata.hasNewData = true
            let table = try metadata.ownTable(mapping: offset)
            var entry = metadata.entry(table, geometry.l2Index(offset))
            if geometry.hasExtendedL2 {
                let bits = Self.subclusters(within, within + count, of: unit)
                entry.bitmap = (entry.bitmap | bits) & ~(bits << 32)
            } else {
                entry.word &= ~Bits.zero
            }
            metadata.set(entry, table, geometry.l2Index(offset))
        }
        return Int(count)
    }

    /// Writes into clusters that get their place by it.
    private func writeAnew(
        _ most: UInt64, _ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below
    ) throws(ImageError) -> Int {
        let within = offset & geometry.clusterMask
        let first = offset - within
        let (place, clusters): (UInt64, UInt64)
        if geometry.hasDataFile {
            (place, clusters) = (first, most)
        } else {
            (place, clusters) = try withMetadata { metadata throws(ImageError) in
                // The table first, so that nothing is lost where there is no room for it.
                _ = try metadata.ownTable(mapping: offset)
                return try metadata.allocate(upTo: most)
            }
        }
        let count = min(UInt64(bytes.count), clusters << geometry.clusterBits - within)
        do throws(ImageError) {
            let shown = try shownSubclusters(first, clusters, offset, count)
            // Of clusters that had data whole ones are copied; of others the units that are written to.
            let unit = geometry.subclusterSize
            let from = shown.first != 0 ? 0 : within / unit * unit
            let lastEnd = within + count
            let to =
                shown.last != 0
                ? clusters << geometry.clusterBits
                : min(
                    clusters << geometry.clusterBits, (lastEnd + unit - 1) / unit * unit)
            try writeFilled(
                UnsafeRawBufferPointer(rebasing: bytes[..<Int(count)]), at: offset, from: first + from,
                to: geometry.hasDataFile ? min(first + to, max(size, offset + count)) : first + to, place: place + from,
                below: below)
            try withMetadata { metadata throws(ImageError) in
                metadata.hasNewData = true
                let table = try metadata.ownTable(mapping: offset)
                for number in 0..<clusters {
                    let index = geometry.l2Index(first) + Int(number)
                    let old = metadata.entry(table, index)
                    var new = Qcow2Entry(word: (place + number << geometry.clusterBits) | Bits.copied)
                    if geometry.hasExtendedL2 {
                        let start = number == 0 ? within : 0
                        let end = min(geometry.clusterSize, within + count - number << geometry.clusterBits)
                        let isWhole = number == 0 && shown.first != 0 || number == clusters - 1 && shown.last != 0
                        let written = isWhole ? Bits.allData : Self.subclusters(start, end, of: unit)
                        new.bitmap = written | (old.isCompressed ? 0 : old.bitmap & Bits.allZero & ~(written << 32))
                    }
                    metadata.set(new, table, index)
                    try free(old, metadata)
                }
            }
        } catch {
            // Nothing leads there: the clusters are as free as they were.
            if !geometry.hasDataFile {
                try? withMetadata { metadata throws(ImageError) in
                    for number in 0..<clusters { try metadata.forget(place >> geometry.clusterBits + number) }
                }
            }
            throw error
        }
        return Int(count)
    }

    /// Of the first and last cluster of a run: the subclusters that show data of the cluster's own, which have to come along.
    ///
    /// Without subclusters the rest of a cluster comes along anyway.
    private func shownSubclusters(_ first: UInt64, _ clusters: UInt64, _ offset: UInt64, _ count: UInt64)
        throws(ImageError) -> (first: UInt64, last: UInt64)
    {
        guard geometry.hasExtendedL2 else { return (0, 0) }
        return try withMetadata { metadata throws(ImageError) in
            func shown(_ place: UInt64) throws(ImageError) -> UInt64 {
                let entry = metadata.entry(try metadata.table(mapping: place), geometry.l2Index(place))
                return entry.isCompressed ? Bits.allData : entry.bitmap & Bits.allData
            }
            return (try shown(first), try shown(first + (clusters - 1) << geometry.clusterBits))
        }
    }

    /// Counts a reference less to what an entry led to.
    func free(_ entry: Qcow2Entry, _ metadata: Qcow2Metadata) throws(ImageError) {
        guard !geometry.hasDataFile else { return }
        if entry.isCompressed {
            let (place, count) = geometry.compressedPlace(entry.word)
            for cluster in place >> geometry.clusterBits...(place + count - 1) >> geometry.clusterBits {
                metadata.release(cluster)
            }
            forgetUnpacked()
        } else if entry.place != 0 {
            metadata.release(entry.place >> geometry.clusterBits)
        }
    }

    /// Writes bytes, and before and after them what showed there, up to whole units.
    private func writeFilled(
        _ bytes: UnsafeRawBufferPointer, at offset: UInt64, from: UInt64, to: UInt64, place: UInt64, below: Below
    ) throws(ImageError) {
        let end = offset + UInt64(bytes.count)
        guard from < offset || to > end else { return try dataStorage.write(bytes, at: place) }
        // Small writes go out in one piece with what surrounds them.
        if to - from <= 256 << 10 {
            let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(to - from), alignment: 4096)
            defer { whole.deallocate() }
            try readOld(into: whole, at: from, leavingOut: offset..<end, below: below)
            UnsafeMutableRawBufferPointer(rebasing: whole[Int(offset - from)..<Int(end - from)]).copyMemory(from: bytes)
            return try dataStorage.write(UnsafeRawBufferPointer(whole), at: place)
        }
        for (start, stop) in [(from, offset), (end, to)] where start < stop {
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(stop - start), alignment: 4096)
            defer { piece.deallocate() }
            try readOld(into: piece, at: start, leavingOut: nil, below: below)
            try dataStorage.write(UnsafeRawBufferPointer(piece), at: place + (start - from))
        }
        try dataStorage.write(bytes, at: place + (offset - from))
    }

    /// Reads what shows before a write; behind the end there are zeros.
    private func readOld(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, leavingOut: Range<UInt64>?, below: Below
    ) throws(ImageError) {
        let end = offset + UInt64(buffer.count)
        let pieces =
            leavingOut.map { [(offset, $0.lowerBound), ($0.upperBound, end)] } ?? [(offset, end)]
        for (start, stop) in pieces where start < stop {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[Int(start - offset)..<Int(stop - offset)])
            let there = size > start ? Int(min(size, stop) - start) : 0
            if there > 0 {
                try readHeld(into: UnsafeMutableRawBufferPointer(rebasing: piece[..<there]), at: start, below: below)
            }
            if there < piece.count {
                UnsafeMutableRawBufferPointer(rebasing: piece[there...]).initializeMemory(as: UInt8.self, repeating: 0)
            }
        }
    }

    // MARK: Zeros

    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool, below: Below) throws(ImageError) {
        try bitmaps?.note(offset, count)
        try inUnits(offset, count) { start, length, isWhole throws(ImageError) in
            if isWhole, try zeroWhole(start, length, unmap: unmap, below: below) { return }
            try zeroByWriting(start, length, below: below)
        }
    }

    func discard(at offset: UInt64, count: UInt64, below: Below) throws(ImageError) {
        try bitmaps?.note(offset, count)
        try inUnits(offset, count, of: geometry.clusterSize) { start, length, isWhole throws(ImageError) in
            if isWhole { try discardWhole(start, length, below: below) }
        }
    }

    /// Takes whole clusters out that are not going to be the guest's any more.
    func drop(at offset: UInt64, count: UInt64) throws(ImageError) {
        try bitmaps?.note(offset, count)
        try inUnits(offset, count, of: geometry.clusterSize) { start, length, isWhole throws(ImageError) in
            if isWhole { try discardWhole(start, length, below: .nothing, leaves: Qcow2Entry(word: 0)) }
        }
    }

    /// Splits a range into a part of a unit, whole units, and a part of one; the image's last unit is whole where its end is reached.
    private func inUnits(
        _ offset: UInt64, _ count: UInt64, of given: UInt64? = nil,
        _ body: (UInt64, UInt64, Bool) throws(ImageError) -> Void
    ) throws(ImageError) {
        guard count > 0 else { return }
        let unit = given ?? geometry.subclusterSize
        let end = offset + count
        let firstWhole = (offset + unit - 1) / unit * unit
        let lastWhole = end == size ? (end + unit - 1) / unit * unit : end / unit * unit
        try clusters.hold(offset >> geometry.clusterBits, (end - 1) >> geometry.clusterBits, exclusively: true) {
            () throws(ImageError) in
            // Where none is whole, the end of one and the start of the next are still two: each has an entry of its own.
            let head = min(firstWhole, end)
            let tail = max(lastWhole, head)
            if offset < head { try body(offset, head - offset, false) }
            if firstWhole < lastWhole { try body(firstWhole, lastWhole - firstWhole, true) }
            if tail < end { try body(tail, end - tail, false) }
        }
    }

    /// Marks whole units as zeros; `false` where the format has no mark for it.
    private func zeroWhole(_ offset: UInt64, _ count: UInt64, unmap: Bool, below: Below) throws(ImageError) -> Bool {
        if geometry.version < 3 {
            guard below.isNothing else { return false }
            try discardWhole(offset, count, below: below)
            return true
        }
        try eachCluster(offset, count) { metadata, place, length throws(ImageError) in
            let index = geometry.l2Index(place)
            let old = metadata.entry(try metadata.table(mapping: place), index)
            let table = try metadata.ownTable(mapping: place)
            if geometry.hasExtendedL2, length < geometry.clusterSize {
                let within = place & geometry.clusterMask
                let bits = Self.subclusters(within, within + length, of: geometry.subclusterSize)
                guard !old.isCompressed else { throw ImageError(.unsupported, "part of a compressed cluster") }
                metadata.set(Qcow2Entry(word: old.word, bitmap: old.bitmap & ~bits | bits << 32), table, index)
                return
            }
            let keeps = old.isCopied && !old.isCompressed && !unmap
            var new = Qcow2Entry(word: keeps ? old.word & (Bits.offset | Bits.copied) : 0)
            if geometry.hasExtendedL2 { new.bitmap = Bits.allZero } else { new.word |= Bits.zero }
            metadata.set(new, table, index)
            if !keeps { try free(old, metadata) }
        }
        return true
    }

    private func discardWhole(
        _ offset: UInt64, _ count: UInt64, below: Below, leaves left: Qcow2Entry? = nil
    ) throws(ImageError) {
        try eachCluster(offset, count) { metadata, place, _ throws(ImageError) in
            let index = geometry.l2Index(place)
            guard let there = try metadata.table(mapping: place) else { return }
            let old = metadata.entry(there, index)
            guard old.isCompressed || old.place != 0 || old.isCopied || left.map({ $0 != old }) ?? false else {
                // Zeros without a place, or nothing: it stays so.
                return
            }
            if geometry.version < 3, !below.isNothing { return }
            let table = try metadata.ownTable(mapping: place)
            var new = Qcow2Entry(word: 0)
            if let left {
                new = left
            } else if geometry.hasExtendedL2 {
                new.bitmap = Bits.allZero
            } else if geometry.version >= 3 {
                new.word = Bits.zero
            }
            metadata.set(new, table, index)
            try free(old, metadata)
        }
        if geometry.hasDataFile { try dataStorage.discard(at: offset, count: count) }
    }

    private func eachCluster(
        _ offset: UInt64, _ count: UInt64, _ body: (Qcow2Metadata, UInt64, UInt64) throws(ImageError) -> Void
    ) throws(ImageError) {
        var place = offset
        while place < offset + count {
            // The lock is not held for long.
            let stop = min(offset + count, (place / geometry.l2Reach + 1) * geometry.l2Reach)
            try withMetadata { metadata throws(ImageError) in
                while place < stop {
                    let length = min(stop - place, geometry.clusterSize - place & geometry.clusterMask)
                    try body(metadata, place, length)
                    place += length
                }
            }
        }
    }

    /// Makes a part of a unit zeros, or more where there is no mark for it.
    ///
    /// What was asked to be zeros has a place or a mark, whatever is below now: that may change.
    private func zeroByWriting(_ offset: UInt64, _ count: UInt64, below: Below) throws(ImageError) {
        if geometry.version >= 3 {
            let unit = geometry.subclusterSize
            let start = offset / unit * unit
            let end = min(start + unit, size)
            let (mapping, length) = try mapping(at: start, limit: end - start)
            if case .unallocated = mapping, length == end - start, try below.isZero(at: start, count: length) {
                _ = try zeroWhole(start, length, unmap: true, below: below)
                return
            }
        }
        let zeros = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(min(count, 1 << 20)), alignment: 4096)
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        defer { zeros.deallocate() }
        var place = offset
        while place < offset + count {
            // What is marked as zeros needs no place.
            let (mapping, length) = try mapping(at: place, limit: offset + count - place)
            if case .zero = mapping {
                place += length
                continue
            }
            let stop = place + length
            while place < stop {
                let piece = UnsafeRawBufferPointer(rebasing: zeros[..<Int(min(UInt64(zeros.count), stop - place))])
                place += UInt64(try writePiece(piece, at: place, below: below))
            }
        }
    }
}
