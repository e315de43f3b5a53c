extension BlockStorage {
    /// Takes the space of a range at once; a storage that is no file has it, or cannot.
    ///
    /// - Throws: an ``ImageError``, where there is no room or the file system cannot.
    func take(_ range: Range<UInt64>, _ kind: Image.Preallocation) throws(ImageError) {
        guard let file = self as? FileStorage, !range.isEmpty else { return }
        switch kind {
        case .off, .metadata: break
        case .falloc: if !file.isBlockDevice { try file.allocate(at: range.lowerBound, count: UInt64(range.count)) }
        case .full: try file.fill(range)
        }
    }
}

extension FileStorage {
    /// Has the first block of a new file there: QEMU finds out by it how reading past the page cache has to be aligned.
    ///
    /// - Throws: an ``ImageError``.
    func takeFirstBlock(of size: UInt64) throws(ImageError) {
        guard !isBlockDevice, size > 0 else { return }
        try write([UInt8](repeating: 0, count: size < 4096 ? 512 : 4096), at: 0)
    }

    /// Writes zeros wherever there is a hole: what holds data keeps them.
    fileprivate func fill(_ range: Range<UInt64>) throws(ImageError) {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        var place = range.lowerBound
        while place < range.upperBound {
            let extent = try extent(at: place)
            let rest = range.upperBound - place
            let length = extent.length == 0 ? rest : min(extent.length, rest)
            if !extent.isData {
                let count = min(length, UInt64(zeros.count))
                try write(count == UInt64(zeros.count) ? zeros : Array(zeros[..<Int(count)]), at: place)
                place += count
            } else {
                place += length
            }
        }
    }
}
