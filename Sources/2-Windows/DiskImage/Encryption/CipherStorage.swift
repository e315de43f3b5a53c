/// A storage whose bytes are encrypted, sector by sector, from a place on.
final class CipherStorage: BlockStorage {
    private let below: any BlockStorage
    private let base: UInt64
    /// `nil` as long as no secret was given.
    private let cipher: SectorCipher?

    init(_ below: any BlockStorage, from base: UInt64, _ cipher: SectorCipher?) {
        self.below = below
        self.base = base
        self.cipher = cipher
    }

    var name: String { below.name }
    var isWritable: Bool { below.isWritable }
    func length() throws(ImageError) -> UInt64 {
        let length = try below.length()
        return length > base ? length - base : 0
    }
    func flush() throws(ImageError) { try below.flush() }
    func resize(to length: UInt64) throws(ImageError) { try below.resize(to: base + length) }

    private func unlocked() throws(ImageError) -> SectorCipher {
        guard let cipher else {
            throw ImageError(
                .denied, "it is encrypted, and no secret is given",
                remedy: "Give it: --object secret,id=sec0,file=FILE --image-opts driver=FORMAT,…key-secret=sec0")
        }
        return cipher
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ImageError) {
        guard !buffer.isEmpty else { return }
        let cipher = try unlocked()
        let first = offset / 512 * 512
        let end = (offset + UInt64(buffer.count)).dividedUp(by: 512) * 512
        if first == offset, end == offset + UInt64(buffer.count) {
            try below.read(into: buffer, at: base + offset)
            return try cipher.apply(.decrypt, buffer, firstSector: first / 512)
        }
        let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(end - first), alignment: 512)
        defer { whole.deallocate() }
        try below.read(into: whole, at: base + first)
        try cipher.apply(.decrypt, whole, firstSector: first / 512)
        let start = Int(offset - first)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[start..<start + buffer.count]))
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ImageError) {
        guard !bytes.isEmpty else { return }
        let cipher = try unlocked()
        // What is written stays as it is for its owner: it is encrypted elsewhere, a piece at a time.
        let piece = 256 << 10
        var done = 0
        while done < bytes.count {
            let place = offset + UInt64(done)
            let first = place / 512 * 512
            let count = min(bytes.count - done, piece - Int(place - first))
            let end = (place + UInt64(count)).dividedUp(by: 512) * 512
            let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(end - first), alignment: 512)
            defer { whole.deallocate() }
            if first != place || end != place + UInt64(count) { try read(into: whole, at: first) }
            let start = Int(place - first)
            UnsafeMutableRawBufferPointer(rebasing: whole[start..<start + count]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
            try cipher.apply(.encrypt, whole, firstSector: first / 512)
            try below.write(UnsafeRawBufferPointer(whole), at: base + first)
            done += count
        }
    }

    /// Zeros are encrypted as all else is.
    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool) throws(ImageError) {
        var place = offset
        while place < offset + count {
            let piece = min(1 << 20, offset + count - place)
            try write([UInt8](repeating: 0, count: Int(piece)), at: place)
            place += piece
        }
    }

    /// A hole would read as anything.
    func discard(at offset: UInt64, count: UInt64) throws(ImageError) {}

    func extent(at offset: UInt64) throws(ImageError) -> StorageExtent {
        let end = try length()
        return StorageExtent(isData: true, length: offset < end ? end - offset : 0)
    }
}
