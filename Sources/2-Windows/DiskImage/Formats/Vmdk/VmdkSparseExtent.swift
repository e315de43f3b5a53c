import Synchronization

/// A VMware extent whose grains lie anywhere in its file: `KDMV`, or `COWD` of older hosts.
///
/// - Source: VMware Virtual Disk Format 5.0; QEMU block/vmdk.c.
final class VmdkSparseExtent: Sendable {
    let file: any BlockStorage
    /// Bytes the guest sees of it.
    let size: UInt64
    /// Bytes of a grain.
    let grain: UInt64
    let isCompressed: Bool
    private let hasZeroGrains: Bool
    private let hasMarkers: Bool
    private let entries: UInt64
    private let state: Mutex<State>

    private struct State: Sendable {
        var directory: [UInt32]
        /// The second copy, which is written along.
        var spare: [UInt32]
        var tables: [UInt32: [UInt32]] = [:]
        var end: UInt64
    }

    /// What an entry says of a grain.
    enum Grain: Sendable, Equatable {
        case nothing, zeros
        case at(UInt64)
    }

    /// Opens an extent.
    ///
    /// - Parameters:
    ///   - file: its file.
    ///   - sectors: how long the descriptor says it is; `nil` where its header decides.
    ///
    /// - Throws: a `Malformed` where it cannot be one.
    init(_ file: any BlockStorage, sectors: UInt64?) throws(Malformed) {
        self.file = file
        let source = try StorageHeader.checked(file)
        var header = try source.bytes(at: 0, count: 512)
        let directory: UInt64
        var spare: UInt64 = 0
        if header.has("COWD") {
            grain = try header.le32(16) * 512
            let own = try header.le32(12)
            size = (sectors ?? own) * 512
            directory = try header.le32(20) * 512
            (isCompressed, hasZeroGrains, hasMarkers, entries) = (false, false, false, 4096)
        } else {
            guard header.has("KDMV") else { throw Malformed("an extent is neither KDMV nor COWD") }
            if try header.le64(56) == .max {
                guard source.size >= 1536 else { throw Malformed("the footer is missing") }
                header = try source.bytes(at: source.size / 512 * 512 - 1024, count: 512)
                guard header.has("KDMV") else { throw Malformed("the footer is missing") }
            }
            let version = try header.le32(4)
            guard version <= 3 else { throw Malformed("Unsupported VMDK version \(version)") }
            let flags = try header.le32(8)
            guard version < 3 || !file.isWritable || flags & 1 << 16 != 0 else {
                throw Malformed("version 3 is read only")
            }
            grain = try (try header.le64(20)).times(512, "the grain")
            let own = try header.le64(12)
            size = try (sectors ?? own).times(512, "the size")
            isCompressed = try header.le16(77) == 1 && flags & 1 << 16 != 0
            hasMarkers = flags & 1 << 17 != 0
            hasZeroGrains = flags & 1 << 2 != 0
            entries = try header.le32(44)
            directory = try (try header.le64(56)).times(512, "the grain directory")
            let start = try (try header.le64(64)).times(512, "the first grain")
            guard source.size / 512 * 512 >= start else {
                throw Malformed("File truncated, expecting at least \(start) bytes")
            }
            if flags & 2 != 0 { spare = try (try header.le64(48)).times(512, "the grain directory") }
        }
        guard (1...512).contains(entries) || entries == 4096, grain > 0, grain <= 1 << 30 else {
            throw Malformed("grain tables of \(entries) entries, grains of \(grain) bytes")
        }
        guard size <= UInt64(Int64.max) - 511 else { throw Malformed("a size of \(size) bytes is out of range") }
        let tables = size.dividedUp(by: entries * grain)
        guard tables <= 8 << 20 else { throw Malformed("L1 size too big") }
        func words(_ place: UInt64) throws(Malformed) -> [UInt32] {
            try source.bytes(at: place, count: Int(tables) * 4).littleEndian32
        }
        // A directory behind the end of the file has nothing in it.
        let first = try words(directory)
        let second = spare != 0 && file.isWritable ? try words(spare) : []
        let end = source.size.dividedUp(by: 512) * 512
        state = Mutex(State(directory: first, spare: second, end: end))
    }

    private func table(_ sector: UInt32, _ state: inout State) throws(ImageError) -> [UInt32] {
        if let known = state.tables[sector] { return known }
        let bytes = HeaderBytes(try file.bytes(at: UInt64(sector) * 512, count: Int(entries) * 4))
        // 2 KiB each, mostly: 8 MiB.
        if state.tables.count >= 4096 { state.tables = [:] }
        state.tables[sector] = bytes.littleEndian32
        return bytes.littleEndian32
    }

    /// What is said of the grain a byte lies in, and for how many bytes it is so at least.
    func grain(at offset: UInt64) throws(ImageError) -> (Grain, length: UInt64) {
        let number = offset / grain
        return try state.withLock { state throws(ImageError) in
            guard number / entries < UInt64(state.directory.count) else { return (.nothing, size - offset) }
            let sector = state.directory[Int(number / entries)]
            guard sector != 0 else {
                return (.nothing, min(size - offset, entries * grain - offset % (entries * grain)))
            }
            let length = min(size - offset, grain - offset % grain)
            return (read(try table(sector, &state)[Int(number % entries)]), length)
        }
    }

    private func read(_ entry: UInt32) -> Grain {
        if entry == 0 { return .nothing }
        if entry == 1, hasZeroGrains { return .zeros }
        return .at(UInt64(entry) * 512)
    }

    /// A packed grain, unpacked.
    func unpack(at place: UInt64) throws(ImageError) -> [UInt8] {
        var place = place
        var count = grain * 2
        if hasMarkers {
            let marker = HeaderBytes(try file.bytes(at: place, count: 12))
            do throws(Malformed) { count = try marker.le32(8) } catch { throw ImageError(error) }
            place += 12
        }
        guard count > 2, count <= ZlibFrame.longest(for: grain) else {
            throw ImageError(.malformed, "a packed grain of \(count) bytes at byte \(place)")
        }
        return try ZlibFrame.unpack(file, at: place, count: Int(count), to: Int(grain), "the grain")
    }

    // MARK: Writing

    /// Writes a whole grain, or over part of one that has its place.
    ///
    /// - Parameters:
    ///   - bytes: within one grain.
    ///   - offset: where in the extent.
    ///   - rest: what a new grain shows around them.
    ///
    /// - Throws: an ``ImageError``.
    func write(
        _ bytes: UnsafeRawBufferPointer, at offset: UInt64,
        around rest: (UnsafeMutableRawBufferPointer) throws(ImageError) -> Void
    ) throws(ImageError) {
        nonisolated(unsafe) let bytes = bytes
        let within = Int(offset % grain)
        if case .at(let place) = try grain(at: offset).0 {
            guard !isCompressed else { throw ImageError(.unsupported, "a packed grain is written once") }
            return try file.write(bytes, at: place + UInt64(within))
        }
        let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(grain), alignment: 4096)
        defer { whole.deallocate() }
        whole.initializeMemory(as: UInt8.self, repeating: 0)
        if bytes.count < Int(grain) { try rest(whole) }
        UnsafeMutableRawBufferPointer(rebasing: whole[within..<within + bytes.count]).copyMemory(from: bytes)
        let content = isCompressed ? packed(UnsafeRawBufferPointer(whole), offset / grain) : nil
        nonisolated(unsafe) let shared = UnsafeRawBufferPointer(whole)
        try state.withLock { state throws(ImageError) in
            let place = state.end
            state.end += UInt64(content?.count ?? Int(grain)).dividedUp(by: 512) * 512
            guard place / 512 <= UInt64(UInt32.max) else {
                throw ImageError(.full, "the extent cannot become any larger")
            }
            if let content {
                try file.write(content, at: place)
            } else {
                try file.write(shared, at: place)
            }
            try set(UInt32(place / 512), offset, &state)
        }
    }

    /// Marks a whole grain as zeros; `false` where there is no mark for it.
    func markZero(at offset: UInt64) throws(ImageError) -> Bool {
        guard hasZeroGrains else { return false }
        try state.withLock { state throws(ImageError) in try set(1, offset, &state) }
        return true
    }

    private func set(_ entry: UInt32, _ offset: UInt64, _ state: inout State) throws(ImageError) {
        let number = offset / grain
        let index = Int(number / entries)
        guard index < state.directory.count, state.directory[index] != 0 else {
            throw ImageError(.malformed, "the grain directory has no table for byte \(offset)")
        }
        let sector = state.directory[index]
        _ = try table(sector, &state)
        state.tables[sector]?[Int(number % entries)] = entry
        let bytes = Array(QedCreation.bytes(UInt64(entry))[..<4])
        if index < state.spare.count, state.spare[index] != 0 {
            try file.write(bytes, at: UInt64(state.spare[index]) * 512 + number % entries * 4)
        }
        try file.write(bytes, at: UInt64(sector) * 512 + number % entries * 4)
    }

    /// A grain as it is written packed: a marker, zlib's frame.
    private func packed(_ bytes: UnsafeRawBufferPointer, _ number: UInt64) -> [UInt8] {
        let stream = ZlibFrame.pack(bytes)
        return QedCreation.bytes(number * grain / 512) + QedCreation.bytes(UInt64(stream.count))[..<4] + stream
    }

    /// Whether a grain's place lies in the file.
    func isInside(_ place: UInt64) throws(ImageError) -> Bool { place < (try file.length()) }
}
