extension Qcow2Geometry {
    private static let l2Reserved: UInt64 = 0x3F00_0000_0000_01FE

    /// What is wrong with an L2 entry by itself; `nil` where nothing is.
    ///
    /// - Source: QEMU block/qcow2-refcount.c `check_refcounts_l2`.
    func faults(of entry: Qcow2Entry) -> [String]? {
        var faults: [String] = []
        let hasData = entry.bitmap & Bits.allData != 0
        if entry.isCompressed {
            if entry.isCopied { faults.append("coffset=\(entry.word.hex): a packed cluster has the copied flag") }
            if entry.bitmap != 0 { faults.append("entry=\(entry.word.hex): a packed cluster has subclusters") }
            if hasDataFile { faults.append("entry=\(entry.word.hex): a packed cluster beside a data file") }
            return faults.isEmpty ? nil : faults
        }
        if entry.word & Self.l2Reserved != 0 { faults.append("entry=\(entry.word.hex) has reserved bits") }
        if entry.bitmap >> 32 & entry.bitmap & Bits.allData != 0 {
            faults.append("offset=\(entry.place.hex): subclusters are data and zeros at once")
        }
        if entry.place == 0, !(hasDataFile && entry.isCopied) {
            if hasData { faults.append("subclusters have data, and the cluster has no place") }
        } else if entry.place & clusterMask != 0 {
            faults.append("offset=\(entry.place.hex) is not at a cluster's start")
        }
        return faults.isEmpty ? nil : faults
    }

    /// The entry as a repair leaves it: as much of it as can be kept is.
    ///
    /// Data that lie askew stay as they are: nobody knows where they are.
    func repaired(_ entry: Qcow2Entry) -> Qcow2Entry {
        var entry = entry
        if entry.isCompressed {
            // In a data file nothing is packed: what it was is lost.
            guard !hasDataFile else { return zeros }
            return Qcow2Entry(word: entry.word & ~Bits.copied)
        }
        entry.word &= ~Self.l2Reserved
        // What lies there is shown rather than hidden.
        entry.bitmap &= ~((entry.bitmap & Bits.allData) << 32)
        if entry.place == 0, !(hasDataFile && entry.isCopied) { entry.bitmap &= ~Bits.allData }
        let isShown = hasExtendedL2 ? entry.bitmap & Bits.allData != 0 : entry.word & Bits.zero == 0
        return entry.place & clusterMask != 0 && !isShown ? zeros : entry
    }

    private var zeros: Qcow2Entry {
        hasExtendedL2 ? Qcow2Entry(word: 0, bitmap: Bits.allZero) : Qcow2Entry(word: version >= 3 ? Bits.zero : 0)
    }
}
