/// A Parallels image, for reading.
///
/// - Source: QEMU docs/interop/parallels.txt; block/parallels.c.
final class ParallelsDriver: ImageDriver {
    let dataStorage: any BlockStorage
    let size: UInt64
    private let cluster: UInt64
    /// Bytes that an entry of the table counts in.
    private let unit: UInt64
    private let table: [UInt32]
    private let isInUse: Bool
    /// Where clusters begin.
    private let start: UInt64

    init(_ file: any BlockStorage, _ path: String) throws(ImageError) {
        dataStorage = file
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            let header = try source.bytes(at: 0, count: 64)
            let isOld = header.has("WithoutFreeSpace")
            guard isOld || header.has("WithouFreSpacExt"), try header.le32(16) == 2 else {
                throw Malformed("Image not in Parallels format")
            }
            var facts = ImageFacts(path: path, format: .parallels)
            try ParallelsHeader.read(source, into: &facts)
            size = facts.virtualSize.value?.rawValue ?? 0
            cluster = facts.clusterSize?.rawValue ?? 512
            unit = isOld ? 512 : cluster
            isInUse = facts.isDirty
            let entries = try header.le32(32)
            guard entries * 4 <= source.size else { throw Malformed("its table of \(entries) entries is cut off") }
            let end = (64 + entries * 4).dividedUp(by: cluster) * cluster
            let told = try header.le32(48) * 512
            start = told > 0 ? told : end
            table = try source.bytes(at: 64, count: Int(entries) * 4).littleEndian32
        } catch { throw ImageError(error) }
    }

    var format: ImageFacts.Format { .parallels }
    /// QEMU tells none.
    var clusterSize: UInt64? { nil }
    var mayHaveHoles: Bool { false }
    /// QEMU's driver has nothing to tell.
    func describe(_ info: inout ImageInfo) { info.isDirty = nil }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        let (number, within) = offset.quotientAndRemainder(dividingBy: cluster)
        let length = min(limit, cluster - within)
        guard number < UInt64(table.count), table[Int(number)] != 0 else { return BlockStatus(.unallocated, length) }
        return BlockStatus(.data(at: UInt64(table[Int(number)]) * unit + within), length)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        try readMapped(into: buffer, at: offset, below: below)
    }

    func check(_ report: (String) -> Void) throws(ImageError) -> ImageCheck? {
        var check = ImageCheck()
        let length = try dataStorage.length()
        check.totalClusters = UInt64(table.count)
        if isInUse {
            check.corruptions += 1
            report("ERROR image was not closed correctly")
        }
        var last: UInt64 = 0
        for (number, entry) in table.enumerated() where entry != 0 {
            let place = UInt64(entry) * unit
            if place > length || place.saturated(adding: cluster) > length {
                check.corruptions += 1
                report("ERROR cluster \(number) is outside image")
                last = 0
                continue
            }
            check.imageEnd = max(check.imageEnd, place + cluster)
            check.allocatedClusters += 1
            if last != 0, place != last + cluster { check.fragmentedClusters += 1 }
            last = place
        }
        check.imageEnd = max(check.imageEnd, start)
        if length > check.imageEnd {
            check.leaks = Int(clamping: (length - check.imageEnd).dividedUp(by: cluster))
            report("ERROR space leaked at the end of the image \(length - check.imageEnd)")
        }
        return check
    }
}
