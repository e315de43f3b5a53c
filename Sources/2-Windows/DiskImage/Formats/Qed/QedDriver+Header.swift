extension QedDriver {
    /// Gives the image more bytes; QED cannot become smaller.
    ///
    /// - Parameters:
    ///   - size: bytes the guest is to see, whole sectors.
    ///   - below: what shows through.
    ///
    /// - Throws: an ``ImageError``.
    func resize(to size: UInt64, below: Below) throws(ImageError) {
        let old = self.size
        guard size >= old else { throw ImageError(.unsupported, "Shrinking images is currently not supported") }
        let entries = tableBytes / 8
        guard size <= (entries * entries).multipliedReportingOverflow(by: cluster).partialValue else {
            throw ImageError(.invalid, "QED image size is too large for its clusters")
        }
        try flush()
        try dataStorage.write(QedCreation.bytes(size), at: 48)
        length.value = size
        // What is below may be longer, and must not come to light.
        if let image = below.image, image.size > old {
            try writeZeroes(at: old, count: min(size, image.size) - old, unmap: true, below: below)
        }
        try flush()
    }

    /// Has the image backed by another one, or by none.
    ///
    /// - Throws: an ``ImageError`` where the name does not fit.
    func setBacking(_ backing: BackingName?) throws(ImageError) {
        let name = Array((backing?.name ?? "").utf8)
        let header = HeaderBytes(try dataStorage.bytes(at: 0, count: 64))
        var features: UInt64 = 0
        do throws(Malformed) {
            let room = try header.le32(12) * cluster
            guard name.count < 1024, UInt64(64 + name.count) <= room else {
                throw Malformed("the backing file's name does not fit into the header")
            }
            features = try header.le64(16) & ~(Feature.backing | Feature.noProbe | Feature.needsCheck)
        } catch { throw ImageError(error) }
        if let backing { features |= Feature.backing | (backing.format == "raw" ? Feature.noProbe : 0) }
        // Whether there is one, and how long its name is, in one write with the name itself.
        var bytes = Array(header.bytes[..<16]) + QedCreation.bytes(features) + header.bytes[24..<56]
        bytes += QedCreation.bytes(backing == nil ? 0 : 64)[..<4] + QedCreation.bytes(UInt64(name.count))[..<4]
        try write(header: bytes + name, keeping: features)
    }
}
