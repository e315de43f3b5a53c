internal import Quantities

/// cpusets of libvirt's guests, version 1 and 2.
struct CgroupReader {
    let tree: HostTree

    func read() -> CgroupFacts {
        var facts = CgroupFacts()
        let root = "/sys/fs/cgroup"
        if tree.exists("\(root)/cgroup.controllers") {
            facts.version = .known(2)
            facts.machineCPUs = tree.list("\(root)/machine.slice/cpuset.cpus.effective")
            facts.machineMems = tree.list("\(root)/machine.slice/cpuset.mems.effective")
            facts.guests = guests(["\(root)/machine.slice", "\(root)/machine"], cpus: "cpuset.cpus.effective", mems: "cpuset.mems.effective")
        } else if tree.exists("\(root)/cpuset") {
            facts.version = .known(1)
            let cpuset = "\(root)/cpuset"
            facts.machineCPUs = tree.list("\(cpuset)/machine.slice/cpuset.cpus")
            facts.machineMems = tree.list("\(cpuset)/machine.slice/cpuset.mems")
            facts.guests = guests(
                ["\(cpuset)/machine.slice", "\(cpuset)/machine", "\(cpuset)/libvirt/qemu", "\(cpuset)/sysdefault/libvirt/qemu"], cpus: "cpuset.cpus",
                mems: "cpuset.mems")
        } else {
            let reason = Unknown(.missing, source: root)
            facts.version = .unknown(reason)
            facts.guests = .unknown(reason)
            facts.machineCPUs = .unknown(reason)
            facts.machineMems = .unknown(reason)
        }
        return facts
    }

    private func guests(_ folders: [String], cpus: String, mems: String) -> Fact<[GuestCgroup]> {
        var found: [GuestCgroup] = []
        for folder in folders {
            for scope in tree.names(folder).value ?? [] {
                guard let guest = Self.guest(scope) else { continue }
                let place = "\(folder)/\(scope)"
                // libvirt puts the parts below `libvirt/` on hosts with systemd, straight below the scope on others.
                for base in [place, "\(place)/libvirt"] {
                    for part in [""] + (tree.names(base).value ?? []).filter({ $0 == "emulator" || $0.hasPrefix("vcpu") || $0.hasPrefix("iothread") }) {
                        let path = part.isEmpty ? base : "\(base)/\(part)"
                        guard let allowed = tree.list("\(path)/\(cpus)", of: LogicalCPU.self).value,
                            let memory = tree.list("\(path)/\(mems)", of: NUMANodeID.self).value
                        else { continue }
                        found.append(GuestCgroup(guest: guest, part: part, cpus: allowed, mems: memory, path: path))
                    }
                }
            }
        }
        return .known(found)
    }

    /// `machine-qemu\x2d4\x2dweb1.scope` → `web1`; `web1.libvirt-qemu` → `web1`.
    static func guest(_ scope: String) -> String? {
        if scope.hasSuffix(".libvirt-qemu") { return String(scope.dropLast(13)) }
        guard scope.hasPrefix("machine-qemu"), scope.hasSuffix(".scope") else { return nil }
        var name = scope.dropFirst(12).dropLast(6)
        // systemd escapes what is no letter, digit, `:`, `_` or `.` as \xNN.
        var bytes: [UInt8] = []
        while let character = name.first {
            if name.hasPrefix("\\x"), let code = UInt8(name.dropFirst(2).prefix(2), radix: 16) {
                bytes.append(code)
                name = name.dropFirst(4)
            } else {
                bytes += Array(String(character).utf8)
                name = name.dropFirst()
            }
        }
        let plain = String(decoding: bytes, as: UTF8.self)
        let parts = plain.split(separator: "-", maxSplits: 1)
        return parts.count == 2 ? String(parts[1]) : nil
    }
}
