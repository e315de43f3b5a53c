/// Checks a qcow2 image and puts right what it can.
///
/// A loss of power on the way leaves no more wrong than there was: counts grow first, entries change then, counts shrink last; counts that cannot
/// be put right in place are written anew behind everything else, and the header is led there at the end.
struct Qcow2Repair {
    private let file: any BlockStorage
    private let report: (String) -> Void
    private typealias Bits = Qcow2Geometry.Bits

    /// A repair.
    ///
    /// - Parameters:
    ///   - file: where the image lies.
    ///   - report: told of each contradiction.
    init(_ file: any BlockStorage, report: @escaping (String) -> Void = { _ in }) {
        self.file = file
        self.report = report
    }

    /// Checks, and repairs.
    ///
    /// - Parameter repair: what to put right; `nil` writes nothing.
    ///
    /// - Returns: what is left, and what was put right.
    ///
    /// - Throws: an ``ImageError`` where it cannot be read or written.
    func run(_ repair: ImageRepair?) throws(ImageError) -> ImageCheck {
        let before = try check(repaired: repair == .all, tellsCopied: repair == nil, report)
        guard let repair else { return before.result }
        let isMarked = before.header.incompatible & Self.marks != 0
        try clearUnknownMarks(before.header)
        if repair == .all { try dropSnapshots(before.check) }
        let isWrong = before.result.corruptions > 0 || before.result.leaks > 0
        var flags = 0
        switch repair {
        // While something cannot be found, what nothing refers to may be just that: it is not given up.
        case .leaks where before.check.losses == 0 && !before.check.needsRebuild:
            if isWrong { try setCounts(before.check) { kept, wanted in min(kept, wanted) } }
            let now = try check(repaired: false, tellsCopied: false) { _ in }
            if now.result.corruptions == 0, now.result.leaks == 0, !now.check.copiedFaults.isEmpty {
                let counts = try Counts(file, now.check)
                let fixed = try fixEntries(now.check) { cluster in counts.found(cluster) }
                for flag in fixed { report(flag) }
                flags = fixed.count
            }
        case .all where isWrong || !before.check.copiedFaults.isEmpty: flags = try fix(before.check)
        default: break
        }
        guard isWrong || isMarked || flags > 0 else { return before.result }
        // What is too much of the table of snapshots is there still.
        let mendsSnapshots = repair == .all && before.check.snapshotTable?.excesses.isEmpty == false
        var after = try check(repaired: mendsSnapshots) { _ in }
        if repair == .all, after.check.snapshotFaults > 0, after.check.snapshotFaults == after.result.corruptions {
            try mendSnapshots()
            after = try check(repaired: false) { _ in }
        }
        if repair == .all, after.result.corruptions == 0 { try unmark(after.header) }
        var result = after.result
        let left = result.corruptions - after.check.copiedFaults.count
        result.corruptionsFixed = max(0, before.result.corruptions - left) + flags
        // Counts that are written anew have no leaks: none was put right by itself.
        let isRebuilt = repair == .all && before.check.needsRebuild
        result.leaksFixed = isRebuilt ? 0 : max(0, before.result.leaks - result.leaks)
        if result.corruptionsFixed > 0 || result.leaksFixed > 0 { _ = try check(repaired: false, report) }
        return result
    }

    /// Bits nobody here knows say that something is up to date which a write makes out of date.
    private func clearUnknownMarks(_ header: Qcow2Header) throws(ImageError) {
        guard header.version >= 3, header.autoclear & ~3 != 0 else { return }
        var bytes = HeaderWriter()
        bytes.be64(header.autoclear & 3)
        try file.write(bytes.bytes, at: 88)
    }

    private static let marks = Qcow2Header.Feature.dirty | Qcow2Header.Feature.corrupt

    private func check(
        repaired: Bool, tellsCopied: Bool = true, _ report: @escaping (String) -> Void
    ) throws(ImageError) -> (header: Qcow2Header, check: Qcow2Check, result: ImageCheck) {
        var facts = ImageFacts(path: file.name, format: .qcow2)
        let source = try StorageHeader(file)
        do {
            guard try source.bytes(at: 0, count: 4).has([0x51, 0x46, 0x49, 0xFB]) else {
                throw Malformed("Image is not in qcow2 format")
            }
            let header = try Qcow2Header.parse(source, into: &facts, isChecked: true)
            var check = Qcow2Check(
                source, header, countsRepaired: repaired, tellsCopied: tellsCopied, report: report)
            do { try check.run() } catch let fault as Malformed { throw ImageError(.notChecked, fault.what) }
            return (header, check, check.result)
        } catch let fault as Malformed {
            throw ImageError(fault)
        } catch let limit as Qcow2Check.Limit {
            throw ImageError(.notChecked, limit.what)
        } catch let error as ImageError {
            throw error
        } catch { throw ImageError(.failed, "\(error)") }
    }

    // MARK: Putting right

    /// Puts right what can be; how many flags of entries that were.
    private func fix(_ found: Qcow2Check) throws(ImageError) -> Int {
        let keepsMore = found.losses > 0
        var flags: [String] = []
        if found.needsRebuild {
            report("Rebuilding refcount structure")
            let references = try rebuild(found)
            try file.flush()
            try tellOfOldCounts(found)
            flags = try fixEntries(found) { references[$0] }
        } else {
            try setCounts(found) { kept, wanted in max(kept, wanted) }
            try file.flush()
            let counts = try Counts(file, found)
            flags = try fixEntries(found) { cluster throws(ImageError) in
                keepsMore ? try counts.kept(cluster) : counts.found(cluster)
            }
            try file.flush()
            if !keepsMore { try setCounts(found) { kept, wanted in min(kept, wanted) } }
        }
        try file.flush()
        for flag in flags { report(flag) }
        return flags.count
    }

    /// Tells what is wrong still, and that nothing refers to the old reference counts any more.
    private func tellOfOldCounts(_ found: Qcow2Check) throws(ImageError) {
        _ = try check(repaired: true, tellsCopied: false) { line in
            if line.hasPrefix("ERROR offset=") || line.hasPrefix("ERROR: counting") { report(line) }
        }
        let geometry = found.geometry
        var old = Set<UInt64>()
        let table = found.header.refcountTableOffset >> geometry.clusterBits
        for cluster in table..<table + found.header.refcountTableClusters { old.insert(cluster) }
        for entry in found.refcountTable where entry & Qcow2Check.Entry.refcountOffset & geometry.clusterMask == 0 {
            old.insert((entry & Qcow2Check.Entry.refcountOffset) >> geometry.clusterBits)
        }
        for cluster in old.sorted() where cluster != 0 {
            guard found.references[cluster] == 1, found.otherReferences[cluster] == 0 else { continue }
            report("Repairing cluster \(cluster) refcount=1 reference=0")
        }
    }

    /// Reference counts as the image has them, and as they were found.
    private final class Counts {
        private let metadata: Qcow2Metadata
        private let references: ClusterCounts

        init(_ file: any BlockStorage, _ found: Qcow2Check) throws(ImageError) {
            metadata = try Qcow2Metadata(file, data: file, found.header, cacheSize: 1 << 20)
            metadata.refcountTable = found.refcountTable
            references = found.references
        }

        func kept(_ cluster: UInt64) throws(ImageError) -> UInt64 { try metadata.references(to: cluster) }
        func found(_ cluster: UInt64) -> UInt64 { references[cluster] }
    }

    /// Sets each reference count there is a block for.
    private func setCounts(
        _ found: Qcow2Check, _ count: (_ kept: UInt64, _ wanted: UInt64) -> UInt64
    ) throws(ImageError) {
        let geometry = found.geometry
        let perBlock = geometry.refcountsPerBlock
        for (index, entry) in found.refcountTable.enumerated() {
            let place = entry & Qcow2Check.Entry.refcountOffset
            let first = UInt64(index) * perBlock
            guard place != 0, place & geometry.clusterMask == 0 else { continue }
            let words = try Qcow2Metadata.words(file, place, Int(geometry.clusterSize / 8))
            let block = Qcow2Table(place, words, 0)
            for cluster in first..<first + perBlock {
                let kept = block.number(Int(cluster - first), order: geometry.refcountOrder)
                let wanted = found.references[cluster]
                // As many as are counted may be more.
                guard wanted < ClusterCounts.mostReferences else { continue }
                let new = count(kept, wanted)
                guard new != kept else { continue }
                guard new <= geometry.mostReferences else { throw tooMany(cluster, new, geometry) }
                report("Repairing cluster \(cluster) refcount=\(kept) reference=\(wanted)")
                block.setNumber(new, Int(cluster - first), order: geometry.refcountOrder)
            }
            try block.write(to: file)
        }
        try file.flush()
    }

    private func tooMany(_ cluster: UInt64, _ count: UInt64, _ geometry: Qcow2Geometry) -> ImageError {
        let needed = UInt64.bitWidth - count.leadingZeroBitCount
        let wide = [1, 2, 4, 8, 16, 32].first { $0 >= needed } ?? 64
        return ImageError(
            .notChecked,
            "cluster \(cluster) is referred to \(count) times, which reference counts of \(1 << geometry.refcountOrder) bits cannot hold",
            remedy: "Widen them with amend -o refcount_bits=\(wide), or convert what can be read into a new image")
    }

    /// Writes all reference counts anew behind the end, and has the header lead there.
    private func rebuild(_ found: Qcow2Check, order: UInt64? = nil) throws(ImageError) -> ClusterCounts {
        var geometry = found.geometry
        let old = geometry.refcountOrder
        if let order { geometry.refcountOrder = order }
        let perBlock = geometry.refcountsPerBlock
        var references = found.otherReferences
        let start = max((references.last ?? 0) + 1, (try file.length()).dividedUp(by: geometry.clusterSize))
        // Blocks for what is in use, and for themselves.
        var used = Set<UInt64>()
        var next: UInt64 = 0
        while let cluster = references.first(in: next..<references.count) {
            used.insert(cluster / perBlock)
            next = min((cluster / perBlock + 1) * perBlock, references.count)
        }
        var own: UInt64 = 0
        var tableClusters: UInt64 = 1
        while true {
            if own > 0 { for cluster in start..<start + own { used.insert(cluster / perBlock) } }
            tableClusters = max(1, (((used.max() ?? 0) + 1) * 8).dividedUp(by: geometry.clusterSize))
            let needed = UInt64(used.count) + tableClusters
            if needed <= own { break }
            own = needed
        }
        guard tableClusters * geometry.clusterSize <= 8 << 20 else {
            throw ImageError(.full, "the table of reference counts cannot become any larger")
        }
        do {
            try references.grow(to: start + own)
            for cluster in start..<start + own { try references.add(cluster) }
        } catch { throw ImageError(.full, "more clusters are in use than are counted in memory") }
        var table = [UInt64](repeating: 0, count: Int(tableClusters * geometry.clusterSize / 8))
        var place = (start + tableClusters) << geometry.clusterBits
        for index in used.sorted() {
            let words = [UInt64](repeating: 0, count: Int(geometry.clusterSize / 8))
            let block = Qcow2Table(place, words, 0)
            let first = index * perBlock
            for cluster in first..<min(first + perBlock, references.count) {
                let count = references[cluster]
                guard count <= geometry.mostReferences else { throw tooMany(cluster, count, geometry) }
                block.setNumber(count, Int(cluster - first), order: geometry.refcountOrder)
            }
            try file.write(block.bytes(0..<block.words.count), at: place)
            table[Int(index)] = place
            place += geometry.clusterSize
        }
        try file.write(Qcow2Table.bytes(table[...]), at: start << geometry.clusterBits)
        try file.flush()
        var bytes = HeaderWriter()
        bytes.be64(start << geometry.clusterBits)
        bytes.be32(tableClusters)
        if geometry.refcountOrder != old {
            // In one write with the place: neither is right without the other.
            bytes.bytes += try file.bytes(at: 60, count: 36)
            bytes.be32(geometry.refcountOrder)
        }
        try file.write(bytes.bytes, at: 48)
        return references
    }

    /// Writes all reference counts anew, with another number of bits.
    ///
    /// Wider ones are as many as were found: what narrow ones could not hold is put right by it.
    ///
    /// - Throws: an ``ImageError`` where the image is not whole, or a count does not fit.
    func setRefcountOrder(_ order: UInt64) throws(ImageError) {
        let found = try check(repaired: false) { _ in }
        let isWhole = found.result.corruptions == 0
        let isMiscounted = found.result.corruptions == found.check.lowCounts + found.check.copiedFaults.count
        guard isWhole || isMiscounted && order > found.check.geometry.refcountOrder else {
            throw ImageError(.malformed, "its tables contradict one another", remedy: "Repair it: check -r all")
        }
        let references = try rebuild(found.check, order: order)
        try file.flush()
        guard !isWhole else { return }
        _ = try fixEntries(found.check) { references[$0] }
        try file.flush()
    }

    /// Puts the entries of all tables right, and in the active ones the flag that says "mine alone".
    ///
    /// - Returns: what is to be told of flags that were wrong.
    private func fixEntries(
        _ found: Qcow2Check, _ count: (UInt64) throws(ImageError) -> UInt64
    ) throws(ImageError) -> [String] {
        let flags = try fixTables(found.header.l1Offset, found.header.l1Size, isActive: true, found, count)
        for entry in found.snapshotTable?.entries ?? [] {
            _ = try fixTables(entry.l1Offset, entry.l1Size, isActive: false, found, count)
        }
        return flags
    }

    private func fixTables(
        _ offset: UInt64, _ size: UInt64, isActive: Bool, _ found: Qcow2Check,
        _ count: (UInt64) throws(ImageError) -> UInt64
    ) throws(ImageError) -> [String] {
        let geometry = found.geometry
        guard size > 0, offset & geometry.clusterMask == 0, size <= 4 << 20 else { return [] }
        var flags: [String] = []
        func copied(_ place: UInt64, _ entry: UInt64, _ what: (UInt64) -> String) throws(ImageError) -> UInt64 {
            let count = try count(place >> geometry.clusterBits)
            if (count == 1) != (entry & Bits.copied != 0) {
                flags.append("Repairing " + what(count))
            }
            return count == 1 ? Bits.copied : 0
        }
        let l1 = Qcow2Table(offset, try Qcow2Metadata.words(file, offset, Int(size)), 0)
        for index in l1.words.indices where l1.words[index] != 0 {
            let entry = l1.words[index]
            let place = entry & Bits.offset
            guard place & geometry.clusterMask == 0 else { continue }
            let flag =
                isActive ? try copied(place, entry) { Qcow2Check.copiedL2(index, entry, $0) } : entry & Bits.copied
            l1.set(place | flag, at: index)
            // A table that lies where something else does is not written to.
            let cluster = place >> geometry.clusterBits
            guard place != 0, cluster < found.references.count, !found.fixedClusters.contains(cluster) else {
                continue
            }
            let words = try Qcow2Metadata.words(file, place, Int(geometry.clusterSize / 8))
            let table = Qcow2Table(place, words, 0)
            for number in 0..<Int(geometry.l2Entries) {
                let first = number * geometry.entryWords
                let bitmap = geometry.hasExtendedL2 ? table.words[first + 1] : 0
                var entry = Qcow2Entry(word: table.words[first], bitmap: bitmap)
                guard entry.word != 0 || entry.bitmap != 0 else { continue }
                entry = geometry.repaired(entry)
                if isActive, !entry.isCompressed, entry.place != 0, !geometry.hasDataFile,
                    entry.place & geometry.clusterMask == 0
                {
                    let old = entry.word
                    let flag = try copied(entry.place, old) { Qcow2Check.copiedData(old, $0) }
                    entry.word = old & ~Bits.copied | flag
                }
                table.set(entry.word, at: first)
                if geometry.hasExtendedL2 { table.set(entry.bitmap, at: first + 1) }
            }
            try table.write(to: file)
        }
        // The same holds for the L1 table itself.
        let clusters = offset >> geometry.clusterBits...(offset + size * 8 - 1) >> geometry.clusterBits
        let isOwn = clusters.allSatisfy { found.otherReferences[$0] == 1 }
        if isOwn { try l1.write(to: file) }
        return flags
    }

    /// Takes the snapshots out that are too many: first, as what they alone refer to is given up later.
    private func dropSnapshots(_ found: Qcow2Check) throws(ImageError) {
        guard let table = found.snapshotTable, table.hasTooMany else { return }
        var bytes = HeaderWriter()
        bytes.be32(UInt64(table.entries.count))
        try file.write(bytes.bytes, at: 60)
        try file.flush()
    }

    /// Writes the table of snapshots with all that version 3 has of them, and no more than is read.
    private func mendSnapshots() throws(ImageError) {
        var facts = ImageFacts(path: file.name, format: .qcow2)
        let source = try StorageHeader(file)
        var header: Qcow2Header
        do throws(Malformed) { header = try Qcow2Header.parse(source, into: &facts) } catch { throw ImageError(error) }
        try unmark(header)
        header.incompatible &= ~Self.marks
        let driver = try Qcow2Driver(file, data: nil, header, facts, mendsSnapshots: true)
        try driver.mendSnapshots()
        try driver.flush()
    }

    private func unmark(_ header: Qcow2Header) throws(ImageError) {
        guard header.incompatible & Self.marks != 0 else { return }
        try file.flush()
        var bytes = HeaderWriter()
        bytes.be64(header.incompatible & ~Self.marks)
        try file.write(bytes.bytes, at: 72)
        try file.flush()
    }
}
