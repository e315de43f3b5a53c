/// A Hyper-V image, for reading.
///
/// - Source: [MS-VHDX] 2.5; QEMU block/vhdx.c.
final class VhdxDriver: ImageDriver {
    let dataStorage: any BlockStorage
    let size: UInt64
    private let block: UInt64
    /// Data blocks after which one of bits comes.
    private let chunk: UInt64
    private let map: [UInt64]

    private enum State {
        static let mask: UInt64 = 7
        static let present: UInt64 = 6
        static let offset: UInt64 = ~0xF_FFFF
    }

    init(_ file: any BlockStorage, _ path: String) throws(ImageError) {
        dataStorage = file
        do throws(Malformed) {
            let source = try StorageHeader.checked(file)
            guard try source.bytes(at: 0, count: 8).has("vhdxfile") else { throw Malformed("Image not in VHDX format") }
            var facts = ImageFacts(path: path, format: .vhdx)
            let layout = try VhdxHeader.read(source, into: &facts)
            guard !layout.hasLog else {
                throw Malformed("it is opened read-only, but contains a log that needs to be replayed")
            }
            guard let region = layout.map else { throw Malformed("the region table names no block map") }
            block = layout.block
            size = layout.size
            chunk = (1 << 23) * layout.sector / block
            guard chunk > 0 else { throw Malformed("blocks of \(block) bytes are too large for the sectors") }
            let blocks = size.dividedUp(by: block)
            let entries = blocks == 0 ? 0 : blocks + (blocks - 1) / chunk
            guard entries * 8 <= region.count, entries * 8 <= source.size, entries <= 16 << 20 else {
                throw Malformed("a block map of \(entries) entries does not fit into its region")
            }
            map = try source.bytes(at: region.offset, count: Int(entries) * 8).littleEndian64
            for number in 0..<blocks {
                let entry = map[Int(number + number / chunk)]
                switch entry & State.mask {
                case 0...3: continue
                case State.present:
                    guard try (entry & State.offset).adding(block, "a block") <= source.size.saturated(adding: block)
                    else { throw Malformed("block \(number) lies behind the end of the file") }
                default: throw Malformed("block \(number) is in a state that cannot be, \(entry & State.mask)")
                }
            }
        } catch { throw ImageError(error) }
    }

    var format: ImageFacts.Format { .vhdx }
    var clusterSize: UInt64? { block }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        // As QEMU tells it, for which all of such an image is data.
        BlockStatus(.data(at: nil), limit)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        var done = 0
        while done < buffer.count {
            let (number, within) = (offset + UInt64(done)).quotientAndRemainder(dividingBy: block)
            let count = Int(min(UInt64(buffer.count - done), block - within))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            let entry = map[Int(number + number / chunk)]
            if entry & State.mask == State.present {
                try dataStorage.read(into: piece, at: entry & State.offset + within)
            } else {
                piece.initializeMemory(as: UInt8.self, repeating: 0)
            }
            done += count
        }
    }

    /// All that can be checked is, when it is opened.
    func check(_ report: (String) -> Void) throws(ImageError) -> ImageCheck? { ImageCheck() }
}
