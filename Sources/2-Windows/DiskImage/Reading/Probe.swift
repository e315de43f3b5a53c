/// Tells formats by their magic numbers, as QEMU's block drivers do.
///
/// - Source: `bdrv_probe` of QEMU's block drivers: block/{qcow,qcow2,qed,vmdk,vdi,vhdx,vpc,luks→crypto,parallels,dmg,bochs,cloop}.c; QEMU looks at the
///   first 512 bytes.
enum Probe {
    /// Bytes at the start of an image that decide.
    static let length = 512

    /// The format of an image that starts with these bytes; raw where there is no magic number.
    static func format(_ start: HeaderBytes, name: String) -> ImageFacts.Format {
        if start.has([0x51, 0x46, 0x49, 0xFB]), let version = try? start.be32(4) {
            if version == 1 { return .qcow }
            if version >= 2 { return .qcow2 }
        }
        if start.has("QED\0") { return .qed }
        if start.has("KDMV") || start.has("COWD") || isVmdkDescriptor(start.bytes) { return .vmdk }
        if start.has([0x7F, 0x10, 0xDA, 0xBE], at: 0x40) { return .vdi }
        if start.has("vhdxfile") { return .vhdx }
        if start.has("conectix") { return .vpc }
        if start.has([0x4C, 0x55, 0x4B, 0x53, 0xBA, 0xBE, 0x00, 0x01]) { return .luks }
        if start.has("WithoutFreeSpace") || start.has("WithouFreSpacExt"), (try? start.le32(16)) == 2 {
            return .parallels
        }
        if BochsHeader.starts(start) { return .bochs }
        if start.has(CloopHeader.magic) { return .cloop }
        if name.hasSuffix(".dmg") { return .dmg }
        return .raw
    }

    /// Whether the text is a vmdk descriptor: after comments and blank lines comes `version=` with 1, 2 or 3.
    private static func isVmdkDescriptor(_ bytes: [UInt8]) -> Bool {
        var position = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "#"):
                while position < bytes.count, bytes[position] != 0x0A { position += 1 }
                position += 1
            case UInt8(ascii: " "):
                while position < bytes.count, bytes[position] == 0x20 { position += 1 }
                if position < bytes.count, bytes[position] == 0x0D { position += 1 }
                guard position < bytes.count, bytes[position] == 0x0A else { return false }
                position += 1
            default:
                let rest = HeaderBytes(Array(bytes[position...]))
                guard rest.has("version="), rest.count > 9, (0x31...0x33).contains(rest.bytes[8]) else { return false }
                return rest.bytes[9] == 0x0A || (rest.count > 10 && rest.bytes[9] == 0x0D && rest.bytes[10] == 0x0A)
            }
        }
        return false
    }
}
