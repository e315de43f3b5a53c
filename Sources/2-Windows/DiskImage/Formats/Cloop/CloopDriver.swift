/// A compressed loop image, for reading.
///
/// - Source: QEMU block/cloop.c.
final class CloopDriver: OpaqueDriver {
    let dataStorage: any BlockStorage
    let size: UInt64
    private let block: UInt64
    private let unpacked = UnpackedBlock()

    init(_ file: any BlockStorage) throws(ImageError) {
        dataStorage = file
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            let blocks = try CloopHeader.blocks(source)
            block = blocks.size
            size = blocks.size * blocks.count
            try Self.check(source, blocks.size, blocks.count)
        } catch { throw ImageError(error) }
    }

    /// Looks through the places of all blocks, which need not fit into memory.
    private static func check(_ source: StorageHeader, _ size: UInt64, _ count: UInt64) throws(Malformed) {
        var last: UInt64 = 0
        var number: UInt64 = 0
        while number <= count {
            let part = min(count + 1 - number, 8192)
            let places = try source.bytes(at: CloopHeader.table + number * 8, count: Int(part) * 8).bigEndian64
            for place in places {
                guard place >= last else {
                    throw Malformed("offsets not monotonically increasing at index \(number), image file is corrupt")
                }
                guard number == 0 || place - last <= ZlibFrame.longest(for: size) else {
                    throw Malformed("invalid compressed block size at index \(number), image file is corrupt")
                }
                last = place
                number += 1
            }
        }
    }

    var format: ImageFacts.Format { .cloop }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        var done = 0
        while done < buffer.count {
            let (number, within) = (offset + UInt64(done)).quotientAndRemainder(dividingBy: block)
            let count = Int(min(UInt64(buffer.count - done), block - within))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            try unpacked.read(into: piece, from: Int(within), of: number, size: Int(block)) {
                block throws(ImageError) in
                try unpack(number, into: block)
            }
            done += count
        }
    }

    private func unpack(_ number: UInt64, into block: UnsafeMutableRawBufferPointer) throws(ImageError) {
        let places = HeaderBytes(try dataStorage.bytes(at: CloopHeader.table + number * 8, count: 16)).bigEndian64
        // The file may be another one by now.
        guard places.count == 2, places[0] <= places[1],
            places[1] - places[0] <= ZlibFrame.longest(for: UInt64(block.count))
        else { throw ImageError(.malformed, "the place of block \(number) is out of range") }
        try ZlibFrame.unpack(
            dataStorage, at: places[0], count: Int(places[1] - places[0]), into: block, "block \(number)")
    }
}
