internal import Quantities

/// `etc/libvirt`: qemu.conf, autostart, and the emulators installed.
struct LibvirtConfigurationReader {
    let tree: HostTree

    func read() -> LibvirtConfigurationFacts {
        var facts = LibvirtConfigurationFacts()
        facts.qemuConf = tree.bytes("/etc/libvirt/qemu.conf").map { Self.settings(String(decoding: $0, as: UTF8.self)) }
        facts.autostart = tree.names("/etc/libvirt/qemu/autostart").map { names in
            names.filter { $0.hasSuffix(".xml") }.map { String($0.dropLast(4)) }
        }
        var emulators = Set<String>()
        var known = false
        for folder in ["/usr/bin", "/usr/libexec"] {
            guard let names = tree.names(folder).value else { continue }
            known = true
            for name in names where name.hasPrefix("qemu-system-") || name == "qemu-kvm" || name == "kvm" { emulators.insert("\(folder)/\(name)") }
        }
        facts.emulators = known ? .known(emulators) : .unknown(Unknown(.missing, source: "/usr/bin"))
        return facts
    }

    /// `name = value` lines; strings lose their quotes. Lists that go over several lines keep what stands on their first.
    static func settings(_ text: String) -> [String: String] {
        var settings: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let line = line.trimmingWhitespace
            guard line.first != "#", let (name, value) = line.cut(at: "=") else { continue }
            var word = value.trimmingWhitespace
            if word.count >= 2, let quote = word.first, quote == "\"" || quote == "'", word.last == quote { word = String(word.dropFirst().dropLast()) }
            settings[name.trimmingWhitespace] = word
        }
        return settings
    }
}
