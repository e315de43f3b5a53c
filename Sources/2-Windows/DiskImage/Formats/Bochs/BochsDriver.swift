/// A growing image of Bochs, for reading.
///
/// The disk is cut into extents. One that was written has its place in the file: a bitmap of its sectors that were, and room for all of them.
///
/// - Source: QEMU block/bochs.c.
final class BochsDriver: OpaqueDriver {
    private static let sector: UInt64 = 512
    private static let unused = UInt32.max
    let dataStorage: any BlockStorage
    let size: UInt64
    private let extent: UInt64
    /// Bytes of an extent's bitmap, in whole sectors.
    private let bitmap: UInt64
    /// Where the first extent lies.
    private let start: UInt64
    private let catalog: [UInt32]

    init(_ file: any BlockStorage) throws(ImageError) {
        dataStorage = file
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            let header = try BochsHeader(source)
            let end = header.catalog + header.entries * 4
            guard end <= source.size else {
                throw Malformed("its catalog of \(header.entries) entries is cut off")
            }
            catalog = try source.bytes(at: header.catalog, count: Int(header.entries) * 4).littleEndian32
            start = end
            size = header.size
            bitmap = header.bitmap.dividedUp(by: Self.sector) * Self.sector
            extent = header.extent
        } catch { throw ImageError(error) }
    }

    var format: ImageFacts.Format { .bochs }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        var done = 0
        while done < buffer.count {
            let (number, within) = (offset + UInt64(done)).quotientAndRemainder(dividingBy: extent)
            let count = Int(min(UInt64(buffer.count - done), extent - within))
            if number < UInt64(catalog.count), catalog[Int(number)] != Self.unused {
                try read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]), within,
                    of: catalog[Int(number)])
            }
            done += count
        }
    }

    /// Reads what was written of a piece of an extent; the rest is zeros already.
    private func read(
        into buffer: UnsafeMutableRawBufferPointer, _ within: UInt64, of number: UInt32
    ) throws(ImageError) {
        let (from, overflow) = UInt64(number).multipliedReportingOverflow(by: bitmap + extent)
        guard !overflow, from <= UInt64(Int64.max) - start - bitmap - extent else {
            throw ImageError(.malformed, "the place of extent \(number) is out of range")
        }
        let end = within + UInt64(buffer.count)
        let first = within / Self.sector
        let last = end.dividedUp(by: Self.sector)
        let bits = try dataStorage.bytes(at: start + from + first / 8, count: Int((last - 1) / 8 - first / 8) + 1)
        func isThere(_ sector: UInt64) -> Bool { bits[Int(sector / 8 - first / 8)] >> (sector % 8) & 1 == 1 }
        var sector = first
        while sector < last {
            let isData = isThere(sector)
            let run = sector
            while sector < last, isThere(sector) == isData { sector += 1 }
            guard isData else { continue }
            let piece = max(run * Self.sector, within)..<min(sector * Self.sector, end)
            try dataStorage.read(
                into: UnsafeMutableRawBufferPointer(
                    rebasing: buffer[Int(piece.lowerBound - within)..<Int(piece.upperBound - within)]),
                at: start + from + bitmap + piece.lowerBound)
        }
    }
}
