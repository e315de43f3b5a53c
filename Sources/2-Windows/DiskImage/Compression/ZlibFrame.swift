/// zlib's frame around a deflate stream: two bytes before it, a sum behind.
///
/// - Source: RFC 1950.
enum ZlibFrame {
    /// The longest frame that is read for so many bytes: what does not get smaller grows by a few.
    static func longest(for count: UInt64) -> UInt64 { 2 * count + 4096 }

    /// Unpacks a frame that lies in a storage.
    ///
    /// - Parameters:
    ///   - storage: where it lies.
    ///   - place: its first byte.
    ///   - count: its bytes, or more; bounded by the caller.
    ///   - buffer: what it fills exactly.
    ///   - what: what is packed, for what is said where it cannot be unpacked.
    ///
    /// - Throws: an ``ImageError`` where it cannot be read or unpacked.
    static func unpack(
        _ storage: any BlockStorage, at place: UInt64, count: Int, into buffer: UnsafeMutableRawBufferPointer,
        _ what: String
    ) throws(ImageError) {
        let packed = try storage.bytes(at: place, count: count)
        try Inflater.require()
        guard packed.withUnsafeBytes({ Inflater().inflateFrame($0, into: buffer) }) else {
            throw ImageError(.malformed, "\(what) at byte \(place) cannot be unpacked")
        }
    }

    /// The same, into an array of so many bytes.
    static func unpack(
        _ storage: any BlockStorage, at place: UInt64, count: Int, to size: Int, _ what: String
    ) throws(ImageError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        var failure: ImageError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(ImageError) { try unpack(storage, at: place, count: count, into: buffer, what) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Packs bytes; what does not get smaller is stored as it is.
    static func pack(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        let packer = Packer(.fastDeflate, most: bytes.count)
        // What it gives is its own, and gone with it.
        let isPacked = withExtendedLifetime(packer) {
            guard let packed = packer.pack(bytes) else { return false }
            stream += packed
            return true
        }
        if !isPacked {
            // In blocks that say how long they are.
            var place = 0
            while place < bytes.count {
                let count = min(65_535, bytes.count - place)
                let length = [UInt8(count & 0xFF), UInt8(count >> 8)]
                stream += [place + count == bytes.count ? 1 : 0] + length + length.map { ~$0 }
                stream += bytes[place..<place + count]
                place += count
            }
        }
        let sum = checksum(bytes)
        return stream + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
    }

    /// Adler-32.
    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            low = (low + UInt32(byte)) % 65_521
            high = (high + low) % 65_521
        }
        return high << 16 | low
    }
}
