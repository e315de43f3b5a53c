import Synchronization

/// A QED image.
///
/// - Source: QEMU docs/interop/qed_spec.txt.
final class QedDriver: ImageDriver {
    let dataStorage: any BlockStorage
    let length: SharedLength
    let backing: BackingName?
    let cluster: UInt64
    let tableBytes: UInt64
    private let features: Mutex<UInt64>
    private let state: Mutex<State>

    /// The tables, and where the next cluster goes.
    struct State: Sendable {
        let l1Offset: UInt64
        var l1: [UInt64]
        var l2: [UInt64: [UInt64]] = [:]
        var end: UInt64
        /// Whether the header says that the tables may not be right.
        var isMarked = false
    }

    /// Bits of the header's features.
    enum Feature {
        static let backing: UInt64 = 1
        static let needsCheck: UInt64 = 2
        static let noProbe: UInt64 = 4
    }

    init(_ file: any BlockStorage, _ path: String) throws(ImageError) {
        dataStorage = file
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            var facts = ImageFacts(path: path, format: .qed)
            let header = try source.bytes(at: 0, count: 64)
            guard header.has("QED\0") else { throw Malformed("Image not in QED format") }
            try QedHeader.read(source, into: &facts)
            cluster = try header.le32(4)
            tableBytes = try header.le32(8) * cluster
            let features = try header.le64(16)
            self.features = Mutex(features)
            length = SharedLength(try header.le64(48))
            backing = facts.backingFile.map { BackingName($0, format: facts.backingFormat) }
            let l1Offset = try header.le64(40)
            guard tableBytes <= 64 << 20 else { throw Malformed("tables of \(tableBytes) bytes are too large") }
            let l1 = try source.bytes(at: l1Offset, count: Int(tableBytes)).littleEndian64
            state = Mutex(
                State(
                    l1Offset: l1Offset, l1: l1, end: try source.size.roundedUp(to: cluster, "the end"),
                    isMarked: features & Feature.needsCheck != 0))
        } catch { throw ImageError(error) }
        guard !file.isWritable || features.withLock({ $0 }) & Feature.needsCheck == 0 else {
            throw ImageError(
                .malformed, "it was not closed, and has to be checked", remedy: "Use qemu-img check -r all")
        }
    }

    var format: ImageFacts.Format { .qed }
    var size: UInt64 { length.value }
    var clusterSize: UInt64? { cluster }
    var mayHaveHoles: Bool { false }

    private var entries: UInt64 { tableBytes / 8 }

    // MARK: Mapping

    /// Whether a place can be a cluster's.
    private func isPlace(_ place: UInt64, _ end: UInt64) -> Bool {
        place % cluster == 0 && place >= cluster && place < end
    }

    private func table(_ place: UInt64, _ state: inout State) throws(ImageError) -> [UInt64] {
        if let known = state.l2[place] { return known }
        guard isPlace(place, state.end), place.saturated(adding: tableBytes) <= state.end else {
            throw ImageError(.malformed, "an L1 entry leads to byte \(place.hex)")
        }
        let table = HeaderBytes(try dataStorage.bytes(at: place, count: Int(tableBytes))).littleEndian64
        // As much as is of use is kept: 16 MiB.
        if UInt64(state.l2.count) * tableBytes > 16 << 20 { state.l2 = [:] }
        state.l2[place] = table
        return table
    }

    /// What an entry says: 0 nothing, 1 zeros, else a place.
    private func entry(_ offset: UInt64, _ state: inout State) throws(ImageError) -> UInt64 {
        let number = offset / cluster
        guard number / entries < UInt64(state.l1.count) else { return 0 }
        let place = state.l1[Int(number / entries)]
        guard place != 0 else { return 0 }
        let entry = try table(place, &state)[Int(number % entries)]
        guard entry <= 1 || isPlace(entry, state.end) else {
            throw ImageError(
                .malformed, "the cluster at byte \(offset / cluster * cluster) is mapped to byte \(entry.hex)")
        }
        return entry
    }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        let (entry, length) = try state.withLock { state throws(ImageError) in
            let number = offset / cluster
            // Without an L2 table nothing is there for as long as it would reach.
            let hasTable = number / entries < UInt64(state.l1.count) && state.l1[Int(number / entries)] != 0
            let unit = hasTable ? cluster : cluster * entries
            return (try self.entry(offset, &state), min(limit, unit - offset % unit))
        }
        switch entry {
        case 0: return BlockStatus(.unallocated, length)
        case 1: return BlockStatus(.zero(at: nil), length)
        default: return BlockStatus(.data(at: entry + offset % cluster), length)
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        try readMapped(into: buffer, at: offset, below: below)
    }

    // MARK: Writing

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        var done = 0
        while done < bytes.count {
            let place = offset + UInt64(done)
            let count = Int(min(UInt64(bytes.count - done), cluster - place % cluster))
            let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<done + count])
            nonisolated(unsafe) let shared = piece
            try state.withLock { state throws(ImageError) in try write(shared, at: place, below, &state) }
            done += count
        }
    }

    /// Writes what lies in one cluster.
    private func write(
        _ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ below: Below, _ state: inout State
    ) throws(ImageError) {
        let old = try entry(offset, &state)
        let within = Int(offset % cluster)
        guard old <= 1 else { return try dataStorage.write(bytes, at: old + UInt64(within)) }
        let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(cluster), alignment: 4096)
        defer { whole.deallocate() }
        whole.initializeMemory(as: UInt8.self, repeating: 0)
        if old == 0, bytes.count < Int(cluster) {
            let start = offset - UInt64(within)
            let there = UnsafeMutableRawBufferPointer(rebasing: whole[..<Int(min(cluster, size - start))])
            try below.read(into: there, at: start)
        }
        UnsafeMutableRawBufferPointer(rebasing: whole[within..<within + bytes.count]).copyMemory(from: bytes)
        try mark(&state)
        // The table comes first: it would lie between this cluster and the next one.
        if state.l1[Int(offset / cluster / entries)] == 0 { try map(offset, to: 0, &state) }
        let place = state.end
        state.end += cluster
        try dataStorage.write(UnsafeRawBufferPointer(whole), at: place)
        if !below.isNothing { try dataStorage.flush() }
        try map(offset, to: place, &state)
    }

    /// Says in the header that tables are being written.
    private func mark(_ state: inout State) throws(ImageError) {
        guard !state.isMarked else { return }
        try dataStorage.write(QedCreation.bytes(features.withLock { $0 } | Feature.needsCheck), at: 16)
        try dataStorage.flush()
        state.isMarked = true
    }

    private func map(_ offset: UInt64, to entry: UInt64, _ state: inout State) throws(ImageError) {
        let number = offset / cluster
        let index = Int(number / entries)
        if state.l1[index] != 0 {
            let place = state.l1[index]
            _ = try table(place, &state)
            try dataStorage.write(QedCreation.bytes(entry), at: place + number % entries * 8)
            state.l2[place]?[Int(number % entries)] = entry
            return
        }
        // The table whole before anything leads to it.
        let place = state.end
        state.end += tableBytes
        var table = [UInt64](repeating: 0, count: Int(entries))
        table[Int(number % entries)] = entry
        try dataStorage.write(table.flatMap(QedCreation.bytes), at: place)
        try dataStorage.flush()
        try dataStorage.write(QedCreation.bytes(place), at: state.l1Offset + UInt64(index) * 8)
        state.l2[place] = table
        state.l1[index] = place
    }

    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool, below: Below) throws(ImageError) {
        var place = offset
        while place < offset + count {
            let length = min(offset + count - place, cluster - place % cluster)
            let isWhole = place % cluster == 0 && (length == cluster || place + length == size)
            if isWhole,
                try state.withLock({ state throws(ImageError) in
                    let old = try entry(place, &state)
                    guard old <= 1 else { return false }
                    guard old == 0, !below.isNothing else { return true }
                    try mark(&state)
                    try map(place, to: 1, &state)
                    return true
                })
            {
                place += length
                continue
            }
            try write([UInt8](repeating: 0, count: Int(length)), at: place, below: below)
            place += length
        }
    }

    func flush() throws(ImageError) { try dataStorage.flush() }

    func close() throws(ImageError) {
        guard dataStorage.isWritable else { return }
        try state.withLock { state throws(ImageError) in
            try dataStorage.flush()
            guard state.isMarked else { return }
            if try dataStorage.length() < state.end { try dataStorage.resize(to: state.end) }
            try dataStorage.write(QedCreation.bytes(features.withLock { $0 }), at: 16)
            try dataStorage.flush()
            state.isMarked = false
        }
    }

    /// Writes the header anew, of an image whose tables are all written.
    func write(header: [UInt8], keeping features: UInt64) throws(ImageError) {
        try close()
        try dataStorage.write(header, at: 0)
        try dataStorage.flush()
        self.features.withLock { $0 = features }
    }

    // MARK: Checking

    /// Counts what the tables lead to; each cluster may be led to once.
    func check(_ report: (String) -> Void) throws(ImageError) -> ImageCheck? {
        var check = ImageCheck()
        let (l1, l1Offset, end) = state.withLock { ($0.l1, $0.l1Offset, $0.end) }
        let fileClusters = try dataStorage.length().dividedUp(by: cluster)
        var used = ClusterCounts()
        var leaks = fileClusters
        func use(_ place: UInt64, _ bytes: UInt64) throws(ImageError) -> Bool {
            guard isPlace(place, end), place.saturated(adding: bytes) <= end else { return false }
            for number in place / cluster..<(place + bytes) / cluster {
                guard number < fileClusters, used[number] == 0 else { return false }
                do { try used.add(number) } catch {
                    throw ImageError(.unsupported, "more clusters are in use than are counted in memory")
                }
                leaks -= 1
            }
            return true
        }
        do { try used.grow(to: fileClusters) } catch {
            throw ImageError(.unsupported, "the file has \(fileClusters) clusters; too many are to be counted")
        }
        check.totalClusters = size.dividedUp(by: cluster)
        // The header.
        if fileClusters > 0 { leaks -= 1 }
        _ = try use(l1Offset, tableBytes)
        for (index, place) in l1.enumerated() where place != 0 {
            guard try use(place, tableBytes) else {
                check.corruptions += 1
                report("ERROR: L1 entry \(index) leads to byte \(place.hex)")
                continue
            }
            let table = HeaderBytes(try dataStorage.bytes(at: place, count: Int(tableBytes))).littleEndian64
            var last: UInt64 = 0
            for (number, entry) in table.enumerated() where entry > 1 {
                check.allocatedClusters += 1
                if last != 0, entry != last + cluster { check.fragmentedClusters += 1 }
                last = entry
                guard try !use(entry, cluster) else { continue }
                check.corruptions += 1
                report("ERROR: entry \(number) of the L2 table at byte \(place.hex) leads to byte \(entry.hex)")
            }
        }
        check.leaks = Int(leaks)
        return check
    }
}
