import Quantities

/// Apple's disk images end with a trailer that says where their tables are.
///
/// QEMU goes by the name's `.dmg`.
///
/// - Source: QEMU block/dmg.c `dmg_probe`, `dmg_find_koly_offset`, `dmg_open`.
struct DmgTrailer {
    /// Where it begins.
    let place: UInt64
    /// Bytes the guest sees.
    let size: UInt64
    /// Where the data begin that the tables count from.
    let dataFork: UInt64
    /// The tables as resources; empty where they are in the property list.
    let resources: Range<UInt64>
    /// The tables in XML.
    let propertyList: Range<UInt64>

    init(_ file: any HeaderSource) throws(Malformed) {
        // Files of any length end with it, and QEMU counts whole sectors: so it looks from there.
        let length = try file.size.roundedUp(to: 512, "the length")
        guard length >= 512 else { throw Malformed("dmg file must be at least 512 bytes long") }
        let from = length > 511 + 512 ? length - 511 - 512 : 0
        let window = try file.available(at: from, count: Int(min(length, 515)))
        guard let found = (0..<max(0, window.count - 3)).first(where: { window.has("koly", at: $0) }) else {
            throw Malformed("Could not locate UDIF trailer in dmg file")
        }
        let place = from + UInt64(found)
        let bytes = try file.bytes(at: place, count: 512)
        func fork(_ offset: Int, _ what: StaticString) throws(Malformed) -> Range<UInt64> {
            let (start, length) = (try bytes.be64(offset), try bytes.be64(offset + 8))
            guard start < place, length <= place - start else { throw Malformed("\(what) lies outside the file") }
            return start..<start + length
        }
        self.place = place
        dataFork = try bytes.be64(0x18)
        guard dataFork <= place else { throw Malformed("the data lie outside the file") }
        resources = try fork(0x28, "the resource fork")
        propertyList = try fork(0xD8, "the property list")
        size = try (try bytes.be64(0x1EC)).times(512, "the size")
        guard size <= UInt64(Int64.max) else { throw Malformed("a size of \(size) bytes is out of range") }
        guard !resources.isEmpty || !propertyList.isEmpty else { throw Malformed("it has no tables") }
    }

    static func read(_ file: any HeaderSource, into facts: inout ImageFacts) throws(Malformed) {
        facts.virtualSize = .known(ByteCount(bytes: try DmgTrailer(file).size))
    }
}
