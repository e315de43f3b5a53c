/// A Virtual PC image, for reading: fixed, or dynamic.
///
/// - Source: QEMU block/vpc.c.
final class VpcDriver: ImageDriver {
    let dataStorage: any BlockStorage
    let size: UInt64
    /// Bytes of a block; `nil` where the disk is fixed.
    let clusterSize: UInt64?
    private let bitmap: UInt64
    private let table: [UInt32]

    init(_ file: any BlockStorage, _ path: String) throws(ImageError) {
        dataStorage = file
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            var facts = ImageFacts(path: path, format: .vpc)
            let start = try source.bytes(at: 0, count: 512)
            guard start.has("conectix") else {
                // What is fixed begins with the guest's data, and says at its end what it is.
                guard source.size >= 512 else { throw Malformed("invalid VPC image") }
                let footer = try source.bytes(at: source.size - 512, count: 512)
                guard footer.has("conectix"), try footer.be32(60) == 2 else { throw Malformed("invalid VPC image") }
                size = try VpcHeader.size(footer)
                (clusterSize, bitmap, table) = (nil, 0, [])
                return
            }
            try VpcHeader.read(source, into: &facts)
            size = facts.virtualSize.value?.rawValue ?? 0
            guard let block = facts.clusterSize?.rawValue else {
                (clusterSize, bitmap, table) = (nil, 0, [])
                return
            }
            clusterSize = block
            // A bit for each sector comes before each block.
            let bitmap = (block / 512).dividedUp(by: 8).dividedUp(by: 512) * 512
            self.bitmap = bitmap
            let header = try source.bytes(at: try start.be64(16), count: 1024)
            let place = try header.be64(16)
            let entries = try header.be32(28)
            table = try source.bytes(at: place, count: Int(entries) * 4).bigEndian32
            let end = try (try place.adding(entries * 4, "the block table")).roundedUp(to: 512, "the block table")
            let last = table.lazy.filter { $0 != .max }.map { UInt64($0) * 512 + bitmap + block }.max() ?? 0
            guard max(end, last) <= source.size else {
                throw Malformed("free_data_block_offset points after the end of file. The image has been truncated.")
            }
        } catch { throw ImageError(error) }
    }

    var format: ImageFacts.Format { .vpc }
    var mayHaveHoles: Bool { clusterSize == nil }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        guard let block = clusterSize else {
            return BlockStatus(.data(at: offset), limit)
        }
        let (number, within) = offset.quotientAndRemainder(dividingBy: block)
        let length = min(limit, block - within)
        guard number < UInt64(table.count), table[Int(number)] != .max else {
            return BlockStatus(.zero(at: nil), length)
        }
        return BlockStatus(.data(at: UInt64(table[Int(number)]) * 512 + bitmap + within), length)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        try readMapped(into: buffer, at: offset, below: below)
    }
}
