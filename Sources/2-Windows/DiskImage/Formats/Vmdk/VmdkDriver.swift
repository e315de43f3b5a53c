/// A VMware image: one sparse file, or a text that names the files its extents lie in.
///
/// - Source: QEMU block/vmdk.c.
final class VmdkDriver: ImageDriver {
    /// A piece of the guest's disk and where it lies.
    private struct Extent: Sendable {
        enum Kind: Sendable {
            case sparse(VmdkSparseExtent)
            /// From a byte of a file on.
            case flat(any BlockStorage, UInt64)
            case zeros
        }
        var start: UInt64
        var length: UInt64
        var kind: Kind
        var name: String
        var word: String
    }

    let fileStorage: any BlockStorage
    let size: UInt64
    let backing: BackingName?
    let descriptor: VmdkDescriptor
    private let extents: [Extent]

    init(_ file: any BlockStorage, _ path: String, _ options: Image.Options) throws(ImageError) {
        fileStorage = file
        let source = try StorageHeader(file)
        var facts = ImageFacts(path: path, format: .vmdk)
        var extents: [Extent] = []
        do throws(Malformed) {
            try VmdkHeader.read(source, into: &facts)
            let start = try source.bytes(at: 0, count: 64)
            let isSparse = start.has("KDMV") || start.has("COWD")
            if start.has("COWD") {
                descriptor = try VmdkDescriptor("CID=0")
            } else {
                // QEMU looks for the one of a sparse file right behind its header.
                var place: UInt64 = isSparse ? 512 : 0
                if isSparse, try start.le64(12) == 0 { place = try (try start.le64(28)).times(512, "the descriptor") }
                let text = try source.available(
                    at: place, count: isSparse ? VmdkDescriptor.limit : VmdkDescriptor.fileLimit)
                descriptor = try VmdkDescriptor(try text.text(0, text.count))
            }
            if facts.extents.isEmpty {
                let sparse = try VmdkSparseExtent(file, sectors: nil)
                extents = [Extent(start: 0, length: sparse.size, kind: .sparse(sparse), name: path, word: "")]
            }
        } catch { throw ImageError(error) }
        var end = extents.last?.length ?? 0
        if extents.isEmpty {
            for line in descriptor.extents {
                let extent = try Self.open(line, at: end, path, options, file)
                end = end.saturated(adding: extent.length)
                extents.append(extent)
            }
        }
        guard end <= UInt64(Int64.max) - 511 else { throw ImageError(.malformed, "its extents are too long together") }
        self.extents = extents
        size = end
        backing = facts.backingFile.map { BackingName($0, format: "vmdk") }
    }

    private static func open(
        _ line: VmdkDescriptor.Extent, at start: UInt64, _ path: String, _ options: Image.Options,
        _ file: any BlockStorage
    ) throws(ImageError) -> Extent {
        let length = line.sectors * 512
        guard line.kind != "ZERO" else {
            return Extent(start: start, length: length, kind: .zeros, name: "", word: "ZERO")
        }
        let place = try ImageReference.path(line.name, called: "extent", of: path, options.gate)
        let storage = try FileStorage(place, isWritable: options.isWritable, caching: options.caching)
        guard storage.identity != (file as? FileStorage)?.identity else {
            throw ImageError(.malformed, "it is its own extent")
        }
        if !options.forcesShare { try storage.lock() }
        let kind: Extent.Kind
        switch line.kind {
        case "FLAT", "VMFS": kind = .flat(storage, line.offset * 512)
        case "SPARSE", "VMFSSPARSE":
            do throws(Malformed) { kind = .sparse(try VmdkSparseExtent(storage, sectors: line.sectors)) } catch {
                throw ImageError(error, path: place)
            }
        default: throw ImageError(.unsupported, "extents of the kind \(line.kind) are not read")
        }
        return Extent(start: start, length: length, kind: kind, name: line.name, word: line.kind)
    }

    var format: ImageFacts.Format { .vmdk }
    var dataStorage: any BlockStorage { storages.last ?? fileStorage }
    var storages: [any BlockStorage] {
        var all = [fileStorage]
        for extent in extents {
            switch extent.kind {
            case .sparse(let sparse): if sparse.file !== fileStorage { all.append(sparse.file) }
            case .flat(let file, _): all.append(file)
            case .zeros: break
            }
        }
        return all
    }
    var clusterSize: UInt64? {
        if case .sparse(let sparse)? = extents.first?.kind { sparse.grain } else { nil }
    }
    var mayHaveHoles: Bool {
        extents.contains { if case .flat = $0.kind { true } else { false } }
    }
    /// Whether grains are written once, packed.
    var isPacked: Bool {
        extents.contains { if case .sparse(let sparse) = $0.kind { sparse.isCompressed } else { false } }
    }

    private func extent(at offset: UInt64) -> Extent {
        extents.last { $0.start <= offset && $0.length > 0 }
            ?? Extent(start: 0, length: size, kind: .zeros, name: "", word: "")
    }

    func storage(at offset: UInt64) -> any BlockStorage {
        switch extent(at: offset).kind {
        case .sparse(let sparse): sparse.file
        case .flat(let file, _): file
        case .zeros: fileStorage
        }
    }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        let extent = extent(at: offset)
        let within = offset - extent.start
        let limit = min(limit, extent.length - within)
        switch extent.kind {
        case .zeros: return BlockStatus(.zero(at: nil), limit)
        case .flat(_, let place): return BlockStatus(.data(at: place + within), limit)
        case .sparse(let sparse):
            guard within < sparse.size else { return BlockStatus(.unallocated, limit) }
            let (grain, length) = try sparse.grain(at: within)
            switch grain {
            case .nothing: return BlockStatus(.unallocated, min(limit, length))
            case .zeros: return BlockStatus(.zero(at: nil), min(limit, length))
            case .at(let place):
                let kind: BlockStatus.Kind =
                    sparse.isCompressed ? .compressed : .data(at: place + within % sparse.grain)
                return BlockStatus(kind, min(limit, length))
            }
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        var done = 0
        while done < buffer.count {
            let place = offset + UInt64(done)
            let status = try status(at: place, limit: UInt64(buffer.count - done))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + Int(status.length)])
            let extent = extent(at: place)
            if status.kind == .unallocated, let parent = below.image?.driver as? VmdkDriver,
                parent.descriptor.id != descriptor.parentID
            {
                throw ImageError(
                    .malformed, "what it lies on was changed since: its content id is not the one that is named",
                    remedy: "Nothing of it can be relied on")
            }
            if case .compressed = status.kind, case .sparse(let sparse) = extent.kind {
                let within = place - extent.start
                guard case .at(let host) = try sparse.grain(at: within).0 else { continue }
                let bytes = try sparse.unpack(at: host)
                let start = Int(within % sparse.grain)
                bytes.withUnsafeBytes {
                    piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + piece.count]))
                }
            } else {
                try readMapped(into: piece, at: place, below: below)
            }
            done += piece.count
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        var done = 0
        while done < bytes.count {
            let place = offset + UInt64(done)
            let extent = extent(at: place)
            let within = place - extent.start
            var count = min(UInt64(bytes.count - done), extent.length - within)
            if case .sparse(let sparse) = extent.kind { count = min(count, sparse.grain - within % sparse.grain) }
            let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<done + Int(count)])
            switch extent.kind {
            case .zeros: throw ImageError(.unsupported, "its extent of zeros cannot be written")
            case .flat(let file, let start): try file.write(piece, at: start + within)
            case .sparse(let sparse):
                try sparse.write(piece, at: within) { whole throws(ImageError) in
                    let first = place - within % sparse.grain
                    guard first < size else { return }
                    let there = UnsafeMutableRawBufferPointer(
                        rebasing: whole[..<Int(min(UInt64(whole.count), size - first))])
                    try self.read(into: there, at: first, below: below)
                }
            }
            done += Int(count)
        }
    }

    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool, below: Below) throws(ImageError) {
        var place = offset
        while place < offset + count {
            let extent = extent(at: place)
            let within = place - extent.start
            var length = min(offset + count - place, extent.length - within)
            switch extent.kind {
            case .zeros: break
            case .flat(let file, let start): try file.writeZeroes(at: start + within, count: length, unmap: unmap)
            case .sparse(let sparse):
                length = min(length, sparse.grain - within % sparse.grain)
                let grain = try sparse.grain(at: within).0
                if grain == .zeros || grain == .nothing && below.isNothing { break }
                let isWhole = within % sparse.grain == 0 && (length == sparse.grain || place + length == size)
                if isWhole, try sparse.markZero(at: within) { break }
                try write([UInt8](repeating: 0, count: Int(length)), at: place, below: below)
            }
            place += length
        }
    }

    func flush() throws(ImageError) { for storage in storages where storage.isWritable { try storage.flush() } }
    func close() throws(ImageError) { try flush() }

    func describe(_ info: inout ImageInfo) throws(ImageError) {
        let list = extents.map { extent -> ImageDetail in
            var values: [(name: String, value: ImageDetail)] = []
            if case .sparse(let sparse) = extent.kind, sparse.isCompressed {
                values.append(("compressed", .bool(true)))
            }
            values.append(("virtual-size", .number(extent.length)))
            // As the file was opened: relative names are from the image's own folder.
            let folder =
                extent.name.hasPrefix("/") || extent.word.isEmpty
                ? "" : ImageReference.folder(of: info.filename)
            values.append(("filename", .text(folder + extent.name)))
            if case .sparse(let sparse) = extent.kind { values.append(("cluster-size", .number(sparse.grain))) }
            values.append(("format", .text(extent.word)))
            return .object(values)
        }
        info.actualSize = storages.reduce(0) { size, storage in
            (storage as? FileStorage)?.allocated.flatMap { size?.saturated(adding: $0) }
        }
        info.details = [
            ("cid", .number(UInt64(descriptor.id))), ("parent-cid", .number(UInt64(descriptor.parentID))),
            ("create-type", .text(descriptor.type)), ("extents", .list(list)),
        ]
    }

    func check(_ report: (String) -> Void) throws(ImageError) -> ImageCheck? {
        for extent in extents {
            guard case .sparse(let sparse) = extent.kind else { continue }
            var place: UInt64 = 0
            while place < sparse.size {
                let (grain, length) = try sparse.grain(at: place)
                if case .at(let host) = grain, try !sparse.isInside(host) {
                    let sector = (extent.start + place) / 512
                    report("ERROR: cluster offset for sector \(sector) points after EOF")
                    throw ImageError(.malformed, "Check failed: Invalid argument")
                }
                place += length
            }
        }
        return ImageCheck()
    }
}
