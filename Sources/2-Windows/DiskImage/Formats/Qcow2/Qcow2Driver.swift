import Synchronization

/// A qcow2 image, version 2 or 3.
///
/// - Source: QEMU docs/interop/qcow2.txt.
final class Qcow2Driver: ImageDriver {
    let file: any BlockStorage
    let dataStorage: any BlockStorage
    let geometry: Qcow2Geometry
    let header: Qcow2Header
    let backing: BackingName?
    let encryption: Qcow2Encryption?
    /// Persistent bitmaps, while the image is written.
    let bitmaps: Qcow2BitmapStore?
    let length: SharedLength
    private let lock = Mutex(())
    /// Guarded by `lock`.
    nonisolated(unsafe) private let metadata: Qcow2Metadata
    /// Clusters of the guest that somebody works on.
    let clusters = RangeLock()
    private let unpacked = Mutex(UnpackedClusters())

    typealias Bits = Qcow2Geometry.Bits

    /// Opens an image whose header was read.
    ///
    /// - Parameters:
    ///   - file: where the image lies.
    ///   - data: where its data lie, if that is a file of their own.
    ///   - header: its header, checked.
    ///   - facts: what else the header says.
    ///   - cacheSize: bytes of L2 tables to keep; 16 MiB map 128 GiB with clusters of 64 KiB.
    ///   - secret: the passphrase of an image that is encrypted.
    ///   - mendsSnapshots: whether the table of snapshots is about to be put right.
    ///
    /// - Throws: an ``ImageError`` where it cannot be opened as it is wanted.
    init(
        _ file: any BlockStorage, data: (any BlockStorage)?, _ header: Qcow2Header, _ facts: ImageFacts,
        cacheSize: Int = 16 << 20, secret: [UInt8]? = nil, mendsSnapshots: Bool = false
    ) throws(ImageError) {
        self.file = file
        self.header = header
        encryption = try Qcow2Encryption(file, header, secret)
        dataStorage = encryption?.storage(over: data ?? file) ?? data ?? file
        geometry = Qcow2Geometry(header)
        backing = facts.backingFile.map { BackingName($0, format: facts.backingFormat) }
        length = SharedLength(header.size / 512 * 512)
        metadata = try Qcow2Metadata(file, data: data ?? file, header, cacheSize: cacheSize)
        // A version without bitmaps has nowhere to note them.
        bitmaps = file.isWritable && header.version >= 3 ? try Qcow2BitmapStore(file, header) : nil
        // What QEMU looks at when it opens an image is looked at here, too.
        _ = try Qcow2Bitmaps.list(file, header)
        _ = try snapshots(isMended: mendsSnapshots)
        guard file.isWritable else { return }
        guard header.encryption != 1 else {
            throw ImageError(
                .unsupported, "it is encrypted with AES the old way, which is not safe and only read",
                remedy: "Convert it into one with encrypt.format=luks")
        }
        guard header.incompatible & Qcow2Header.Feature.corrupt == 0 else {
            throw ImageError(.malformed, "it is marked corrupt", remedy: "Repair it: check -r all")
        }
        guard header.incompatible & Qcow2Header.Feature.dirty == 0 else {
            throw ImageError(
                .malformed, "it was not closed, and its reference counts are not right",
                remedy: "Repair it: check -r all")
        }
        try metadata.prepareWriting(header)
        // Bits nobody here knows say that something is up to date which a write makes out of date.
        let kept: UInt64 = header.extensions.bitmaps == nil ? 2 : 3
        if header.autoclear & ~kept != 0 {
            var bytes = HeaderWriter()
            bytes.be64(header.autoclear & kept)
            try file.write(bytes.bytes, at: 88)
        }
    }

    var format: ImageFacts.Format { .qcow2 }
    var fileStorage: any BlockStorage { file }
    var size: UInt64 { length.value }
    var clusterSize: UInt64? { geometry.clusterSize }

    func withMetadata<Value>(_ body: (Qcow2Metadata) throws(ImageError) -> Value) throws(ImageError) -> Value {
        // SAFETY: `metadata` is touched here only, and the lock is held.
        try lock.withLock { _ throws(ImageError) in try body(metadata) }
    }

    // MARK: Mapping

    /// What a piece of the guest is mapped to; pieces end with their L2 table at the latest.
    enum Mapping: Equatable {
        /// Nothing; its place, where it has one.
        case unallocated(UInt64?)
        /// Reads as zeros; its place, where it has one.
        case zero(UInt64?)
        case data(UInt64)
        case compressed(UInt64)
    }

    func mapping(at offset: UInt64, limit: UInt64) throws(ImageError) -> (Mapping, length: UInt64) {
        try withMetadata { metadata throws(ImageError) in
            let end = min(limit, geometry.l2Reach - offset % geometry.l2Reach)
            guard let table = try metadata.table(mapping: offset) else { return (.unallocated(nil), end) }
            let unit = geometry.subclusterSize
            let first = try piece(metadata.entry(table, geometry.l2Index(offset)), offset)
            var length = min(end, unit - offset % unit)
            if case .compressed = first {
                return (first, min(end, geometry.clusterSize - offset % geometry.clusterSize))
            }
            while length < end {
                let place = offset + length
                let next = try piece(metadata.entry(table, geometry.l2Index(place)), place)
                switch (first, next) {
                case (.unallocated(nil), .unallocated(nil)), (.zero(nil), .zero(nil)): break
                case (.unallocated(let start?), .unallocated(let place?)) where place == start + length: break
                case (.data(let start), .data(let place)) where place == start + length: break
                case (.zero(let start?), .zero(let place?)) where place == start + length: break
                default: return (first, length)
                }
                length += min(end - length, unit)
            }
            return (first, length)
        }
    }

    /// What one byte is mapped to.
    private func piece(_ entry: Qcow2Entry, _ offset: UInt64) throws(ImageError) -> Mapping {
        let within = offset & geometry.clusterMask
        if entry.isCompressed {
            guard !geometry.hasDataFile else { throw malformed("has a compressed cluster, and a data file", offset) }
            return .compressed(entry.word)
        }
        let place = entry.place
        let isPlaced = place != 0 || geometry.hasDataFile && entry.isCopied
        guard place & geometry.clusterMask == 0 else {
            throw malformed("is mapped to byte \(place.hex), which is not at a cluster's start", offset)
        }
        guard geometry.hasExtendedL2 else {
            if entry.word & Bits.zero != 0 {
                guard geometry.version >= 3 else {
                    throw malformed("is a cluster of zeros, which version 2 has not", offset)
                }
                return .zero(isPlaced ? place + within : nil)
            }
            return isPlaced ? .data(place + within) : .unallocated(nil)
        }
        let bit = UInt64(1) << (within / geometry.subclusterSize)
        let isData = entry.bitmap & bit != 0
        let isZero = entry.bitmap >> 32 & bit != 0
        guard !isData || !isZero, !isData || isPlaced else {
            throw malformed("has subclusters that contradict themselves", offset)
        }
        return isZero
            ? .zero(isPlaced ? place + within : nil)
            : isData ? .data(place + within) : .unallocated(isPlaced ? place + within : nil)
    }

    func malformed(_ what: String, _ offset: UInt64) -> ImageError {
        ImageError(.malformed, "the cluster at byte \(offset & ~geometry.clusterMask) \(what)")
    }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        let (mapping, length) = try mapping(at: offset, limit: limit)
        switch mapping {
        case .unallocated(let place):
            return BlockStatus(.unallocated, length, reserved: encryption == nil ? place : nil)
        case .zero(let place): return BlockStatus(.zero(at: encryption == nil ? place : nil), length)
        case .data(let place): return BlockStatus(.data(at: encryption == nil ? place : nil), length)
        case .compressed: return BlockStatus(.compressed, length)
        }
    }

    // MARK: Reading

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        guard !buffer.isEmpty else { return }
        let last = offset + UInt64(buffer.count) - 1
        guard file.isWritable else { return try readHeld(into: buffer, at: offset, below: below) }
        try clusters.hold(offset >> geometry.clusterBits, last >> geometry.clusterBits, exclusively: false) {
            () throws(ImageError) in
            try readHeld(into: buffer, at: offset, below: below)
        }
    }

    /// Reads what the caller holds.
    func readHeld(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        var done = 0
        while done < buffer.count {
            let place = offset + UInt64(done)
            let (mapping, length) = try mapping(at: place, limit: UInt64(buffer.count - done))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + Int(length)])
            switch mapping {
            case .unallocated: try below.read(into: piece, at: place)
            case .zero: piece.initializeMemory(as: UInt8.self, repeating: 0)
            case .data(let host):
                try dataStorage.read(into: piece, at: host)
                try encryption?.decryptByGuest(piece, at: place)
            case .compressed(let entry):
                guard length == geometry.clusterSize else {
                    try unpackPart(entry, into: piece, at: place)
                    break
                }
                let run = try packedRun(entry, at: place, limit: buffer.count - done)
                let whole = run.count << Int(geometry.clusterBits)
                try unpack(run, into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + whole]), at: place)
                done += whole
                continue
            }
            done += Int(length)
        }
    }

    /// Unpacks the part of a compressed cluster that is asked for.
    private func unpackPart(_ entry: UInt64, into piece: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(ImageError)
    {
        let size = Int(geometry.clusterSize)
        let within = Int(offset & geometry.clusterMask)
        let isKnown = unpacked.withLock { $0.copy(entry, within, into: piece) }
        if isKnown { return }
        var failure: ImageError?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            do throws(ImageError) {
                try unpack([entry], into: UnsafeMutableRawBufferPointer(buffer), at: offset)
                filled = size
            } catch { failure = error }
        }
        if let failure { throw failure }
        bytes.withUnsafeBytes {
            piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[within..<within + piece.count]))
        }
        unpacked.withLock { $0.keep(entry, bytes) }
    }

    /// Compressed clusters from one on that are asked for as a whole, and lie one behind the other in the file, too.
    private func packedRun(_ first: UInt64, at offset: UInt64, limit: Int) throws(ImageError) -> [UInt64] {
        var run = [first]
        let size = geometry.clusterSize
        let start = geometry.compressedPlace(first)
        var end = start.offset + start.count
        while UInt64(run.count + 1) * size <= UInt64(limit),
            case .compressed(let entry) = try mapping(at: offset + UInt64(run.count) * size, limit: size).0
        {
            let next = geometry.compressedPlace(entry)
            // The last sector of one may be the first of the next. QEMU packs several at once, and any may come first.
            guard next.offset >= start.offset, next.offset + 512 > end, next.offset <= end,
                next.offset + next.count - start.offset <= Self.mostPacked
            else { break }
            run.append(entry)
            end = max(end, next.offset + next.count)
        }
        return run
    }

    /// Bytes of compressed clusters that are read at once.
    private static let mostPacked: UInt64 = 1 << 20

    /// Unpacks clusters of a run, which is read at once: a disk likes that better than one cluster after the other.
    private func unpack(_ run: [UInt64], into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(ImageError)
    {
        let size = Int(geometry.clusterSize)
        let places = run.map { geometry.compressedPlace($0) }
        guard let first = places.first, let end = places.map({ $0.offset + $0.count }).max() else { return }
        let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(end - first.offset), alignment: 16)
        defer { packed.deallocate() }
        try file.read(into: packed, at: first.offset)
        for (number, place) in places.enumerated() {
            let start = Int(place.offset - first.offset)
            try unpack(
                UnsafeRawBufferPointer(rebasing: packed[start..<start + Int(place.count)]),
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[number * size..<(number + 1) * size]),
                at: offset + UInt64(number * size))
        }
    }

    /// Unpacks a cluster.
    private func unpack(_ packed: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(ImageError)
    {
        let isZstd = geometry.isZstd
        guard !isZstd || ZstdFunctions.shared != nil else {
            throw ImageError(.unsupported, "its clusters are packed with zstd, and libzstd.so.1 is not installed")
        }
        if !isZstd { try Inflater.require() }
        let inflater = unpacked.withLock { $0.takeInflater() }
        let isWhole =
            isZstd ? inflater.unpackZstd(packed, into: buffer) : inflater.inflate(packed, into: buffer)
        unpacked.withLock { $0.giveBack(inflater) }
        guard isWhole else { throw malformed("cannot be unpacked", offset) }
    }

    // MARK: State

    func flush() throws(ImageError) {
        guard file.isWritable else { return }
        try withMetadata { metadata throws(ImageError) in
            // What is read and written in place needs no table.
            try metadata.commit()
        }
        if geometry.hasDataFile { try dataStorage.flush() }
        try file.flush()
    }

    func close() throws(ImageError) {
        try flush()
        try bitmaps?.store(self)
        // Whoever reads compressed clusters by whole sectors finds them.
        guard file.isWritable, try withMetadata({ $0.compressedEnd != 0 }) else { return }
        let length = try file.length()
        if length % 512 != 0 { try file.resize(to: length.saturated(adding: 511) / 512 * 512) }
    }

    /// Forgets what was unpacked: an entry may lead to other bytes now.
    func forgetUnpacked() { unpacked.withLock { $0.forget() } }
}

/// Clusters that were unpacked last, and what unpacks.
private struct UnpackedClusters: ~Copyable {
    private var clusters: [(entry: UInt64, bytes: [UInt8])] = []
    private var idle: [Inflater] = []

    func copy(_ entry: UInt64, _ within: Int, into piece: UnsafeMutableRawBufferPointer) -> Bool {
        guard let known = clusters.first(where: { $0.entry == entry }) else { return false }
        known.bytes.withUnsafeBytes {
            piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[within..<within + piece.count]))
        }
        return true
    }

    mutating func keep(_ entry: UInt64, _ bytes: [UInt8]) {
        if clusters.count >= 4 { clusters.removeFirst() }
        clusters.append((entry, bytes))
    }

    mutating func forget() { clusters = [] }
    mutating func takeInflater() -> Inflater { idle.popLast() ?? Inflater() }
    mutating func giveBack(_ inflater: Inflater) { if idle.count < 8 { idle.append(inflater) } }
}
