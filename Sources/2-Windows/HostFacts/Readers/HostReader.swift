internal import Quantities

extension HostFacts {
    /// Reads a host: the live machine (`/`) or a captured tree. Nothing outside `root` is read, also not through symbolic links.
    ///
    /// What cannot be read is unknown, with the reason; reading never fails as a whole. It takes some 10 ms, and blocks.
    public static func read(root: String) -> HostFacts { read(HostTree(root: root)) }

    /// Reads a host from a tree.
    public static func read(_ tree: HostTree) -> HostFacts {
        var facts = HostFacts()
        facts.root = tree.root
        let system = SystemReader(tree: tree)
        facts.kernel = system.kernel()
        facts.system = system.system()
        facts.numa = NUMAReader(tree: tree).read()
        facts.cpu = CPUReader(tree: tree).read(facts.numa.nodes)
        facts.memory = MemoryReader(tree: tree, architecture: facts.kernel.architecture).read()
        facts.hypervisor = system.hypervisor(facts.kernel, facts.cpu.flags)
        facts.sysctl = SysctlReader(tree: tree).read()
        facts.storage = StorageReader(tree: tree).read()
        facts.boot = BootReader(tree: tree).read(facts.system.distribution.value)
        facts.cgroups = CgroupReader(tree: tree).read()
        facts.services = ServiceReader(tree: tree).read()
        facts.processes = ProcessReader(tree: tree, pageSize: facts.memory.pageSize.value).read()
        facts.network = NetworkReader(tree: tree).read()
        facts.libvirt = LibvirtConfigurationReader(tree: tree).read()
        return facts
    }
}
