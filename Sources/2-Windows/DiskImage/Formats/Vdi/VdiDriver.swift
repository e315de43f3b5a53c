/// A VirtualBox image, for reading.
///
/// - Source: QEMU block/vdi.c.
final class VdiDriver: ImageDriver {
    private static let block: UInt64 = 1 << 20
    let dataStorage: any BlockStorage
    let size: UInt64
    private let isStatic: Bool
    private let dataOffset: UInt64
    private let allocated: UInt64
    private let map: [UInt32]

    init(_ file: any BlockStorage, _ path: String) throws(ImageError) {
        dataStorage = file
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            var facts = ImageFacts(path: path, format: .vdi)
            let header = try source.bytes(at: 0, count: 512)
            guard try header.le32(0x40) == 0xBEDA_107F else { throw Malformed("Image not in VDI format") }
            try VdiHeader.read(source, into: &facts)
            size = facts.virtualSize.value?.rawValue ?? 0
            isStatic = try header.le32(0x4C) == 2
            dataOffset = try header.le32(0x158)
            allocated = try header.le32(0x184)
            let blocks = try header.le32(0x180)
            let offset = try header.le32(0x154)
            // A map is at most as long as the file it lies in.
            guard blocks <= source.size / 4 else { throw Malformed("a block map of \(blocks) entries is too long") }
            map = try source.bytes(at: offset, count: Int(blocks) * 4).littleEndian32
        } catch { throw ImageError(error) }
    }

    var format: ImageFacts.Format { .vdi }
    var clusterSize: UInt64? { Self.block }
    var mayHaveHoles: Bool { isStatic }

    /// Where a block lies; `nil` where it reads as zeros.
    private func place(_ number: UInt64) -> UInt64? {
        // The last two values say that it was never written, or given back.
        guard number < UInt64(map.count), map[Int(number)] < 0xFFFF_FFFE else { return nil }
        return dataOffset + UInt64(map[Int(number)]) * Self.block
    }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        let (number, within) = offset.quotientAndRemainder(dividingBy: Self.block)
        return BlockStatus(
            place(number).map { .data(at: $0 + within) } ?? .zero(at: nil), min(limit, Self.block - within))
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        try readMapped(into: buffer, at: offset, below: below)
    }

    func check(_ report: (String) -> Void) throws(ImageError) -> ImageCheck? {
        var check = ImageCheck()
        var seen = Set<UInt32>()
        var count: UInt64 = 0
        for (number, entry) in map.enumerated() where entry < 0xFFFF_FFFE {
            if entry >= UInt32(clamping: map.count) {
                check.corruptions += 1
                report("ERROR: block index \(entry) out of range, block \(number)")
                continue
            }
            count += 1
            if !seen.insert(entry).inserted {
                check.corruptions += 1
                report("ERROR: block index \(entry) also used by another block, block \(number)")
            }
        }
        if count != allocated {
            check.corruptions += 1
            report("ERROR: allocated blocks mismatch, is \(count), should be \(allocated)")
        }
        return check
    }
}
