/// The tables of a qcow2 image: where each cluster lies, and how often it is referred to.
///
/// Changes gather in memory, and ``commit()`` writes them in an order in which a loss of power at any point costs leaks at most: reference counts before
/// what refers, tables before the entries that lead to them, and nothing is given out again before nothing leads there any more.
///
/// One thread at a time: the driver keeps it behind a lock.
final class Qcow2Metadata {
    let file: any BlockStorage
    let geometry: Qcow2Geometry
    var l1: [UInt64]
    var l1Offset: UInt64
    var refcountTable: [UInt64]
    var refcountTableOffset: UInt64
    /// Whether data were written that a new mapping leads to.
    var hasNewData = false
    /// Storage of the data, where they lie in a file of their own.
    let data: any BlockStorage

    private var tables: [UInt64: Qcow2Table] = [:]
    private var blocks: [UInt64: Qcow2Table] = [:]
    private var stamp: UInt64 = 0
    private let tableLimit: Int
    private let blockLimit: Int
    private var dirtyL1: Set<Int> = []
    private var dirtyRefcountEntries: Set<Int> = []
    /// Whether clusters that become free are given back to the file system.
    var givesBack = false
    /// Clusters that have become free since.
    private var emptied: [UInt64] = []
    /// Clusters nothing leads to once the tables are written; given out after that only.
    private var freed: [UInt64] = []
    /// No cluster before it is free.
    private var firstFree: UInt64 = 0
    /// Clusters of tables: an allocator that is told lies must not give them out.
    private var ownClusters: Set<UInt64> = []
    /// The place after the last compressed cluster, where the next one may go on.
    var compressedEnd: UInt64 = 0
    /// Set while tables are written, so that nothing is written anew in the middle of it.
    private var isBusy = false

    typealias Bits = Qcow2Geometry.Bits

    /// Reads the tables that are kept whole.
    ///
    /// - Parameters:
    ///   - file: where the tables lie.
    ///   - data: where the data lie.
    ///   - header: the image's header, checked.
    ///   - cacheSize: bytes of L2 tables that are kept.
    ///
    /// - Throws: an ``ImageError`` where they cannot be read.
    init(
        _ file: any BlockStorage, data: any BlockStorage, _ header: Qcow2Header, cacheSize: Int
    ) throws(ImageError) {
        self.file = file
        self.data = data
        geometry = Qcow2Geometry(header)
        l1Offset = header.l1Offset
        l1 = try Self.words(file, header.l1Offset, Int(header.l1Size))
        refcountTableOffset = header.refcountTableOffset
        refcountTable = []
        tableLimit = max(4, cacheSize >> Int(header.clusterBits))
        blockLimit = max(4, (cacheSize / 4) >> Int(header.clusterBits))
    }

    /// Reads what writing needs besides.
    func prepareWriting(_ header: Qcow2Header) throws(ImageError) {
        let entries = header.refcountTableClusters * geometry.clusterSize / 8
        refcountTable = try Self.words(file, header.refcountTableOffset, Int(entries))
        claim(0, geometry.clusterSize)
        claim(l1Offset, UInt64(l1.count) * 8)
        claim(refcountTableOffset, entries * 8)
        claim(header.snapshotsOffset, header.snapshots > 0 ? 1 : 0)
        for entry in refcountTable where entry != 0 { claim(entry & ~0x1FF, geometry.clusterSize) }
        for entry in l1 where entry & Bits.offset != 0 { claim(entry & Bits.offset, geometry.clusterSize) }
    }

    private func claim(_ offset: UInt64, _ count: UInt64) {
        guard count > 0 else { return }
        for cluster in offset >> geometry.clusterBits...(offset + count - 1) >> geometry.clusterBits {
            ownClusters.insert(cluster)
        }
    }

    static func words(_ file: any BlockStorage, _ offset: UInt64, _ count: Int) throws(ImageError) -> [UInt64] {
        guard count > 0 else { return [] }
        var words = [UInt64](repeating: 0, count: count)
        var failure: ImageError?
        words.withUnsafeMutableBytes { buffer in
            do throws(ImageError) { try file.read(into: buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
        for index in words.indices { words[index] = UInt64(bigEndian: words[index]) }
        return words
    }

    // MARK: L2 tables

    /// The L2 table that maps a place of the guest; `nil` where there is none.
    func table(mapping offset: UInt64) throws(ImageError) -> Qcow2Table? {
        let index = geometry.l1Index(offset)
        guard index < l1.count else { return nil }
        let place = l1[index] & Bits.offset
        guard place != 0 else { return nil }
        guard place & geometry.clusterMask == 0 else {
            throw ImageError(
                .malformed, "the L2 table of L1 entry \(index) is at byte \(place.hex), not at a cluster's start")
        }
        return try table(at: place)
    }

    func table(at place: UInt64) throws(ImageError) -> Qcow2Table {
        stamp &+= 1
        if let known = tables[place] {
            known.stamp = stamp
            return known
        }
        let table = Qcow2Table(place, try Self.words(file, place, Int(geometry.clusterSize / 8)), stamp)
        try makeRoom(\.tables, tableLimit)
        tables[place] = table
        return table
    }

    /// Takes out what was not used for the longest time; what is not written yet is written first.
    private func makeRoom(_ cache: ReferenceWritableKeyPath<Qcow2Metadata, [UInt64: Qcow2Table]>, _ limit: Int)
        throws(ImageError)
    {
        guard self[keyPath: cache].count >= limit, !isBusy else { return }
        if self[keyPath: cache].values.count(where: { $0.dirty == nil }) < (limit + 3) / 4 { try commit() }
        let clean = self[keyPath: cache].values.filter { $0.dirty == nil }.sorted { $0.stamp < $1.stamp }
        for table in clean.prefix((limit + 3) / 4) { self[keyPath: cache][table.offset] = nil }
    }

    func entry(_ table: Qcow2Table?, _ index: Int) -> Qcow2Entry {
        guard let table else { return Qcow2Entry(word: 0) }
        guard geometry.hasExtendedL2 else { return Qcow2Entry(word: table.words[index]) }
        return Qcow2Entry(word: table.words[index * 2], bitmap: table.words[index * 2 + 1])
    }

    func set(_ entry: Qcow2Entry, _ table: Qcow2Table, _ index: Int) {
        if geometry.hasExtendedL2 {
            table.set(entry.word, at: index * 2)
            table.set(entry.bitmap, at: index * 2 + 1)
        } else {
            table.set(entry.word, at: index)
        }
    }

    /// The L2 table that maps a place of the guest, the image's own: made where there is none, copied where snapshots have it, too.
    func ownTable(mapping offset: UInt64) throws(ImageError) -> Qcow2Table {
        let index = geometry.l1Index(offset)
        guard index < l1.count else { throw ImageError(.invalid, "byte \(offset) lies behind the L1 table") }
        let old = try table(mapping: offset)
        if let old, l1[index] & Bits.copied != 0 { return old }
        let place = try allocate()
        stamp &+= 1
        let words = old?.words ?? [UInt64](repeating: 0, count: Int(geometry.clusterSize / 8))
        let table = Qcow2Table(place, words, stamp)
        table.dirty = 0..<words.count
        table.isNew = true
        try makeRoom(\.tables, tableLimit)
        tables[place] = table
        ownClusters.insert(place >> geometry.clusterBits)
        if let old { release(old.offset >> geometry.clusterBits) }
        l1[index] = place | Bits.copied
        dirtyL1.insert(index)
        return table
    }

    // MARK: Reference counts

    /// How often a cluster is referred to, as the image has it.
    func references(to cluster: UInt64) throws(ImageError) -> UInt64 {
        let (index, position) = cluster.quotientAndRemainder(dividingBy: geometry.refcountsPerBlock)
        guard let block = try block(Int(clamping: index)) else { return 0 }
        return block.number(Int(position), order: geometry.refcountOrder)
    }

    private func block(_ index: Int) throws(ImageError) -> Qcow2Table? {
        guard index < refcountTable.count else { return nil }
        let place = refcountTable[index] & ~0x1FF
        guard place != 0 else { return nil }
        guard place & geometry.clusterMask == 0 else {
            throw ImageError(
                .malformed, "reference count block \(index) is at byte \(place.hex), not at a cluster's start")
        }
        stamp &+= 1
        if let known = blocks[place] {
            known.stamp = stamp
            return known
        }
        let block = Qcow2Table(place, try Self.words(file, place, Int(geometry.clusterSize / 8)), stamp)
        try makeRoom(\.blocks, blockLimit)
        blocks[place] = block
        return block
    }

    private func add(_ delta: Int64, to cluster: UInt64) throws(ImageError) {
        let (index, position) = cluster.quotientAndRemainder(dividingBy: geometry.refcountsPerBlock)
        guard let block = try block(Int(clamping: index)) else {
            throw ImageError(.malformed, "cluster \(cluster) is in use, and has no reference count")
        }
        let old = block.number(Int(position), order: geometry.refcountOrder)
        if delta > 0 {
            guard old <= geometry.mostReferences - UInt64(delta) else {
                throw ImageError(
                    .full,
                    "cluster \(cluster) cannot be shared \(old) + \(delta) times with reference counts of \(1 << geometry.refcountOrder) bits"
                )
            }
        } else if old < UInt64(-delta) {
            throw ImageError(
                .malformed, "cluster \(cluster) is in use, and its reference count is \(old)",
                remedy: "Repair it: check -r all")
        }
        let new = delta > 0 ? old + UInt64(delta) : old - UInt64(-delta)
        block.setNumber(new, Int(position), order: geometry.refcountOrder)
        guard new == 0 else { return }
        firstFree = min(firstFree, cluster)
        if givesBack { emptied.append(cluster) }
    }

    /// Counts one reference more.
    func refer(to cluster: UInt64) throws(ImageError) { try add(1, to: cluster) }

    /// Counts one reference less, once the tables that held it are written.
    func release(_ cluster: UInt64) { freed.append(cluster) }

    /// Counts one reference less at once: for what no table leads to.
    func forget(_ cluster: UInt64) throws(ImageError) { try add(-1, to: cluster) }

    /// Gives out clusters that lie one after the other.
    ///
    /// - Parameter most: how many are wanted, at least one.
    ///
    /// - Returns: the first one's place, and how many there are: a table that lies between ends the run.
    ///
    /// - Throws: an ``ImageError`` where there is no room, or the reference counts are wrong.
    func allocate(upTo most: UInt64) throws(ImageError) -> (place: UInt64, count: UInt64) {
        let order = geometry.refcountOrder
        var first = firstFree
        while true {
            guard first < 1 << (55 - geometry.clusterBits) else {
                throw ImageError(.full, "the image cannot become any larger")
            }
            let (index, position) = first.quotientAndRemainder(dividingBy: geometry.refcountsPerBlock)
            guard let block = try block(Int(clamping: index)) else {
                try makeBlock(Int(clamping: index))
                continue
            }
            if block.number(Int(position), order: order) == 0 { break }
            first += 1
        }
        firstFree = first
        var count: UInt64 = 1
        while count < most {
            let (index, position) = (first + count).quotientAndRemainder(dividingBy: geometry.refcountsPerBlock)
            guard let block = try block(Int(clamping: index)), block.number(Int(position), order: order) == 0 else {
                break
            }
            count += 1
        }
        for cluster in first..<first + count where ownClusters.contains(cluster) {
            throw ImageError(
                .malformed, "cluster \(cluster) holds a table of the image, and its reference count says it is free",
                remedy: "Repair it: check -r all")
        }
        for cluster in first..<first + count { try add(1, to: cluster) }
        firstFree = first + count
        return (first << geometry.clusterBits, count)
    }

    /// Gives out clusters that all lie one after the other.
    ///
    /// - Throws: an ``ImageError`` where there is no room.
    func allocateContiguous(_ count: UInt64) throws(ImageError) -> UInt64 {
        var short: [(place: UInt64, count: UInt64)] = []
        var found: UInt64?
        // A few holes may be large enough; behind the end there always is room.
        while found == nil, short.count < 8 {
            let run = try allocate(upTo: count)
            if run.count == count { found = run.place } else { short.append(run) }
        }
        for run in short {
            for number in 0..<run.count { try forget(run.place >> geometry.clusterBits + number) }
        }
        if let found { return found }
        return try allocateAtEnd(count)
    }

    /// Takes clusters behind all that reference counts are kept of; the blocks for them lie behind them.
    private func allocateAtEnd(_ count: UInt64) throws(ImageError) -> UInt64 {
        let perBlock = geometry.refcountsPerBlock
        while true {
            let index = (refcountTable.lastIndex { $0 != 0 } ?? -1) + 1
            let first = UInt64(index) * perBlock
            var blockCount: UInt64 = 1
            while count + blockCount > blockCount * perBlock { blockCount += 1 }
            guard index + Int(blockCount) <= refcountTable.count else {
                try growRefcountTable(for: index + Int(blockCount) - 1)
                continue
            }
            for number in 0..<Int(blockCount) {
                let cluster = first + count + UInt64(number)
                stamp &+= 1
                let block = Qcow2Table(
                    cluster << geometry.clusterBits, [UInt64](repeating: 0, count: Int(geometry.clusterSize / 8)), stamp
                )
                block.dirty = 0..<block.words.count
                block.isNew = true
                let start = first + UInt64(number) * perBlock
                for used in start..<min(start + perBlock, first + count + blockCount) {
                    block.setNumber(1, Int(used - start), order: geometry.refcountOrder)
                }
                blocks[block.offset] = block
                ownClusters.insert(cluster)
                refcountTable[index + number] = block.offset
                dirtyRefcountEntries.insert(index + number)
            }
            return first << geometry.clusterBits
        }
    }

    /// Gives out one cluster.
    func allocate() throws(ImageError) -> UInt64 { try allocate(upTo: 1).place }

    /// Makes a block of reference counts in the first cluster that it describes itself.
    private func makeBlock(_ index: Int) throws(ImageError) {
        if index >= refcountTable.count { return try growRefcountTable(for: index) }
        let perBlock = geometry.refcountsPerBlock
        var cluster = UInt64(index) * perBlock
        // Without a block all of its clusters count as free; what tables lie there is known better.
        while ownClusters.contains(cluster) {
            cluster += 1
            guard cluster < UInt64(index + 1) * perBlock else {
                throw ImageError(
                    .malformed, "reference count block \(index) is missing", remedy: "Repair it: check -r all")
            }
        }
        let place = cluster << geometry.clusterBits
        stamp &+= 1
        let block = Qcow2Table(place, [UInt64](repeating: 0, count: Int(geometry.clusterSize / 8)), stamp)
        block.dirty = 0..<block.words.count
        block.isNew = true
        block.setNumber(1, Int(cluster % perBlock), order: geometry.refcountOrder)
        try makeRoom(\.blocks, blockLimit)
        blocks[place] = block
        ownClusters.insert(cluster)
        refcountTable[index] = place
        dirtyRefcountEntries.insert(index)
    }

    /// Moves the table of reference count blocks to where there is room for a larger one.
    private func growRefcountTable(for index: Int) throws(ImageError) {
        try commit()
        isBusy = true
        defer { isBusy = false }
        let clusterSize = geometry.clusterSize
        let perBlock = geometry.refcountsPerBlock
        let old = (offset: refcountTableOffset, clusters: UInt64(refcountTable.count) * 8 / clusterSize)
        // Behind everything the old table describes; its own blocks lie right behind it.
        let first = UInt64(refcountTable.count) * perBlock
        var entries = max(UInt64(index) + 1, UInt64(refcountTable.count) * 3 / 2)
        var clusters: UInt64 = 0
        var blockCount: UInt64 = 0
        while true {
            clusters = (entries * 8).dividedUp(by: clusterSize)
            blockCount = 1
            while first + clusters + blockCount > (UInt64(refcountTable.count) + blockCount) * perBlock {
                blockCount += 1
            }
            let needed = UInt64(refcountTable.count) + blockCount
            if needed <= clusters * clusterSize / 8 { break }
            entries = needed
        }
        guard clusters * clusterSize <= 8 << 20 else {
            throw ImageError(.full, "the table of reference counts cannot become any larger")
        }
        var table = refcountTable + [UInt64](repeating: 0, count: Int(clusters * clusterSize / 8) - refcountTable.count)
        let base = refcountTable.count
        for number in 0..<Int(blockCount) {
            let place = (first + clusters + UInt64(number)) << geometry.clusterBits
            let block = Qcow2Table(place, [UInt64](repeating: 0, count: Int(clusterSize / 8)), stamp)
            let start = UInt64(base + number) * perBlock
            for cluster in max(start, first)..<min(start + perBlock, first + clusters + blockCount)
            where cluster >= start {
                block.setNumber(1, Int(cluster - start), order: geometry.refcountOrder)
            }
            block.dirty = nil
            try file.write(block.bytes(0..<block.words.count), at: place)
            blocks[place] = block
            table[base + number] = place
        }
        let place = first << geometry.clusterBits
        try file.write(Qcow2Table(place, table, 0).bytes(0..<table.count), at: place)
        try file.flush()
        var bytes: [UInt8] = []
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: place >> UInt64(shift)))
        }
        for shift in stride(from: 24, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: clusters >> UInt64(shift)))
        }
        try file.write(bytes, at: 48)
        try file.flush()
        refcountTable = table
        refcountTableOffset = place
        claim(place, (clusters + blockCount) * clusterSize)
        for cluster in old.offset >> geometry.clusterBits..<(old.offset >> geometry.clusterBits) + old.clusters {
            ownClusters.remove(cluster)
            try add(-1, to: cluster)
        }
    }

    // MARK: Writing

    /// Writes what has changed, in order.
    ///
    /// - Throws: an ``ImageError``; what was not written is tried again by the next one.
    func commit() throws(ImageError) {
        guard !isBusy else { return }
        isBusy = true
        defer { isBusy = false }
        if hasNewData {
            try data.flush()
            hasNewData = false
        }
        try writeReferences()
        let hasTables = tables.values.contains { $0.dirty != nil } || !dirtyL1.isEmpty
        if hasTables { try file.flush() }
        let dirty = tables.values.filter { $0.dirty != nil }.sorted { $0.offset < $1.offset }
        for table in dirty { try table.write(to: file) }
        if !dirtyL1.isEmpty {
            if dirty.contains(where: \.isNew) { try file.flush() }
            try writeEntries(of: l1, dirtyL1, at: l1Offset)
            dirtyL1 = []
        }
        for table in dirty { table.isNew = false }
        guard !freed.isEmpty else { return try giveBack() }
        try file.flush()
        while let cluster = freed.last {
            try add(-1, to: cluster)
            if try references(to: cluster) == 0 { ownClusters.remove(cluster) }
            freed.removeLast()
        }
        try writeReferences()
        try giveBack()
    }

    /// Gives the file system what has become free, and is free still; that it cannot is no harm.
    private func giveBack() throws(ImageError) {
        guard !emptied.isEmpty else { return }
        let clusters = emptied.sorted()
        emptied = []
        var run: Range<UInt64> = 0..<0
        for cluster in clusters where try references(to: cluster) == 0 {
            if cluster == run.upperBound, !run.isEmpty {
                run = run.lowerBound..<cluster + 1
            } else {
                discard(run)
                run = cluster..<cluster + 1
            }
        }
        discard(run)
    }

    private func discard(_ clusters: Range<UInt64>) {
        guard !clusters.isEmpty else { return }
        try? file.discard(
            at: clusters.lowerBound << geometry.clusterBits, count: UInt64(clusters.count) << geometry.clusterBits)
    }

    /// Takes out blocks of reference counts that count nothing but themselves.
    ///
    /// - Throws: an ``ImageError``.
    func dropEmptyBlocks() throws(ImageError) {
        try commit()
        let perBlock = geometry.refcountsPerBlock
        for index in refcountTable.indices.dropFirst() where refcountTable[index] != 0 {
            guard let block = try block(index), let own = block.offset >> geometry.clusterBits as UInt64? else {
                continue
            }
            let first = UInt64(index) * perBlock
            let isOwn = own / perBlock == UInt64(index)
            let isEmpty = (first..<first + perBlock).allSatisfy { cluster in
                let count = block.number(Int(cluster - first), order: geometry.refcountOrder)
                return count == (isOwn && cluster == own ? 1 : 0)
            }
            guard isEmpty else { continue }
            refcountTable[index] = 0
            dirtyRefcountEntries.insert(index)
            blocks[block.offset] = nil
            ownClusters.remove(own)
            if !isOwn { release(own) } else if givesBack { emptied.append(own) }
        }
        try commit()
    }

    private func writeReferences() throws(ImageError) {
        let dirty = blocks.values.filter { $0.dirty != nil }.sorted { $0.offset < $1.offset }
        for block in dirty { try block.write(to: file) }
        guard !dirtyRefcountEntries.isEmpty else { return }
        if dirty.contains(where: \.isNew) { try file.flush() }
        try writeEntries(of: refcountTable, dirtyRefcountEntries, at: refcountTableOffset)
        dirtyRefcountEntries = []
        for block in dirty { block.isNew = false }
    }

    /// Writes the sectors that hold some entries.
    private func writeEntries(of table: [UInt64], _ indices: Set<Int>, at offset: UInt64) throws(ImageError) {
        for sector in Set(indices.map { $0 / 64 }).sorted() {
            let range = sector * 64..<min(sector * 64 + 64, table.count)
            try file.write(Qcow2Table.bytes(table[range]), at: offset + UInt64(range.lowerBound) * 8)
        }
    }

    /// Whether anything waits to be written.
    var isDirty: Bool {
        hasNewData || !freed.isEmpty || !dirtyL1.isEmpty || !dirtyRefcountEntries.isEmpty
            || tables.values.contains { $0.dirty != nil } || blocks.values.contains { $0.dirty != nil }
    }

    // MARK: The L1 table

    /// Takes an L1 table in place of the one there is, once all is written that leads to it.
    ///
    /// - Parameter entries: the new one's.
    ///
    /// - Throws: an ``ImageError``.
    func replaceL1(_ entries: [UInt64]) throws(ImageError) {
        let clusters = (UInt64(entries.count) * 8).dividedUp(by: geometry.clusterSize)
        let place = clusters == 0 ? 0 : try allocateContiguous(clusters)
        try file.write(Qcow2Table.bytes(entries[...]), at: place)
        try commit()
        try file.flush()
        var header = HeaderWriter()
        header.be32(UInt64(entries.count))
        header.be64(place)
        try file.write(header.bytes, at: 36)
        try file.flush()
        let old = (offset: l1Offset, clusters: (UInt64(l1.count) * 8).dividedUp(by: geometry.clusterSize))
        l1 = entries
        l1Offset = place
        dirtyL1 = []
        claim(place, clusters * geometry.clusterSize)
        for number in 0..<old.clusters {
            let cluster = old.offset >> geometry.clusterBits + number
            ownClusters.remove(cluster)
            try forget(cluster)
        }
    }

    /// Sets an entry of the L1 table.
    func setL1(_ index: Int, _ entry: UInt64) {
        guard l1[index] != entry else { return }
        l1[index] = entry
        dirtyL1.insert(index)
    }

    /// No table any more: its cluster may be given out once it is free.
    func disown(_ place: UInt64) { ownClusters.remove(place >> geometry.clusterBits) }

    /// Marks clusters as the image's own tables.
    func own(_ place: UInt64, _ count: UInt64) { claim(place, count) }

    /// Forgets what is kept of the tables: somebody has changed them on disk.
    func forgetTables() {
        tables = [:]
        blocks = [:]
    }
}
