internal import Quantities

/// Kernel, distribution and hypervisor.
struct SystemReader {
    let tree: HostTree

    func kernel() -> KernelFacts {
        var facts = KernelFacts()
        facts.release = tree.text("/proc/sys/kernel/osrelease")
        if facts.release.value == nil, let words = tree.text("/proc/version").value?.words, words.count > 2, words[1] == "version" {
            facts.release = .known(String(words[2]))
        }
        facts.architecture = architecture()
        facts.commandLine = tree.bytes("/proc/cmdline").map { KernelCommandLine(String(decoding: $0, as: UTF8.self)) }
        facts.modules = tree.lines("/proc/modules").map { Set($0.compactMap { $0.words.first.map(String.init) }) }
        // A kernel without loadable modules has no list of them; those built in show below /sys/module.
        if facts.modules.isMissing, let names = tree.names("/sys/module").value { facts.modules = .known(Set(names)) }
        for module in ["kvm", "kvm_intel", "kvm_amd", "kvm_hv", "vhost_net", "nbd", "zswap", "haltpoll"] {
            let folder = "/sys/module/\(module)/parameters"
            for name in tree.names(folder).value ?? [] { facts.moduleParameters["\(module)/\(name)"] = tree.text("\(folder)/\(name)") }
        }
        return facts
    }

    private func architecture() -> Fact<String> {
        if tree.isLive, let machine = Platform.machine { return .known(machine) }
        let source = "/proc/cpuinfo"
        return tree.bytes(source).flatMap { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            if text.contains("IBM/S390") { return .known("s390x") }
            if text.contains("\nflags") || text.hasPrefix("flags") {
                // Long mode.
                return .known(text.split(separator: "\n").first { $0.hasPrefix("flags") }?.words.contains("lm") == true ? "x86_64" : "i686")
            }
            if text.contains("CPU implementer") { return .known(text.contains("CPU architecture: 8") || text.contains("CPU architecture: AArch64") ? "aarch64" : "armv7l") }
            if text.contains("POWER") || text.contains("PPC") || text.contains("pSeries") { return .known("ppc64le") }
            if text.contains("rv64") { return .known("riscv64") }
            if text.contains("Loongson") || text.contains("loongarch") { return .known("loongarch64") }
            return .unknown(Unknown(.malformed("no architecture is recognised in it"), source: source))
        }
    }

    func system() -> SystemFacts {
        var facts = SystemFacts()
        facts.distribution = distribution()
        facts.hostName = tree.text("/proc/sys/kernel/hostname")
        if facts.hostName.value == nil { facts.hostName = tree.text("/etc/hostname") }
        facts.uptime = tree.text("/proc/uptime").flatMap { text in
            text.words.first.flatMap { Double($0) }.map(Fact.known) ?? .unknown(Unknown(.malformed(text), source: "/proc/uptime"))
        }
        facts.loadAverages = tree.text("/proc/loadavg").flatMap { text in
            let numbers = text.words.prefix(3).compactMap { Double($0) }
            return numbers.count == 3 ? .known(numbers) : .unknown(Unknown(.malformed(text), source: "/proc/loadavg"))
        }
        facts.isTransactional = facts.distribution.map { _ in
            tree.exists("/usr/sbin/transactional-update")
        }
        facts.isEFI = tree.exists("/sys/firmware") ? .known(tree.exists("/sys/firmware/efi")) : .unknown(Unknown(.missing, source: "/sys/firmware"))
        return facts
    }

    private func distribution() -> Fact<Distribution> {
        var fact = tree.bytes("/etc/os-release")
        if fact.value == nil, let other = tree.bytes("/usr/lib/os-release").value { fact = .known(other) }
        return fact.flatMap { bytes in
            let values = BootReader.shellVariables(String(decoding: bytes, as: UTF8.self))
            guard let id = values["ID"] else { return .unknown(Unknown(.malformed("no ID"), source: "/etc/os-release")) }
            return .known(
                Distribution(
                    id: id, like: (values["ID_LIKE"] ?? "").words.map(String.init), version: values["VERSION_ID"] ?? "", name: values["PRETTY_NAME"] ?? id))
        }
    }

    func hypervisor(_ kernel: KernelFacts, _ flags: Fact<Set<String>>) -> HypervisorFacts {
        var facts = HypervisorFacts()
        let devices = tree.exists("/dev")
        facts.kvmDevice = devices ? .known(tree.exists("/dev/kvm")) : .unknown(Unknown(.missing, source: "/dev"))
        let xenType = tree.text("/sys/hypervisor/type").value
        let isDom0 = xenType == "xen" && (tree.text("/proc/xen/capabilities").value?.contains("control_d") ?? false)
        facts.present = kernel.modules.map { modules in
            var kinds = Set<HypervisorFacts.Kind>()
            if modules.contains("kvm_intel") || modules.contains("kvm_amd") || modules.contains("kvm_hv") || facts.kvmDevice.value == true
                || (tree.exists("/sys/module/kvm") && kernel.architecture.value.map { $0 == "s390x" || $0 == "aarch64" } == true)
            {
                kinds.insert(.kvm)
            }
            if isDom0 { kinds.insert(.xen) }
            if modules.contains("vboxdrv") { kinds.insert(.virtualBox) }
            if modules.contains("vmmon") { kinds.insert(.vmware) }
            return kinds
        }
        if facts.present.value == nil, isDom0 { facts.present = .known([.xen]) }
        facts.under = under(flags, isDom0: isDom0)
        facts.xenCommandLine =
            isDom0
            ? tree.text("/sys/hypervisor/properties/commandline").map { KernelCommandLine($0) }
            : .unknown(Unknown(.missing, source: "/sys/hypervisor"))
        facts.xlConfiguration = tree.bytes("/etc/xen/xl.conf").map { LibvirtConfigurationReader.settings(String(decoding: $0, as: UTF8.self)) }
        return facts
    }

    private func under(_ flags: Fact<Set<String>>, isDom0: Bool) -> Fact<String?> {
        flags.map { flags in
            guard flags.contains("hypervisor"), !isDom0 else { return nil }
            let vendor = tree.text("/sys/class/dmi/id/sys_vendor").value
            let product = tree.text("/sys/class/dmi/id/product_name").value
            return [vendor, product].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: " ").nonEmpty ?? "a hypervisor"
        }
    }
}

extension String {
    /// The text, or `nil` where it is empty.
    var nonEmpty: String? { isEmpty ? nil : self }
}
