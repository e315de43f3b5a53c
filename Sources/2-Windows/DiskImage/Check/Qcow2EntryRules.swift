extension Qcow2Geometry {
    private static let l2Reserved: UInt64 = 0x3F00_0000_0000_01FE

    /// What is wrong with an L2 entry by itself; `nil` where nothing is.
    ///
    /// - Source: QEMU block/qcow2-refcount.c `check_refcounts_l2`.
    func faults(of entry: Qcow2Entry, _ index: Int) -> [EntryFault]? {
        var faults: [EntryFault] = []
        let hasData = entry.bitmap & Bits.allData != 0
        if entry.isCompressed {
            let place = compressedPlace(entry.word).offset
            if entry.isCopied {
                faults.append(
                    EntryFault(": coffset=\(place.hex): copied flag must never be set for compressed clusters"))
            }
            if hasDataFile {
                faults.append(EntryFault(" compressed cluster \(index) with data file, entry=\(entry.word.hex)"))
            } else if entry.bitmap != 0 {
                faults.append(
                    EntryFault(
                        " compressed cluster \(index) with non-zero subcluster allocation bitmap, entry=\(entry.word.hex)"
                    ))
            }
            return faults.isEmpty ? nil : faults
        }
        if entry.word & Self.l2Reserved != 0 {
            faults.append(EntryFault(" found l2 entry with reserved bits set: \(entry.word.digits)"))
        }
        if entry.bitmap >> 32 & entry.bitmap & Bits.allData != 0 {
            faults.append(
                EntryFault(
                    " offset=\(entry.place.digits): Allocated cluster has corrupted subcluster allocation bitmap"))
        }
        if entry.place == 0, !(hasDataFile && entry.isCopied) {
            if hasData {
                faults.append(EntryFault(": Unallocated cluster has non-zero subcluster allocation map"))
            }
        } else if entry.place & clusterMask != 0 {
            let kind = isShown(entry) ? "Data" : "Preallocated"
            faults.append(
                EntryFault(
                    " offset=\(entry.place.digits): \(kind) cluster is not properly aligned; L2 entry corrupted.",
                    isPutRight: !isShown(entry)))
        }
        return faults.isEmpty ? nil : faults
    }

    /// Whether what lies at its place is shown.
    private func isShown(_ entry: Qcow2Entry) -> Bool {
        hasExtendedL2 ? entry.bitmap & Bits.allData != 0 : entry.word & Bits.zero == 0
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
        guard entry.place & clusterMask != 0, !isShown(entry) else { return entry }
        // Subclusters go on showing zeros, or what is below.
        return hasExtendedL2 ? Qcow2Entry(word: 0, bitmap: entry.bitmap) : zeros
    }

    private var zeros: Qcow2Entry {
        hasExtendedL2 ? Qcow2Entry(word: 0, bitmap: Bits.allZero) : Qcow2Entry(word: version >= 3 ? Bits.zero : 0)
    }
}

/// What is wrong with an entry of an L2 table.
struct EntryFault {
    /// What is told after a word that says what becomes of it.
    let what: String
    /// Whether a repair puts it right as it finds it.
    let isPutRight: Bool

    init(_ what: String, isPutRight: Bool = false) { (self.what, self.isPutRight) = (what, isPutRight) }
}
