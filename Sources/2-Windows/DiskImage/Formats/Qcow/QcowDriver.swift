import Synchronization

/// An image of the first qcow, for reading.
///
/// - Source: QEMU block/qcow.c.
final class QcowDriver: ImageDriver {
    let dataStorage: any BlockStorage
    let size: UInt64
    let backing: BackingName?
    private let clusterBits: UInt64
    private let l2Bits: UInt64
    private let l1: [UInt64]
    private let tables = Mutex<[UInt64: [UInt64]]>([:])

    private static let packed: UInt64 = 1 << 63

    init(_ file: any BlockStorage, _ path: String) throws(ImageError) {
        dataStorage = file
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            let header = try source.bytes(at: 0, count: 48)
            guard header.has([0x51, 0x46, 0x49, 0xFB]), try header.be32(4) == 1 else {
                throw Malformed("Image not in qcow format")
            }
            var facts = ImageFacts(path: path, format: .qcow)
            try QcowHeader.read(source, into: &facts)
            guard facts.encryption == nil else { throw Malformed("it is encrypted, which is not read") }
            size = facts.virtualSize.value?.rawValue ?? 0
            backing = facts.backingFile.map { BackingName($0, format: nil) }
            clusterBits = UInt64(header.bytes[32])
            l2Bits = UInt64(header.bytes[33])
            let entries = (try header.be64(24)).dividedUp(by: 1 << (clusterBits + l2Bits))
            guard entries <= 4 << 20 else { throw Malformed("an L1 table of \(entries) entries is too long") }
            l1 = try source.bytes(at: try header.be64(40), count: Int(entries) * 8).bigEndian64
        } catch { throw ImageError(error) }
    }

    var format: ImageFacts.Format { .qcow }
    var clusterSize: UInt64? { 1 << clusterBits }
    var mayHaveHoles: Bool { false }

    private func entry(_ offset: UInt64) throws(ImageError) -> UInt64 {
        let index = offset >> (clusterBits + l2Bits)
        guard index < UInt64(l1.count), l1[Int(index)] != 0 else { return 0 }
        let place = l1[Int(index)]
        let number = Int(offset >> clusterBits & (1 << l2Bits - 1))
        return try tables.withLock { tables throws(ImageError) in
            if let known = tables[place] { return known[number] }
            let table = HeaderBytes(try dataStorage.bytes(at: place, count: 8 << Int(l2Bits))).bigEndian64
            // 64 KiB each at most: 8 MiB.
            if tables.count >= 128 { tables = [:] }
            tables[place] = table
            return table[number]
        }
    }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        let entry = try entry(offset)
        let cluster: UInt64 = 1 << clusterBits
        let length = min(limit, cluster - offset % cluster)
        if entry == 0 { return BlockStatus(.unallocated, length) }
        return BlockStatus(entry & Self.packed != 0 ? .compressed : .data(at: entry + offset % cluster), length)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        var done = 0
        while done < buffer.count {
            let place = offset + UInt64(done)
            let status = try status(at: place, limit: UInt64(buffer.count - done))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + Int(status.length)])
            if case .compressed = status.kind {
                let bytes = try unpack(try entry(place))
                let start = Int(place & (1 << clusterBits - 1))
                bytes.withUnsafeBytes {
                    piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + piece.count]))
                }
            } else {
                try readMapped(into: piece, at: place, below: below)
            }
            done += piece.count
        }
    }

    private func unpack(_ entry: UInt64) throws(ImageError) -> [UInt8] {
        let shift = 63 - clusterBits
        let count = Int(entry >> shift & (1 << clusterBits - 1))
        let packed = try dataStorage.bytes(at: entry & (1 << shift - 1), count: count)
        var bytes = [UInt8](repeating: 0, count: 1 << Int(clusterBits))
        try Inflater.require()
        let isWhole = packed.withUnsafeBytes { packed in
            bytes.withUnsafeMutableBytes { Inflater().inflate(packed, into: $0) }
        }
        guard isWhole else { throw ImageError(.malformed, "a packed cluster cannot be unpacked") }
        return bytes
    }
}
