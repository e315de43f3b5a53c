import Quantities

/// Where the sectors of an Apple disk image are: runs of them, each stored in its own way.
///
/// - Source: QEMU block/dmg.c `dmg_read_mish_block`, `dmg_read_resource_fork`, `dmg_read_plist_xml`.
struct DmgChunks {
    /// How a run is stored.
    enum Kind: UInt32 {
        case zeros = 0
        case plain = 1
        case ignored = 2
        case zlib = 0x8000_0005
    }

    /// A run of sectors.
    struct Chunk {
        let kind: Kind
        /// Bytes of the disk.
        let range: Range<UInt64>
        /// Bytes of the file.
        let place: UInt64
        let length: UInt64
    }

    /// What QEMU bounds a run by that is read as a whole.
    private static let longest: UInt64 = 64 << 20
    /// Tables of a terabyte in runs of 256 KiB have 160 MB, and nobody makes such; QEMU stops here as well.
    private static let largestTable: UInt64 = 16 << 20

    /// In the order of the disk, none over another.
    private(set) var all: [Chunk] = []
    /// Ways to pack that are not known here, of which the image has chunks.
    private(set) var unknown: Set<UInt32> = []

    init(_ file: any HeaderSource, _ trailer: DmgTrailer) throws(Malformed) {
        if !trailer.resources.isEmpty {
            try readResources(file, trailer)
        } else {
            try readPropertyList(file, trailer)
        }
        all.sort { $0.range.lowerBound < $1.range.lowerBound }
        for (one, next) in zip(all, all.dropFirst()) where one.range.upperBound > next.range.lowerBound {
            throw Malformed("two chunks have sector \(next.range.lowerBound / 512)")
        }
    }

    /// The chunk that has a byte; `nil` where none does.
    func chunk(at offset: UInt64) -> (number: Int, chunk: Chunk)? {
        var (low, high) = (0, all.count)
        while low < high {
            let middle = (low + high) / 2
            if all[middle].range.upperBound <= offset { low = middle + 1 } else { high = middle }
        }
        return low < all.count && all[low].range.contains(offset) ? (low, all[low]) : nil
    }

    private static func bytes(_ file: any HeaderSource, _ range: Range<UInt64>) throws(Malformed) -> HeaderBytes {
        let count = range.upperBound - range.lowerBound
        guard count <= largestTable else { throw Malformed("tables of \(count) bytes are too large") }
        return try file.bytes(at: range.lowerBound, count: Int(count))
    }

    private mutating func readResources(_ file: any HeaderSource, _ trailer: DmgTrailer) throws(Malformed) {
        let fork = trailer.resources
        let head = try file.bytes(at: fork.lowerBound, count: 12)
        let (start, length) = (try head.be32(0), try head.be32(8))
        guard length > 0, start + length <= fork.upperBound - fork.lowerBound else {
            throw Malformed("its resources lie outside the resource fork")
        }
        let first = fork.lowerBound + start
        let data = try Self.bytes(file, first..<first + length)
        var place = 0
        while place < data.count {
            let count = Int(try data.be32(place))
            guard count > 0, count <= data.count - place - 4 else {
                throw Malformed("a resource of \(count) bytes lies outside the resource fork")
            }
            try add(HeaderBytes(Array(data.bytes[place + 4..<place + 4 + count])), trailer)
            place += 4 + count
        }
    }

    private mutating func readPropertyList(_ file: any HeaderSource, _ trailer: DmgTrailer) throws(Malformed) {
        let text = try Self.bytes(file, trailer.propertyList)
        var place = 0
        while let start = Self.find("<data>", in: text, from: place) {
            guard let end = Self.find("</data>", in: text, from: start + 6) else {
                throw Malformed("its property list ends within data")
            }
            guard let table = Base64.decode(Array(text.bytes[start + 6..<end]), isLoose: true) else {
                throw Malformed("data in its property list are no base64")
            }
            try add(HeaderBytes(table), trailer)
            place = end + 7
        }
    }

    private static func find(_ word: StaticString, in text: HeaderBytes, from start: Int) -> Int? {
        var place = start
        while let next = text.bytes[place...].firstIndex(of: UInt8(ascii: "<")) {
            if text.has(word, at: next) { return next }
            place = next + 1
        }
        return nil
    }

    /// Adds the chunks of a table; other resources are none.
    private mutating func add(_ table: HeaderBytes, _ trailer: DmgTrailer) throws(Malformed) {
        guard table.has("mish"), table.count >= 244 else { return }
        let first = try table.be64(8)
        let data = try trailer.dataFork.adding(try table.be64(0x18), "the place of its data")
        for entry in stride(from: 204, through: table.count - 40, by: 40) {
            let type = try table.be32(entry)
            guard let kind = Kind(rawValue: UInt32(type)) else {
                // Comments and the last entry are no chunks.
                if type != 0x7FFF_FFFE, type != 0xFFFF_FFFF { unknown.insert(UInt32(type)) }
                continue
            }
            let sector = try first.adding(try table.be64(entry + 8), "a chunk's sector")
            let start = try sector.times(512, "a chunk's sector")
            let count = try (try table.be64(entry + 16)).times(512, "a chunk's size")
            let end = try start.adding(count, "a chunk's end")
            let length = try table.be64(entry + 32)
            let isRead = kind == .plain || kind == .zlib
            guard !isRead || count <= Self.longest else {
                throw Malformed("sector count \(count / 512) of a chunk is larger than max (\(Self.longest / 512))")
            }
            guard length <= Self.longest else {
                throw Malformed("length \(length) of a chunk is larger than max (\(Self.longest))")
            }
            guard count > 0 else { continue }
            let place = try data.adding(try table.be64(entry + 24), "a chunk's place")
            _ = try place.adding(Self.longest, "a chunk's place")
            all.append(Chunk(kind: kind, range: start..<end, place: place, length: length))
        }
    }
}
