internal import Quantities

/// cpusets of libvirt's guests, version 1 and 2.
struct CgroupReader {
    let tree: HostTree
    private let root = "/sys/fs/cgroup"

    func read(_ mounts: Fact<[Mount]>) -> CgroupFacts {
        var facts = CgroupFacts()
        facts.version = version(mounts)
        switch facts.version {
        case .unknown(let reason):
            facts.guests = .unknown(reason)
            facts.machineCPUs = .unknown(reason)
            facts.machineMems = .unknown(reason)
        case .known(let version):
            let slices = version == 2 ? root : cpusetRoot(mounts)
            let names =
                version == 2 ? ("cpuset.cpus.effective", "cpuset.mems.effective") : ("cpuset.cpus", "cpuset.mems")
            facts.machineCPUs = tree.list("\(slices)/machine.slice/\(names.0)")
            facts.machineMems = tree.list("\(slices)/machine.slice/\(names.1)")
            facts.guests = guests(slices, cpus: names.0, mems: names.1)
        }
        return facts
    }

    /// A hybrid host has version 2 beside, and its controllers in version 1.
    private func version(_ mounts: Fact<[Mount]>) -> Fact<Int> {
        if tree.exists("\(root)/cgroup.controllers") { return .known(2) }
        if tree.exists("\(root)/cpuset") || tree.exists("\(root)/memory") || tree.exists("\(root)/cpu") {
            return .known(1)
        }
        let groups = (mounts.value ?? []).filter { $0.type == "cgroup" || $0.type == "cgroup2" }
        if groups.contains(where: { $0.type == "cgroup" && $0.option("name") == nil }) { return .known(1) }
        if groups.contains(where: { $0.type == "cgroup2" }) { return .known(2) }
        return .unknown(tree.names(root).reason ?? Unknown(.missing, source: "\(root)/cgroup.controllers"))
    }

    /// Where version 1's cpuset hierarchy is; hosts before systemd mount it anywhere.
    private func cpusetRoot(_ mounts: Fact<[Mount]>) -> String {
        let usual = "\(root)/cpuset"
        if tree.exists(usual) { return usual }
        return mounts.value?.first { $0.type == "cgroup" && $0.options.contains("cpuset") }?.path ?? usual
    }

    private func guests(_ slices: String, cpus: String, mems: String) -> Fact<[GuestCgroup]> {
        var found: [GuestCgroup] = []
        for folder in ["machine.slice", "machine", "libvirt/qemu", "sysdefault/libvirt/qemu"].map({ "\(slices)/\($0)" })
        {
            switch tree.names(folder) {
            case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
            case .known(let scopes):
                for scope in scopes {
                    // Before machined, libvirt's own folder had the guests by their plain names.
                    let isPlain = folder.hasSuffix("/qemu") && tree.exists("\(folder)/\(scope)/emulator")
                    guard let guest = HostFacts.parseScope(scope) ?? (isPlain ? scope : nil) else { continue }
                    for (part, path) in parts("\(folder)/\(scope)") {
                        switch cpuset(path, up: folder, cpus: cpus, mems: mems) {
                        case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
                        case .known(let (allowed, memory)):
                            found.append(GuestCgroup(guest: guest, part: part, cpus: allowed, mems: memory, path: path))
                        }
                    }
                }
            }
        }
        return .known(found)
    }

    /// A guest's scope and its parts: below `libvirt/` on hosts with systemd, straight below the scope on others.
    private func parts(_ scope: String) -> [(part: String, path: String)] {
        var parts = [(part: "", path: scope)]
        for base in ["\(scope)/libvirt", scope] {
            for name in tree.names(base).value ?? []
            where name == "emulator" || name.hasPrefix("vcpu") || name.hasPrefix("iothread") {
                parts.append((name, "\(base)/\(name)"))
            }
        }
        return parts
    }

    /// A cgroup's cpuset.
    ///
    /// One without a cpuset of its own has that of the nearest one above.
    private func cpuset(_ path: String, up top: String, cpus: String, mems: String) -> Fact<(CPUSet, NodeSet)> {
        func nearest<Kind>(_ name: String) -> Fact<IDSet<Kind>> {
            var folder = path
            while folder.utf8.count >= top.utf8.count {
                let set: Fact<IDSet<Kind>> = tree.list("\(folder)/\(name)")
                // An empty list of version 1 is a cpuset that was never set up.
                if !set.isMissing, set.value?.isEmpty != true { return set }
                guard let slash = folder.lastIndex(of: "/") else { break }
                folder = String(folder[..<slash])
            }
            return .unknown(Unknown(.missing, source: "\(path)/\(name)"))
        }
        let allowed: Fact<CPUSet> = nearest(cpus)
        let memory: Fact<NodeSet> = nearest(mems)
        return allowed.flatMap { allowed in memory.map { (allowed, $0) } }
    }
}

extension HostFacts {
    /// The guest whose scope a cgroup is: `machine-qemu\x2d4\x2dweb1.scope` and `qemu-4-web1.libvirt-qemu` → `web1`; `nil` if it is no guest's.
    ///
    /// - Source: libvirt src/util/virsystemd.c `virSystemdMakeScopeName`, src/conf/domain_conf.c `virDomainDefGetShortName`.
    public static func parseScope(_ scope: String) -> String? {
        if scope.hasSuffix(".libvirt-qemu") { return withoutNumber(String(scope.dropLast(13))) }
        guard scope.hasPrefix("machine-"), scope.hasSuffix(".scope") else { return nil }
        let escaped = Array(scope.utf8.dropFirst(8).dropLast(6))
        // systemd escapes what is no letter, digit, `:`, `_` or `.` as \xNN.
        var bytes: [UInt8] = []
        var index = 0
        while index < escaped.count {
            if index + 3 < escaped.count, escaped[index] == 0x5C, escaped[index + 1] == 0x78,
                let code = UInt8(escaped[(index + 2)...(index + 3)].string, radix: 16)
            {
                bytes.append(code)
                index += 4
            } else {
                bytes.append(escaped[index])
                index += 1
            }
        }
        let name = bytes.string
        return name.hasPrefix("qemu-") ? withoutNumber(name) : nil
    }

    /// `qemu-4-web1` → `web1`; old libvirt wrote no number: `qemu-web1`, and before that `web1`.
    private static func withoutNumber(_ name: String) -> String? {
        guard name.hasPrefix("qemu-") else { return name.nonEmpty }
        let rest = name.dropFirst(5)
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        let after = rest.dropFirst(digits.count)
        return String(!digits.isEmpty && after.first == "-" ? after.dropFirst() : rest).nonEmpty
    }
}
