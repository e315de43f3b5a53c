/// Zeros, into which anything may be written that nobody reads again: QEMU's `null-co`.
final class NullStorage: BlockStorage {
    private let size: UInt64
    let isWritable: Bool

    init(_ size: UInt64, isWritable: Bool) { (self.size, self.isWritable) = (size, isWritable) }

    var name: String { "null-co://" }
    func length() throws(ImageError) -> UInt64 { size }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError) {}
    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool) throws(ImageError) {}
    func discard(at offset: UInt64, count: UInt64) throws(ImageError) {}
    func flush() throws(ImageError) {}
    func resize(to length: UInt64) throws(ImageError) {
        guard length == size else { throw ImageError(.unsupported, "it keeps its size", path: name) }
    }
    func extent(at offset: UInt64) throws(ImageError) -> StorageExtent {
        StorageExtent(isData: false, length: offset < size ? size - offset : 0)
    }
}
