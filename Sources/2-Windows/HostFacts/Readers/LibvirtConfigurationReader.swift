internal import Quantities

/// `etc/libvirt`: qemu.conf, autostart, and the emulators installed.
struct LibvirtConfigurationReader {
    let tree: HostTree

    func read() -> LibvirtConfigurationFacts {
        var facts = LibvirtConfigurationFacts()
        facts.qemuConf = tree.bytes("/etc/libvirt/qemu.conf").map(HostFacts.parseLibvirtConfiguration)
        facts.autostart = tree.names("/etc/libvirt/qemu/autostart").map { names in
            names.filter { $0.hasSuffix(".xml") }.map { String($0.dropLast(4)) }
        }
        // libvirt makes the folder when the first guest is to start with the host.
        if facts.autostart.isMissing, tree.names("/etc/libvirt/qemu").value != nil { facts.autostart = .known([]) }
        facts.emulators = emulators()
        return facts
    }

    private func emulators() -> Fact<Set<String>> {
        var emulators = Set<String>()
        var isKnown = false
        var reason: Unknown?
        for folder in ["/usr/bin", "/usr/libexec", "/usr/lib/xen/bin", "/usr/libexec/xen/bin", "/usr/local/bin"] {
            switch tree.names(folder) {
            case .known(let names):
                isKnown = true
                for name in names where name.hasPrefix("qemu-system-") || name == "qemu-kvm" || name == "kvm" {
                    emulators.insert("\(folder)/\(name)")
                }
            case .unknown(let why): if reason == nil { reason = why }
            }
        }
        return isKnown ? .known(emulators) : .unknown(reason ?? Unknown(.missing, source: "/usr/bin"))
    }
}

extension HostFacts {
    /// `name = value` settings of libvirt's and xl's files; strings lose their quotes, a list (also over several lines) its brackets and quotes, and
    /// keeps its commas.
    ///
    /// - Source: libvirt src/util/virconf.c.
    public static func parseLibvirtConfiguration(_ bytes: [UInt8]) -> [String: String] {
        var settings: [String: String] = [:]
        var lines = bytes.lines[...]
        while let line = lines.popFirst() {
            let line = line.trimmed
            guard line.first != 0x23, let (name, rest) = line.cut(at: 0x3D), !name.trimmed.isEmpty else { continue }
            var value = rest.trimmed
            if value.first == 0x5B {
                var piece = withoutComment(value)
                var list = Array(piece)
                while !piece.contains(0x5D), let next = lines.popFirst() {
                    piece = withoutComment(next.trimmed)
                    list += piece
                }
                settings[name.trimmed.string] = list.prefix { $0 != 0x5D }.dropFirst().split(separator: 0x2C)
                    .map { unquoted($0.trimmed).string }.filter { !$0.isEmpty }.joined(separator: ",")
                continue
            }
            value = withoutComment(value)
            settings[name.trimmed.string] = unquoted(value).string
        }
        return settings
    }

    /// What stands before a `#` outside quotes.
    private static func withoutComment(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var quote: UInt8 = 0
        for (index, byte) in zip(text.indices, text) {
            if quote != 0 {
                if byte == quote { quote = 0 }
            } else if byte == 0x22 || byte == 0x27 {
                quote = byte
            } else if byte == 0x23 {
                return text[..<index].trimmed
            }
        }
        return text
    }

    private static func unquoted(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard text.count >= 2, let quote = text.first, quote == 0x22 || quote == 0x27, text.last == quote else {
            return text
        }
        return text.dropFirst().dropLast()
    }
}
