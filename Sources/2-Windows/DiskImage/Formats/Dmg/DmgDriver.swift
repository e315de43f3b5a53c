/// An Apple disk image, for reading.
///
/// - Source: QEMU block/dmg.c.
final class DmgDriver: OpaqueDriver {
    let dataStorage: any BlockStorage
    let size: UInt64
    private let chunks: DmgChunks
    private let unpacked = UnpackedBlock()

    init(_ file: any BlockStorage) throws(ImageError) {
        dataStorage = file
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            let trailer = try DmgTrailer(source)
            size = trailer.size
            chunks = try DmgChunks(source, trailer)
        } catch { throw ImageError(error) }
    }

    var format: ImageFacts.Format { .dmg }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        var done = 0
        while done < buffer.count {
            let place = offset + UInt64(done)
            guard let (number, chunk) = chunks.chunk(at: place) else { throw missing(place) }
            let count = Int(min(UInt64(buffer.count - done), chunk.range.upperBound - place))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            let within = place - chunk.range.lowerBound
            switch chunk.kind {
            case .zeros, .ignored: piece.initializeMemory(as: UInt8.self, repeating: 0)
            case .plain:
                // It may have fewer bytes than its sectors.
                let there = Int(min(UInt64(count), chunk.length - min(chunk.length, within)))
                try dataStorage.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: piece[..<there]), at: chunk.place + within)
                UnsafeMutableRawBufferPointer(rebasing: piece[there...])
                    .initializeMemory(as: UInt8.self, repeating: 0)
            case .zlib:
                let size = Int(chunk.range.upperBound - chunk.range.lowerBound)
                try unpacked.read(into: piece, from: Int(within), of: UInt64(number), size: size) {
                    block throws(ImageError) in
                    try ZlibFrame.unpack(
                        dataStorage, at: chunk.place, count: Int(chunk.length), into: block, "the chunk")
                }
            }
            done += count
        }
    }

    private func missing(_ offset: UInt64) -> ImageError {
        guard !chunks.unknown.isEmpty else {
            return ImageError(.malformed, "no chunk has byte \(offset)")
        }
        let names: [UInt32: String] = [0x8000_0004: "ADC", 0x8000_0006: "bzip2", 0x8000_0007: "LZFSE"]
        let kinds = chunks.unknown.sorted().map { names[$0] ?? UInt64($0).hex }.joined(separator: ", ")
        return ImageError(
            .unsupported, "byte \(offset) lies in a chunk of a kind that is not read (\(kinds))",
            remedy: "Have hdiutil convert it to UDZO")
    }
}
