/// A format's way to read and write one image, without what lies below it.
///
/// A format is a folder with a driver in it, and its line in ``ImageOpener``. Calls may come from several threads at once, and block.
protocol ImageDriver: AnyObject, Sendable {
    /// The format.
    var format: ImageFacts.Format { get }
    /// Bytes the guest sees.
    var size: UInt64 { get }
    /// The unit in which the format gives out space; `nil` where it has none.
    var clusterSize: UInt64? { get }
    /// What the image says it is backed by.
    var backing: BackingName? { get }
    /// The storage in which the image's own header lies.
    var fileStorage: any BlockStorage { get }
    /// The storage in which plain data lie, at the places that ``BlockStatus`` names; of several the first.
    var dataStorage: any BlockStorage { get }
    /// All storages the image lies in.
    var storages: [any BlockStorage] { get }
    /// Whether what has a place may be a hole in its file.
    var mayHaveHoles: Bool { get }
    /// Whether a map tells holes apart from data, as QEMU's does where they are to be expected.
    func tellsHoles() throws(ImageError) -> Bool
    /// The storage in which the plain data of a byte lie.
    func storage(at offset: UInt64) -> any BlockStorage

    /// What the image says of a byte, and for how many it is so, up to a limit.
    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus
    /// Fills a buffer that lies within the size; what is unallocated comes from below.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError)
    /// Writes within the size; the rest of a unit that gets its place by it comes from below.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError)
    /// Makes a range read as zeros.
    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool, below: Below) throws(ImageError)
    /// Gives the space of a range back, where the format can; whole units read as zeros, or stay as they are.
    func discard(at offset: UInt64, count: UInt64, below: Below) throws(ImageError)
    /// Has all that was written last.
    func flush() throws(ImageError)
    /// Leaves the image as one that is not in use.
    func close() throws(ImageError)
    /// Tells what only this format knows of the image.
    func describe(_ info: inout ImageInfo) throws(ImageError)
    /// What is wrong with its tables; `nil` where the format has nothing to check.
    func check(_ report: (String) -> Void) throws(ImageError) -> ImageCheck?
}

/// What an image is backed by, as it says.
public struct BackingName: Sendable, Hashable {
    /// The name, as it stands in the image.
    public var name: String
    /// The format that is declared; `nil` where none is.
    public var format: String?
    /// A name.
    public init(_ name: String, format: String?) {
        self.name = name
        self.format = format
    }
}

/// What shows through where an image has nothing: the image below, or zeros.
struct Below: Sendable {
    let image: Image?
    private let isKnown: Bool
    /// Nothing below: zeros.
    static let nothing = Below(nil)
    /// Something that is not open: it is not read, and not taken for zeros.
    static let unknown = Below(nil, isKnown: false)

    init(_ image: Image?, isKnown: Bool = true) { (self.image, self.isKnown) = (image, isKnown) }

    /// Whether zeros show through everywhere.
    var isNothing: Bool { image == nil && isKnown }

    /// Fills a buffer; behind the end of what is below there are zeros.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        guard let base = buffer.baseAddress, !buffer.isEmpty else { return }
        guard isKnown else {
            throw ImageError(.invalid, "it was opened without its backing file, which has the rest of a cluster")
        }
        let there = image.map { $0.size > offset ? min(UInt64(buffer.count), $0.size - offset) : 0 } ?? 0
        if let image, there > 0 {
            try image.read(into: UnsafeMutableRawBufferPointer(start: base, count: Int(there)), at: offset)
        }
        if Int(there) < buffer.count {
            (base + Int(there)).initializeMemory(as: UInt8.self, repeating: 0, count: buffer.count - Int(there))
        }
    }

    /// Whether a range reads as zeros for sure, without reading it.
    func isZero(at offset: UInt64, count: UInt64) throws(ImageError) -> Bool {
        guard let image, offset < image.size else { return isKnown }
        var place = offset
        let end = min(offset + count, image.size)
        while place < end {
            let status = try image.statusThrough(at: place, limit: end - place)
            guard status.isZero || status.depth == nil else { return false }
            place += status.length
        }
        return true
    }
}

extension ImageDriver {
    /// Only formats that are written have something to do here.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        throw ImageError(.unsupported, "\(format.rawValue) images are read only")
    }
    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool, below: Below) throws(ImageError) {
        throw ImageError(.unsupported, "\(format.rawValue) images are read only")
    }
    func discard(at offset: UInt64, count: UInt64, below: Below) throws(ImageError) {}
    func flush() throws(ImageError) {}
    func close() throws(ImageError) {}
    func describe(_ info: inout ImageInfo) throws(ImageError) {}
    var backing: BackingName? { nil }
    var fileStorage: any BlockStorage { dataStorage }
    var storages: [any BlockStorage] { fileStorage === dataStorage ? [dataStorage] : [fileStorage, dataStorage] }
    var mayHaveHoles: Bool { true }
    func tellsHoles() throws(ImageError) -> Bool { mayHaveHoles }
    func storage(at offset: UInt64) -> any BlockStorage { dataStorage }
    func check(_ report: (String) -> Void) throws(ImageError) -> ImageCheck? { nil }

    /// Writes an array.
    func write(_ bytes: [UInt8], at offset: UInt64, below: Below) throws(ImageError) {
        var failure: ImageError?
        bytes.withUnsafeBytes { buffer in
            do throws(ImageError) { try write(buffer, at: offset, below: below) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Reads where ``status(at:limit:)`` says that what is asked for lies; what is packed is not.
    func readMapped(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        var done = 0
        while done < buffer.count {
            let place = offset + UInt64(done)
            let status = try status(at: place, limit: UInt64(buffer.count - done))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + Int(status.length)])
            switch status.kind {
            case .unallocated: try below.read(into: piece, at: place)
            case .data(let host?): try storage(at: place).read(into: piece, at: host)
            default: piece.initializeMemory(as: UInt8.self, repeating: 0)
            }
            done += Int(status.length)
        }
    }
}
