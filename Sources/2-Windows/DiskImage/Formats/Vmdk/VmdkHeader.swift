import Quantities

/// VMware's sparse extents and descriptors.
///
/// Extents in files of their own are named, and not opened.
///
/// - Source: QEMU block/vmdk.c `vmdk_open_vmdk4`, `vmdk_open_vmdk3`, `vmdk_parse_extents`.
enum VmdkHeader {
    /// QEMU reads no more of a descriptor.
    private static let descriptorLimit = 20 * 512

    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        let start = try file.bytes(at: 0, count: 512)
        if start.has("KDMV") { return try readSparse(start, file, into: &facts) }
        if start.has("COWD") { return try readCOWDisk(start, into: &facts) }
        let text = try file.available(at: 0, count: descriptorLimit)
        try readDescriptor(try text.text(0, text.count), into: &facts, definesSize: true)
    }

    private static func readSparse(_ start: HeaderBytes, _ file: any HeaderSource, into facts: inout ImageFacts)
        throws(Malformed)
    {
        var header = start
        if try header.le64(12) == 0, case let place = try header.le64(28), place != 0 {
            // A descriptor inside an extent without data of its own.
            let text = try file.available(at: try place.times(512, "the descriptor"), count: descriptorLimit)
            return try readDescriptor(try text.text(0, text.count), into: &facts, definesSize: true)
        }
        if try header.le64(56) == .max {
            // Written in one go: the header with the directory's place stands at the end, in the second of the last three sectors.
            guard file.size >= 1536 else { throw Malformed("the footer is missing") }
            header = try file.bytes(at: file.size / 512 * 512 - 1024, count: 512)
            guard header.has("KDMV") else { throw Malformed("the footer is missing") }
        }
        let version = try header.le32(4)
        let capacity = try header.le64(12)
        let grain = try header.le64(20)
        let entries = try header.le32(44)
        facts.version = Int(clamping: version)
        guard version <= 3 else { throw Malformed("version \(version) is unknown") }
        guard entries <= 512 else { throw Malformed("grain tables of \(entries) entries; at most 512") }
        guard entries > 0, grain > 0 else {
            throw Malformed("grain tables of \(entries) entries, grains of \(grain) sectors")
        }
        guard grain <= 0x20_0000 else { throw Malformed("grains of \(grain) sectors; at most 2,097,152") }
        guard capacity.dividedUp(by: entries * grain) <= 32 << 20 else {
            throw Malformed("a size of \(capacity) sectors is too large for the tables")
        }
        let size = try capacity.times(512, "the size")
        guard size <= UInt64(Int64.max) - 511 else { throw Malformed("a size of \(capacity) sectors is out of range") }
        facts.clusterSize = ByteCount(bytes: grain * 512)
        facts.virtualSize = .known(ByteCount(bytes: size))
        let text = try file.available(at: 512, count: descriptorLimit)
        try readDescriptor(try text.text(0, text.count), into: &facts, definesSize: false)
    }

    private static func readCOWDisk(_ header: HeaderBytes, into facts: inout ImageFacts) throws(Malformed) {
        facts.version = Int(clamping: try header.le32(4))
        let sectors = try header.le32(12)
        let grain = try header.le32(16)
        guard grain > 0, grain <= 0x20_0000 else { throw Malformed("grains of \(grain) sectors") }
        facts.clusterSize = ByteCount(bytes: grain * 512)
        facts.virtualSize = .known(ByteCount(bytes: sectors * 512))
    }

    private static func readDescriptor(_ text: String, into facts: inout ImageFacts, definesSize: Bool)
        throws(Malformed)
    {
        var sectors: UInt64 = 0
        var type: String?
        var isFlat = true
        var hasID = false
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("CID=") { hasID = true }
            if line.hasPrefix("createType=") { type = quoted(line) }
            if line.hasPrefix("parentFileNameHint=") { facts.backingFile = quoted(line) }
            guard definesSize, let extent = try extent(line) else { continue }
            sectors = try sectors.adding(extent.sectors, "the size")
            facts.extents.append(extent.name)
            if extent.kind != "FLAT" { isFlat = false }
        }
        if facts.backingFile != nil { facts.backingFormat = "vmdk" }
        guard hasID else { throw Malformed("the descriptor has no content id") }
        guard definesSize else { return }
        guard let type else { throw Malformed("the descriptor names no type") }
        let known = ["monolithicFlat", "vmfs", "vmfsSparse", "seSparse", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"]
        guard known.contains(type) else {
            throw Malformed("the descriptor's type is \(type.prefix(40)), which QEMU does not know")
        }
        guard !facts.extents.isEmpty else { throw Malformed("the descriptor names no extent") }
        facts.virtualSize = .known(ByteCount(bytes: try sectors.times(512, "the size")))
        facts.isPreallocated = isFlat ? true : nil
    }

    /// What stands in quotes after the equals sign.
    private static func quoted(_ line: Substring) -> String? {
        let value = line.drop { $0 != "=" }.dropFirst()
        let text = value.hasPrefix("\"") ? value.dropFirst().prefix { $0 != "\"" } : value
        return text.isEmpty ? nil : String(text)
    }

    /// A line as `RW 4192256 SPARSE "disk-s001.vmdk"`; flat extents have an offset after it.
    private static func extent(_ line: Substring) throws(Malformed) -> (sectors: UInt64, kind: String, name: String)? {
        let words = line.split(separator: " ", maxSplits: 3)
        guard words.count == 4, words[0] == "RW", let sectors = UInt64(words[1]), sectors > 0 else { return nil }
        let kind = String(words[2])
        guard ["FLAT", "SPARSE", "VMFS", "VMFSSPARSE", "SESPARSE"].contains(kind), words[3].hasPrefix("\"") else {
            return nil
        }
        let name = words[3].dropFirst().prefix { $0 != "\"" }
        guard !name.isEmpty, sectors < UInt64(Int64.max) / 512 else {
            throw Malformed("an extent of \(sectors) sectors")
        }
        return (sectors, kind, String(name))
    }
}
