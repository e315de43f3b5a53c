/// A second opinion on the tables of a qcow2 image: read from the specification, and sharing no line with the engine.
///
/// - Source: QEMU docs/interop/qcow2.txt.
public struct MetadataModel {
    private let bytes: [UInt8]
    /// What contradicts the specification.
    public private(set) var errors: [String] = []
    /// Clusters that are counted, and nobody's.
    public private(set) var leaks = 0

    /// The tables in a file.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        walk()
    }

    private func number(_ place: Int, _ width: Int) -> Int {
        guard place >= 0, place + width <= bytes.count else { return 0 }
        var value = 0
        for byte in bytes[place..<place + width] { value = value << 8 | Int(byte) }
        return value
    }

    private mutating func walk() {
        let version = number(4, 4)
        let bits = number(20, 4)
        let cluster = 1 << bits
        let order = version == 2 ? 4 : number(96, 4)
        let isExtended = version == 3 && number(72, 8) & 16 != 0
        let entrySize = isExtended ? 16 : 8
        var uses: [Int: Int] = [:]
        func use(_ offset: Int, _ count: Int) {
            guard count > 0 else { return }
            for index in offset / cluster...(offset + count - 1) / cluster { uses[index, default: 0] += 1 }
        }
        let tableOffset = number(48, 8)
        let tableSize = number(56, 4) * cluster
        func references(_ index: Int) -> Int {
            let perBlock = (cluster * 8) >> order
            let block = number(tableOffset + index / perBlock * 8, 8)
            guard index / perBlock * 8 < tableSize, block != 0 else { return 0 }
            let inBlock = index % perBlock
            if order >= 3 { return number(block + (inBlock << order) / 8, 1 << (order - 3)) }
            let width = 1 << order
            return number(block + inBlock * width / 8, 1) >> (inBlock * width % 8) & ((1 << width) - 1)
        }
        var complaints: [String] = []
        func entry(_ place: Int, isActive: Bool) {
            let word = UInt64(bitPattern: Int64(number(place, 8)))
            let bitmap = isExtended ? UInt64(bitPattern: Int64(number(place + 8, 8))) : 0
            if word >> 62 & 1 == 1 {
                let shift = 62 - (bits - 8)
                let start = Int(word & (1 << UInt64(shift) - 1))
                let sectors = Int(word >> UInt64(shift) & (1 << UInt64(bits - 8) - 1)) + 1
                use(start, sectors * 512 - start % 512)
                if word >> 63 == 1 || bitmap != 0 { complaints.append("the packed entry at \(place) has flags") }
                return
            }
            let host = Int(word & 0x00FF_FFFF_FFFF_FE00)
            if isExtended, bitmap & bitmap >> 32 & 0xFFFF_FFFF != 0 { complaints.append("entry \(place): both bits") }
            guard host != 0 else {
                if bitmap & 0xFFFF_FFFF != 0 || word >> 63 == 1 { complaints.append("entry \(place): no place") }
                return
            }
            use(host, cluster)
            if host % cluster != 0 || host >= bytes.count { complaints.append("entry \(place) leads to \(host)") }
            if isActive, (word >> 63 == 1) != (references(host / cluster) == 1) {
                complaints.append("entry \(place) has the wrong flag")
            }
        }
        use(0, cluster)
        for (l1, size, isActive) in l1Tables(use) {
            use(l1, size * 8)
            for index in 0..<size {
                let word = UInt64(bitPattern: Int64(number(l1 + index * 8, 8)))
                let l2 = Int(word & 0x00FF_FFFF_FFFF_FE00)
                guard l2 != 0 else { continue }
                use(l2, cluster)
                if l2 % cluster != 0 || l2 >= bytes.count { complaints.append("L1 \(index) leads to \(l2)") }
                if isActive, (word >> 63 == 1) != (references(l2 / cluster) == 1) {
                    complaints.append("L1 \(index) has the wrong flag")
                }
                for number in 0..<cluster / entrySize { entry(l2 + number * entrySize, isActive: isActive) }
            }
        }
        use(tableOffset, tableSize)
        for index in 0..<tableSize / 8 {
            let block = number(tableOffset + index * 8, 8)
            if block != 0 { use(block, cluster) }
        }
        for index in 0..<(bytes.count + cluster - 1) / cluster + 1 {
            let (used, kept) = (uses[index] ?? 0, references(index))
            if kept < used { complaints.append("cluster \(index) is used \(used) times, and counted \(kept) times") }
            if kept > used { leaks += 1 }
        }
        errors = complaints
    }

    /// The active L1 table, and those of the snapshots; what the table of snapshots itself uses is counted.
    private func l1Tables(_ use: (Int, Int) -> Void) -> [(Int, Int, Bool)] {
        var tables = [(number(40, 8), number(36, 4), true)]
        var place = number(64, 8)
        let start = place
        for _ in 0..<number(60, 4) {
            place = (place + 7) / 8 * 8
            tables.append((number(place, 8), number(place + 8, 4), false))
            place += 40 + number(place + 36, 4) + number(place + 12, 2) + number(place + 14, 2)
        }
        use(start, place - start)
        return tables
    }
}
