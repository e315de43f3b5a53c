/// Where the snapshots of an image lie in its table, and what is too much of it.
///
/// - Source: QEMU docs/interop/qcow2.txt "Snapshots"; the limits are those of block/qcow2-snapshot.c.
struct Qcow2SnapshotTable {
    /// Snapshots that an image has at most.
    static let mostSnapshots: UInt64 = 65_536
    /// Bytes of a snapshot that the specification leaves open, at most.
    static let mostExtra: UInt64 = 1024
    /// Bytes of a table, at most.
    static let mostBytes: UInt64 = 64 << 20

    /// One snapshot.
    struct Entry {
        /// Where it is said what it is.
        let place: UInt64
        let l1Offset: UInt64
        let l1Size: UInt64
        /// Bytes of its number, its name, and what the specification leaves open: as many as there are.
        let lengths: (id: Int, name: Int, extra: UInt64)

        /// Bytes left open that a program reads.
        var keptExtra: UInt64 { min(extra, mostExtra) }
        var extra: UInt64 { lengths.extra }
        /// Where its number is.
        var names: UInt64 { place + 40 + extra }
        /// Where it ends.
        var end: UInt64 { names + UInt64(lengths.id) + UInt64(lengths.name) }
    }

    /// What QEMU does not read, and a repair takes out.
    enum Excess {
        /// Snapshots at the end.
        case snapshots(UInt64, isTableTooLarge: Bool)
        /// What a snapshot says that the specification leaves open.
        case extra(of: Int, UInt64)

        /// As how many contradictions it counts.
        var count: Int {
            switch self {
            case .snapshots(let count, _): Int(clamping: count)
            case .extra: 1
            }
        }

        /// What a repair says of it, in QEMU's words.
        var repair: String {
            switch self {
            case .snapshots(let count, let isTableTooLarge):
                "Discarding \(count) overhanging snapshots" + (isTableTooLarge ? " (snapshot table is too big)" : "")
            case .extra(let number, let bytes):
                "Discarding too much extra metadata in snapshot table entry \(number) (\(bytes) > \(mostExtra))"
            }
        }

        /// Why the image is not opened, in QEMU's words.
        var refusal: String {
            switch self {
            case .snapshots(_, isTableTooLarge: false): "Snapshot table too large"
            case .snapshots(_, isTableTooLarge: true): "Snapshot table is too big"
            case .extra(let number, _): "Too much extra metadata in snapshot table entry \(number)"
            }
        }

        /// What to do.
        var remedy: String {
            switch self {
            case .snapshots(let count, _):
                "You can force-remove all \(count) overhanging snapshots with qemu-img check -r all"
            case .extra: "You can force-remove this extra metadata with qemu-img check -r all"
            }
        }
    }

    /// The snapshots that are left where what is too much is taken out.
    private(set) var entries: [Entry] = []
    /// What is too much, in the table's order.
    private(set) var excesses: [Excess] = []
    /// Where it begins.
    let start: UInt64
    /// Where the last of the snapshots ends.
    private(set) var end: UInt64

    /// Reads a table; what would be behind the file's end is zeros.
    ///
    /// - Parameters:
    ///   - file: what it lies in.
    ///   - start: where.
    ///   - count: snapshots that the header tells of.
    ///
    /// - Throws: a `Malformed` where it cannot be read.
    init(_ file: any HeaderSource, at start: UInt64, count: UInt64) throws(Malformed) {
        self.start = start
        end = start
        let wanted = min(count, Self.mostSnapshots)
        if count > wanted { excesses.append(.snapshots(count - wanted, isTableTooLarge: false)) }
        var kept: UInt64 = 0
        for number in 0..<wanted {
            let last = end
            let offset = end.saturated(adding: 7) / 8 * 8
            let fixed = try file.bytes(at: offset, count: 40)
            let entry = Entry(
                place: offset, l1Offset: try fixed.be64(0), l1Size: try fixed.be32(8),
                lengths: (try fixed.be16(12), try fixed.be16(14), try fixed.be32(36)))
            kept += entry.end - last - (entry.extra - entry.keptExtra)
            if entry.extra > Self.mostExtra { excesses.append(.extra(of: Int(number), entry.extra)) }
            guard kept <= Self.mostBytes, entry.end - start <= UInt64(Int32.max) else {
                excesses.append(.snapshots(wanted - number, isTableTooLarge: true))
                return
            }
            entries.append(entry)
            end = entry.end
        }
    }

    /// Snapshots that are too many.
    var hasTooMany: Bool {
        excesses.contains { if case .snapshots = $0 { true } else { false } }
    }
}
