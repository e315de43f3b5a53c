import DiskImage
import FuzzDriver
import Synchronization

/// One input: an image of some format, as pieces and where they lie.
///
/// It is opened, told of, mapped, read and checked; what qcow2's repair calls right stays so when it is written to.
private func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    guard let kind = input.first else { return 0 }
    let formats: [ImageFacts.Format] = [
        .qcow2, .qcow, .qed, .vmdk, .vdi, .vhdx, .vpc, .luks, .parallels, .raw, .dmg, .bochs, .cloop,
    ]
    let format = formats[Int(kind) % formats.count]
    let bytes = pieces(input.dropFirst())
    do { try look(Image.open(on: Storage(bytes, isWritable: false), format)) } catch {}
    _ = try? Image.check(on: Storage(bytes, isWritable: false), format)
    guard format == .qcow2 else { return 0 }
    let storage = Storage(bytes, isWritable: true)
    guard let check = try? Image.check(on: storage, format, repair: .all), check.corruptions == 0 else { return 0 }
    do { try change(Image.open(on: storage, format)) } catch { return 0 }
    guard let after = try? Image.check(on: storage, format) else { return 0 }
    precondition(after.corruptions == 0, "writing made \(after) of \(check)")
    return 0
}

/// Pieces as `length, sector, bytes`; a length of 0 ends them.
private func pieces(_ input: ArraySlice<UInt8>) -> [UInt8] {
    var image: [UInt8] = []
    var rest = input
    while rest.count > 6 {
        let head = Array(rest.prefix(6))
        let length = Int(head[0]) | Int(head[1]) << 8
        let sector = Int(head[2]) | Int(head[3]) << 8 | Int(head[4]) << 16 | Int(head[5]) << 24
        rest = rest.dropFirst(6)
        guard length > 0, sector < 16 << 11 else { break }
        let piece = rest.prefix(length)
        rest = rest.dropFirst(piece.count)
        let place = sector * 512
        if image.count < place + piece.count {
            image += [UInt8](repeating: 0, count: place + piece.count - image.count)
        }
        image.replaceSubrange(place..<place + piece.count, with: piece)
    }
    return image
}

private func look(_ image: Image) throws {
    _ = try? image.info()
    var count = 0
    var place: UInt64 = 0
    while place < image.size, count < 500 {
        place += try image.statusThrough(at: place, limit: image.size - place).length
        count += 1
    }
    var buffer = [UInt8](repeating: 0, count: Int(min(image.size, 1 << 20)))
    try buffer.withUnsafeMutableBytes { try image.read(into: $0, at: 0) }
    let tail = min(image.size, 64 << 10)
    try buffer.withUnsafeMutableBytes {
        try image.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<Int(tail)]), at: image.size - tail)
    }
}

private func change(_ image: Image) throws {
    let bytes = [UInt8](repeating: 7, count: 5000)
    for place in [0, image.size / 2 / 512 * 512] where image.size >= 65_536 && place + 5000 <= image.size {
        try bytes.withUnsafeBytes { try image.write($0, at: place) }
    }
    if image.size >= 65_536 { try image.writeZeroes(at: image.size - 4096, count: 4096, unmap: true) }
    try image.close()
}

/// Bytes in memory, 64 MiB at most.
private final class Storage: BlockStorage {
    let name = "memory"
    let isWritable: Bool
    private let bytes: Mutex<[UInt8]>
    private static let limit: UInt64 = 64 << 20

    init(_ bytes: [UInt8], isWritable: Bool) {
        self.bytes = Mutex(bytes)
        self.isWritable = isWritable
    }

    func length() throws(ImageError) -> UInt64 { bytes.withLock { UInt64($0.count) } }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        nonisolated(unsafe) let buffer = buffer
        bytes.withLock { bytes in
            for index in buffer.indices {
                let (place, overflow) = offset.addingReportingOverflow(UInt64(index))
                buffer[index] = !overflow && place < UInt64(bytes.count) ? bytes[Int(place)] : 0
            }
        }
    }
    func write(_ new: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError) {
        let new = Array(new)
        let (end, overflow) = offset.addingReportingOverflow(UInt64(new.count))
        guard !overflow else { throw ImageError(.full, "no room") }
        try resize(to: max(try length(), end))
        bytes.withLock { $0.replaceSubrange(Int(offset)..<Int(offset) + new.count, with: new) }
    }
    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool) throws(ImageError) {
        let (end, overflow) = offset.addingReportingOverflow(count)
        guard !overflow else { throw ImageError(.full, "no room") }
        try resize(to: max(try length(), end))
        bytes.withLock { bytes in
            for place in Int(offset)..<Int(end) { bytes[place] = 0 }
        }
    }
    func discard(at offset: UInt64, count: UInt64) throws(ImageError) {}
    func flush() throws(ImageError) {}
    func resize(to length: UInt64) throws(ImageError) {
        guard length <= Self.limit else { throw ImageError(.full, "no room") }
        bytes.withLock { bytes in
            if bytes.count > Int(length) { bytes.removeLast(bytes.count - Int(length)) }
            bytes += [UInt8](repeating: 0, count: Int(length) - bytes.count)
        }
    }
    func extent(at offset: UInt64) throws(ImageError) -> StorageExtent {
        let end = try length()
        return StorageExtent(isData: true, length: offset < end ? end - offset : 0)
    }
}

@main
struct FuzzImage {
    static func main() { runFuzzer(test) }
}
