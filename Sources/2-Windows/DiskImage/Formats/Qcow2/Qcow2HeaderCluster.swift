/// The header of an image with its extensions, to be written anew; those nobody here knows stay.
struct Qcow2HeaderCluster {
    private var fixed: [UInt8]
    private var extensions: [(magic: UInt64, bytes: [UInt8])] = []
    private var backing: String?

    /// Reads it.
    init(_ file: any BlockStorage, _ header: Qcow2Header) throws(ImageError) {
        let whole = HeaderBytes(try file.bytes(at: 0, count: Int(header.clusterSize)))
        fixed = Array(whole.bytes[..<Int(header.length)])
        do throws(Malformed) {
            var offset = Int(header.length)
            let end = header.backingOffset > 0 ? Int(header.backingOffset) : whole.count
            while offset + 8 <= end {
                let magic = try whole.be32(offset)
                let count = Int(try whole.be32(offset + 4))
                guard magic != 0 else { break }
                guard count <= end - offset - 8 else { throw Malformed("a header extension is cut off") }
                extensions.append((magic, Array(whole.bytes[offset + 8..<offset + 8 + count])))
                offset += 8 + (count + 7) / 8 * 8
            }
            if header.backingOffset > 0 {
                backing = try whole.text(Int(header.backingOffset), Int(header.backingLength))
            }
        } catch { throw ImageError(error) }
    }

    /// Names another backing file, or none.
    mutating func setBacking(_ name: BackingName?) {
        backing = name?.name
        extensions.removeAll { $0.magic == 0xE279_2ACA }
        if let format = name?.format { extensions.insert((0xE279_2ACA, Array(format.utf8)), at: 0) }
    }

    /// Makes it a header of another version.
    mutating func setVersion(_ version: Int) {
        fixed[7] = UInt8(version)
        if version == 2 {
            fixed = Array(fixed[..<72])
        } else {
            // No features, reference counts of 16 bits, 112 bytes long.
            fixed = Array(fixed[..<72]) + [UInt8](repeating: 0, count: 40)
            fixed[99] = 4
            fixed[103] = 112
        }
    }

    /// Has reference counts written when the image is closed, or at once.
    mutating func setLazyRefcounts(_ isLazy: Bool) {
        guard fixed.count > 87 else { return }
        fixed[87] = fixed[87] & ~1 | (isLazy ? 1 : 0)
    }

    /// Names another data file.
    mutating func setDataFile(_ name: String) {
        extensions.removeAll { $0.magic == 0x4441_5441 }
        extensions.append((0x4441_5441, Array(name.utf8)))
    }

    /// Has its data file be no raw image by itself.
    mutating func giveUpRawDataFile() {
        guard fixed.count > 95 else { return }
        fixed[95] &= ~2
    }

    /// Names the directory of bitmaps, which is right then; or none.
    mutating func setBitmaps(_ place: (offset: UInt64, length: UInt64, count: UInt64)?) {
        extensions.removeAll { $0.magic == 0x2385_2875 }
        fixed[95] = fixed[95] & ~1 | (place == nil ? 0 : 1)
        guard let place else { return }
        var writer = HeaderWriter()
        writer.be32(place.count)
        writer.be32(0)
        writer.be64(place.length)
        writer.be64(place.offset)
        extensions.append((0x2385_2875, writer.bytes))
    }

    /// The whole, as it is written.
    func bytes(atMost limit: UInt64) throws(ImageError) -> [UInt8] {
        if let bytes = try bytes(extensions, atMost: limit) { return bytes }
        // Names of features only tell those who do not know them.
        if let bytes = try bytes(extensions.filter { $0.magic != 0x6803_F857 }, atMost: limit) { return bytes }
        throw ImageError(.full, "the header does not fit into its cluster of \(limit) bytes")
    }

    private func bytes(
        _ extensions: [(magic: UInt64, bytes: [UInt8])], atMost limit: UInt64
    ) throws(ImageError) -> [UInt8]? {
        var writer = HeaderWriter()
        writer.bytes = fixed
        for (magic, bytes) in extensions { writer.extend(magic, bytes) }
        writer.extend(0, [])
        let place = writer.bytes.count
        if let backing, !backing.isEmpty {
            guard backing.utf8.count <= 1023 else {
                throw ImageError(.invalid, "the backing file's name is longer than 1,023 bytes")
            }
            writer.bytes += Array(backing.utf8)
            writer.put(UInt64(place), at: 8, 8)
            writer.put(UInt64(backing.utf8.count), at: 16, 4)
        } else {
            writer.put(0, at: 8, 8)
            writer.put(0, at: 16, 4)
        }
        guard UInt64(writer.bytes.count) <= limit else { return nil }
        // What was longer before is not left behind it.
        return writer.bytes + [UInt8](repeating: 0, count: Int(limit) - writer.bytes.count)
    }
}
