internal import Quantities

extension HostFacts {
    /// Reads a host: the live machine (`/`) or a captured tree.
    ///
    /// Nothing outside `root` is read, also not through symbolic links.
    ///
    /// What cannot be read is unknown, with the reason; reading never fails as a whole. It takes some 10 ms, and blocks.
    public static func read(root: String) -> HostFacts { read(HostTree(root: root)) }

    /// Reads a host from a tree.
    public static func read(_ tree: HostTree) -> HostFacts {
        var facts = HostFacts()
        facts.root = tree.root
        let system = SystemReader(tree: tree)
        facts.kernel = system.kernel()
        facts.storage = StorageReader(tree: tree).read()
        facts.system = system.system(facts.storage.mounts)
        facts.numa = NUMAReader(tree: tree).read()
        facts.cpu = CPUReader(tree: tree).read(facts.numa.nodes)
        facts.memory = MemoryReader(tree: tree, architecture: facts.kernel.architecture).read()
        facts.hypervisor = HypervisorReader(tree: tree).read(facts.kernel, facts.cpu.flags)
        facts.sysctl = SysctlReader(tree: tree, release: facts.kernel.release.value).read()
        let boot = BootReader(tree: tree, isEFI: facts.system.isEFI.value == true)
        facts.boot = boot.read(facts.system.distribution.value)
        // The running Xen does not show its parameters; those it is started with are the next best.
        if facts.hypervisor.present.value?.contains(.xen) == true, facts.hypervisor.xenCommandLine.isMissing,
            let line = boot.xenLine()
        {
            facts.hypervisor.xenCommandLine = .known(line)
        }
        facts.cgroups = CgroupReader(tree: tree).read(facts.storage.mounts)
        facts.services = ServiceReader(tree: tree).read()
        facts.processes = ProcessReader(tree: tree, pageSize: facts.memory.pageSize.value).read()
        facts.network = NetworkReader(tree: tree).read()
        facts.libvirt = LibvirtConfigurationReader(tree: tree).read()
        return facts
    }
}
