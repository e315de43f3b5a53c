import Synchronization

/// The persistent bitmaps of an image that is open for writing: those that take note of writes do, and all are stored when it is closed.
///
/// On disk they are marked as in use before the first change: a loss of power leaves bitmaps that nobody takes for right.
///
/// - Source: QEMU docs/interop/qcow2.txt "Bitmaps extension".
final class Qcow2BitmapStore: Sendable {
    /// A bitmap, with its bits where they are right.
    struct Bitmap: Sendable {
        var entry: Qcow2Bitmaps.Entry
        var bits: ImageBitmap?
        var table: [UInt64] = []
    }

    private struct State: Sendable {
        var bitmaps: [Bitmap]
        /// Where the directory lies.
        var place: (offset: UInt64, length: UInt64)?
        var isMarked = false
    }

    private let file: any BlockStorage
    private let state: Mutex<State>

    init(_ file: any BlockStorage, _ header: Qcow2Header) throws(ImageError) {
        self.file = file
        var bitmaps: [Bitmap] = []
        var budget = Qcow2Bitmaps.mostBytes
        for entry in try Qcow2Bitmaps.list(file, header) {
            let (table, bits) = try Qcow2Bitmaps.load(file, header, entry, &budget)
            bitmaps.append(Bitmap(entry: entry, bits: bits, table: table))
        }
        state = Mutex(State(bitmaps: bitmaps, place: header.extensions.bitmaps.map { ($0.offset, $0.length) }))
    }

    /// Takes note that a range is going to change.
    func note(_ offset: UInt64, _ count: UInt64) throws(ImageError) {
        try state.withLock { state throws(ImageError) in
            guard !state.bitmaps.isEmpty else { return }
            try mark(&state)
            for index in state.bitmaps.indices where state.bitmaps[index].entry.isAutomatic {
                state.bitmaps[index].bits?.set(offset, count)
            }
        }
    }

    /// Marks those that will be stored as in use, in place.
    private func mark(_ state: inout State) throws(ImageError) {
        guard !state.isMarked else { return }
        state.isMarked = true
        guard let place = state.place else { return }
        var directory = try file.bytes(at: place.offset, count: Int(place.length))
        var offset = 0
        while offset + 24 <= directory.count {
            directory[offset + 15] |= 1
            let name = Int(directory[offset + 18]) << 8 | Int(directory[offset + 19])
            offset += (24 + name + 7) / 8 * 8
        }
        try file.write(directory, at: place.offset)
        try file.flush()
    }

    // MARK: Operations

    /// Changes one of the bitmaps.
    func change(_ name: String, _ size: UInt64, _ operation: ImageBitmap.Operation) throws(ImageError) {
        try state.withLock { state throws(ImageError) in
            let index = state.bitmaps.firstIndex { $0.entry.name == name }
            if case .add(let granularity) = operation {
                guard index == nil else { throw ImageError(.invalid, "Bitmap already exists: \(name)") }
                guard (1...1023).contains(name.utf8.count) else { throw ImageError(.invalid, "Bitmap name too long") }
                guard granularity.isPowerOfTwo, granularity >= 512 else {
                    throw ImageError(.invalid, "Granularity must be power of 2 and at least 512")
                }
                guard granularity <= 1 << 31, state.bitmaps.count < 65_535,
                    size.dividedUp(by: granularity * 8) <= Qcow2Bitmaps.largest
                else { throw ImageError(.unsupported, "Granularity is too fine or too coarse for \(size) bytes") }
                try mark(&state)
                state.bitmaps.append(
                    Bitmap(
                        entry: Qcow2Bitmaps.Entry(
                            name: name, granularity: granularity, isInUse: false, isAutomatic: true, tableOffset: 0,
                            tableSize: 0), bits: ImageBitmap(granularity: granularity, size: size)))
                return
            }
            guard let index else { throw ImageError(.invalid, "Dirty bitmap '\(name)' not found") }
            if case .remove = operation {
                try mark(&state)
                removed.withLock { $0.append(state.bitmaps[index]) }
                state.bitmaps.remove(at: index)
                return
            }
            guard state.bitmaps[index].bits != nil else {
                throw ImageError(
                    .invalid, "Bitmap '\(name)' is inconsistent and cannot be used", remedy: "Try bitmap --remove")
            }
            try mark(&state)
            switch operation {
            case .add, .remove: break
            case .clear:
                state.bitmaps[index].bits = ImageBitmap(
                    granularity: state.bitmaps[index].entry.granularity, size: size)
            case .enable: state.bitmaps[index].entry.isAutomatic = true
            case .disable: state.bitmaps[index].entry.isAutomatic = false
            case .merge(let other): state.bitmaps[index].bits?.merge(other)
            }
        }
    }

    /// Bitmaps whose clusters are to be given back.
    private let removed = Mutex<[Bitmap]>([])

    /// A bitmap's bits; `nil` where they are not right.
    func bits(_ name: String) throws(ImageError) -> ImageBitmap? {
        try state.withLock { state throws(ImageError) in
            guard let bitmap = state.bitmaps.first(where: { $0.entry.name == name }) else {
                throw ImageError(.invalid, "Dirty bitmap '\(name)' not found")
            }
            return bitmap.bits
        }
    }

    // MARK: Storing

    /// Stores what has changed, and marks the bitmaps as right.
    func store(_ driver: Qcow2Driver) throws(ImageError) {
        try state.withLock { state throws(ImageError) in
            guard state.isMarked else { return }
            let old = state.place
            try driver.withMetadata { metadata throws(ImageError) in
                // Until the header leads elsewhere, the old directory leads to what was there.
                var gone = removed.withLock { $0 }
                for index in state.bitmaps.indices where state.bitmaps[index].bits != nil {
                    gone.append(state.bitmaps[index])
                    try store(&state.bitmaps[index], driver.size, metadata)
                }
                let directory = Self.directory(state.bitmaps)
                var place: (offset: UInt64, length: UInt64)?
                if !directory.isEmpty {
                    guard directory.count <= 64 << 20 else { throw ImageError(.full, "there are too many bitmaps") }
                    let clusters = UInt64(directory.count).dividedUp(by: metadata.geometry.clusterSize)
                    let offset = try metadata.allocateContiguous(clusters)
                    metadata.own(offset, UInt64(directory.count))
                    try file.write(directory, at: offset)
                    place = (offset, UInt64(directory.count))
                }
                try metadata.commit()
                try file.flush()
                try lead(to: place, count: state.bitmaps.count)
                if let old { try metadata.forgetClusters(old.offset, old.length) }
                for bitmap in gone { free(bitmap, metadata) }
                try metadata.commit()
                state.place = place
            }
            try file.flush()
            removed.withLock { $0 = [] }
            state.isMarked = false
        }
    }

    /// Writes a bitmap's bits and its table to another place.
    private func store(_ bitmap: inout Bitmap, _ size: UInt64, _ metadata: Qcow2Metadata) throws(ImageError) {
        guard var bits = bitmap.bits else { return }
        bits.resize(to: size)
        bitmap.bits = bits
        let cluster = Int(metadata.geometry.clusterSize)
        var table: [UInt64] = []
        let count = max(1, (bits.byteCount + cluster - 1) / cluster)
        for number in 0..<count {
            let range = number * cluster..<min((number + 1) * cluster, bits.byteCount)
            guard let bytes = bits.bytes(range) else {
                table.append(0)
                continue
            }
            let place = try metadata.allocate()
            try file.write(bytes + [UInt8](repeating: 0, count: cluster - range.count), at: place)
            table.append(place)
        }
        let place = try metadata.allocateContiguous((UInt64(count) * 8).dividedUp(by: UInt64(cluster)))
        metadata.own(place, UInt64(count) * 8)
        try file.write(Qcow2Table.bytes(table[...]), at: place)
        bitmap.entry.tableOffset = place
        bitmap.entry.tableSize = UInt64(count)
        bitmap.table = table
    }

    private func free(_ bitmap: Bitmap, _ metadata: Qcow2Metadata) {
        guard bitmap.entry.tableOffset != 0 else { return }
        for entry in bitmap.table where entry & Qcow2Geometry.Bits.offset != 0 {
            metadata.release((entry & Qcow2Geometry.Bits.offset) >> metadata.geometry.clusterBits)
        }
        let first = bitmap.entry.tableOffset >> metadata.geometry.clusterBits
        let clusters = (UInt64(bitmap.table.count) * 8).dividedUp(by: metadata.geometry.clusterSize)
        for cluster in first..<first + clusters { metadata.release(cluster) }
    }

    private static func directory(_ bitmaps: [Bitmap]) -> [UInt8] {
        var writer = HeaderWriter()
        for bitmap in bitmaps {
            let entry = bitmap.entry
            writer.be64(entry.tableOffset)
            writer.be32(entry.tableSize)
            writer.be32((bitmap.bits == nil ? 1 : 0) | (entry.isAutomatic ? 2 : 0))
            writer.bytes += [1, UInt8(entry.granularity.trailingZeroBitCount)]
            writer.be16(UInt64(entry.name.utf8.count))
            writer.be32(0)
            writer.bytes += Array(entry.name.utf8)
            writer.bytes += [UInt8](repeating: 0, count: (8 - writer.bytes.count % 8) % 8)
        }
        return writer.bytes
    }

    /// Has the header lead to a directory, or to none.
    private func lead(to place: (offset: UInt64, length: UInt64)?, count: Int) throws(ImageError) {
        var facts = ImageFacts(path: file.name, format: .qcow2)
        let source = try StorageHeader(file)
        let header: Qcow2Header
        // It may have changed since the image was opened.
        do throws(Malformed) { header = try Qcow2Header.parse(source, into: &facts) } catch { throw ImageError(error) }
        var cluster = try Qcow2HeaderCluster(file, header)
        cluster.setBitmaps(place.map { ($0.offset, $0.length, UInt64(count)) })
        try file.write(try cluster.bytes(atMost: header.clusterSize), at: 0)
        try file.flush()
    }
}
