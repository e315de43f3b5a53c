internal import Quantities

/// Kernel and distribution.
struct SystemReader {
    let tree: HostTree

    // MARK: Kernel

    func kernel() -> KernelFacts {
        var facts = KernelFacts()
        facts.release = tree.parsed("/proc/sys/kernel/osrelease") { $0[...].filled }
        if facts.release.value == nil, let release = tree.parsed("/proc/version", HostFacts.parseVersion).value {
            facts.release = .known(release)
        }
        facts.architecture = architecture()
        facts.commandLine = tree.bytes("/proc/cmdline").map { KernelCommandLine($0.string) }
        facts.modules = tree.bytes("/proc/modules").map(HostFacts.parseModules)
        // A kernel without loadable modules has no list of them; those built in show below /sys/module.
        if facts.modules.isMissing, let names = tree.names("/sys/module").value { facts.modules = .known(Set(names)) }
        for module in tree.names("/sys/module").value ?? [] where Self.isRead(module) {
            let folder = "/sys/module/\(module)/parameters"
            for name in tree.names(folder).value ?? [] {
                facts.moduleParameters["\(module)/\(name)"] = tree.text("\(folder)/\(name)")
            }
        }
        return facts
    }

    /// Modules whose parameters matter to a virtualization host.
    ///
    /// All modules have hundreds.
    private static func isRead(_ module: String) -> Bool {
        let families = [
            "kvm", "vfio", "vhost", "virtio", "tun", "nbd", "zswap", "zram", "haltpoll", "cpuidle_haltpoll",
            "intel_idle", "nvme", "dm_m", "scsi_mod",
            "scsi_dh", "sunrpc", "nfs", "lockd", "ksm", "xen_", "irqbypass", "iommu", "loop",
        ]
        return families.contains { module.hasPrefix($0) }
    }

    /// The machine itself says it best; of a captured tree the kernel's own word (6.1 and newer), its emulators' names aside, then cpuinfo.
    private func architecture() -> Fact<String> {
        if tree.isLive, let machine = Platform.machine { return .known(machine) }
        if let said = tree.parsed("/proc/sys/kernel/arch", { $0[...].filled }).value { return .known(said) }
        let source = "/proc/cpuinfo"
        let is32 = tree.parsed("/proc/meminfo", HostFacts.parseMeminfo).value?["HighTotal"] != nil
        return tree.bytes(source).flatMap { bytes in
            let release =
                tree.parsed("/proc/version", HostFacts.parseVersion).value ?? tree.text("/proc/sys/kernel/osrelease")
                .value ?? ""
            return HostFacts.parseArchitecture(bytes, release: release, is32: is32).map(Fact.known)
                ?? .unknown(Unknown(.malformed("no architecture is recognised in it"), source: source))
        }
    }

    // MARK: Distribution

    func system(_ mounts: Fact<[Mount]>) -> SystemFacts {
        var facts = SystemFacts()
        facts.distribution = distribution()
        facts.hostName = tree.parsed("/proc/sys/kernel/hostname") { $0[...].filled }
        if facts.hostName.value == nil, let name = tree.parsed("/etc/hostname", { $0[...].filled }).value {
            facts.hostName = .known(name)
        }
        facts.uptime = tree.parsed("/proc/uptime") {
            $0.fields.first.flatMap { Double($0.string) }.flatMap { $0.isFinite ? $0 : nil }
        }
        facts.loadAverages = tree.parsed("/proc/loadavg") { bytes in
            let numbers = bytes.fields.prefix(3).compactMap { Double($0.string) }.filter(\.isFinite)
            return numbers.count == 3 ? numbers : nil
        }
        facts.isTransactional = transactional(mounts, facts.distribution.value)
        let firmware = tree.presence("/sys/firmware")
        facts.isEFI = firmware.flatMap {
            $0 ? tree.presence("/sys/firmware/efi") : .unknown(Unknown(.missing, source: "/sys/firmware"))
        }
        return facts
    }

    private func distribution() -> Fact<Distribution> {
        var found = tree.parsed("/etc/os-release", HostFacts.parseDistribution)
        if found.isMissing { found = tree.parsed("/usr/lib/os-release", HostFacts.parseDistribution) }
        return found
    }

    /// transactional-update can be installed on a host whose root is written to as usual.
    private func transactional(_ mounts: Fact<[Mount]>, _ distribution: Distribution?) -> Fact<Bool> {
        let tool = "/usr/sbin/transactional-update"
        guard tree.exists("/usr/sbin") else { return .unknown(Unknown(.missing, source: tool)) }
        return tree.presence(tool).flatMap { isThere in
            guard isThere else { return .known(false) }
            if let root = mounts.value?.last(where: { $0.path == "/" }) { return .known(root.option("ro") != nil) }
            let id = distribution?.id ?? ""
            return .known(id.contains("micro"))
        }
    }
}

/// Which hypervisors the host has, and which one it runs under.
struct HypervisorReader {
    let tree: HostTree

    func read(_ kernel: KernelFacts, _ flags: Fact<Set<String>>) -> HypervisorFacts {
        var facts = HypervisorFacts()
        facts.kvmDevice = tree.presence("/dev").flatMap {
            $0 ? tree.presence("/dev/kvm") : .unknown(Unknown(.missing, source: "/dev/kvm"))
        }
        let isDom0 = isDom0()
        facts.present = present(kernel, facts.kvmDevice.value == true, isDom0)
        facts.under = under(kernel, flags, isDom0: isDom0)
        facts.xenCommandLine =
            isDom0
            ? tree.bytes("/sys/hypervisor/properties/commandline").map { KernelCommandLine($0.string) }
            : .unknown(Unknown(.missing, source: "/sys/hypervisor"))
        facts.xlConfiguration = tree.bytes("/etc/xen/xl.conf").map(HostFacts.parseLibvirtConfiguration)
        return facts
    }

    /// The domain that controls Xen, not a guest of it.
    private func isDom0() -> Bool {
        tree.bytes("/proc/xen/capabilities").value.map { $0.string.contains("control_d") } ?? false
    }

    private func present(_ kernel: KernelFacts, _ hasKVMDevice: Bool, _ isDom0: Bool) -> Fact<Set<HypervisorFacts.Kind>>
    {
        var kinds = Set<HypervisorFacts.Kind>()
        let modules = kernel.modules.value ?? []
        // `kvm` alone is the half that does nothing without the vendor's; on Arm and s390 it is built in.
        if hasKVMDevice || !modules.isDisjoint(with: ["kvm_intel", "kvm_amd", "kvm_hv", "kvm_pr"]) {
            kinds.insert(.kvm)
        }
        if isDom0 { kinds.insert(.xen) }
        if modules.contains("vboxdrv") { kinds.insert(.virtualBox) }
        if modules.contains("vmmon") { kinds.insert(.vmware) }
        return kinds.isEmpty ? kernel.modules.map { _ in kinds } : .known(kinds)
    }

    private func under(_ kernel: KernelFacts, _ flags: Fact<Set<String>>, isDom0: Bool) -> Fact<String?> {
        if isDom0 { return .known(nil) }
        if tree.text("/sys/hypervisor/type").value == "xen" { return .known("Xen") }
        let vendor = tree.text("/sys/class/dmi/id/sys_vendor")
        let product = tree.text("/sys/class/dmi/id/product_name")
        let firmware = [vendor.value, product.value].compactMap { $0.flatMap(\.nonEmpty) }.joined(separator: " ")
        let known = [
            "QEMU", "KVM", "VMware", "VirtualBox", "Virtual Machine", "Xen", "HVM domU", "Bochs",
            "Google Compute Engine", "OpenStack", "RHEV",
        ]
        let isNamed =
            known.contains { firmware.contains($0) }
            || firmware.hasPrefix("Amazon EC2") && !firmware.hasSuffix(".metal")
        switch kernel.architecture.value {
        case "x86_64", "i686", "i586", "i386":
            return flags.map { $0.contains("hypervisor") ? firmware.nonEmpty ?? "a hypervisor" : nil }
        case "s390x":
            // Lines as `VM00 Control Program: KVM/Linux`; an LPAR's hypervisor is the machine's own.
            return tree.bytes("/proc/sysinfo").map { bytes in
                let line = bytes.lines.first { $0.hasPrefix("VM00 Control Program") }
                return line?.cut(at: 0x3A)?.after.filled
            }
        default:
            if isNamed { return .known(firmware) }
            if let device = tree.parsed("/proc/device-tree/hypervisor/compatible", { $0[...].filled }).value {
                return .known(device)
            }
            // A machine that describes itself and names no hypervisor is one of metal.
            return firmware.isEmpty
                ? .unknown(vendor.reason ?? Unknown(.missing, source: "/sys/class/dmi/id/sys_vendor")) : .known(nil)
        }
    }
}

extension HostFacts {
    /// The release in `Linux version 6.4.0-… (…)`; `nil` where it is no such line.
    public static func parseVersion(_ bytes: [UInt8]) -> String? {
        let words = bytes.fields
        return words.count > 2 && words[0].equals("Linux") && words[1].equals("version") ? words[2].string : nil
    }

    /// os-release's words; `nil` where it has no `ID`.
    public static func parseDistribution(_ bytes: [UInt8]) -> Distribution? {
        let values = parseShellVariables(bytes)
        guard let id = values["ID"]?.nonEmpty else { return nil }
        return Distribution(
            id: id, like: (values["ID_LIKE"] ?? "").split(separator: " ").map(String.init),
            version: values["VERSION_ID"] ?? "",
            name: values["PRETTY_NAME"] ?? "")
    }

    /// The architecture a cpuinfo is of, as libvirt names it; `nil` where that does not show.
    ///
    /// - Parameters:
    ///   - bytes: cpuinfo.
    ///   - release: the kernel's release, which often ends in the architecture.
    ///   - is32: whether the kernel has high memory, which those of 32 bits have.
    /// - Returns: `x86_64`, `aarch64`, `s390x` and so on.
    public static func parseArchitecture(_ bytes: [UInt8], release: String, is32: Bool) -> String? {
        for name in ["x86_64", "aarch64", "s390x", "ppc64le", "ppc64", "riscv64", "loongarch64", "ia64"]
        where release.hasSuffix("." + name) { return name }
        var isPower = false
        for line in bytes.lines {
            guard let (name, rest) = line.cut(at: 0x3A) else { continue }
            let value = rest.trimmed
            switch name.trimmed.string {
            case "vendor_id":
                if value.equals("IBM/S390") { return "s390x" }
            case "arch", "family":
                if value.hasPrefix("IA-64") || value.hasPrefix("Itanium") { return "ia64" }
            case "flags":
                return !is32 && value.fields.contains { $0.equals("lm") } ? "x86_64" : "i686"
            case "CPU architecture":
                if value.equals("8") || value.equals("AArch64") { return "aarch64" }
                if value.hasPrefix("7") { return "armv7l" }
                if value.hasPrefix("6") || value.hasPrefix("5") { return "armv6l" }
            case "isa", "hart isa":
                if value.hasPrefix("rv64") { return "riscv64" }
            case "ISA", "system type":
                if value.string.contains("loongarch64") || value.hasPrefix("generic-loongson") { return "loongarch64" }
            case "cpu":
                isPower = isPower || value.hasPrefix("POWER")
            default: break
            }
        }
        // POWER8 and later run Linux little-endian nearly everywhere, but their cpuinfo does not say.
        return isPower && (release.contains(".ppc64le") || release.contains("ppc64el")) ? "ppc64le" : nil
    }
}

extension String {
    /// The text, or `nil` where it is empty.
    var nonEmpty: String? { isEmpty ? nil : self }
}
