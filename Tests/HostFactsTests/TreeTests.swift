import Foundation
import HostFacts
import Quantities
import Testing

/// The edge of a captured tree: nothing outside it is read, nothing inside it holds the program.
@Suite struct TreeTests {
    @Test func linksStayInside() throws {
        let outside = try TreeFolder(["secret": "MemTotal: 4711 kB\n", "d/cpulist": "0-7\n"])
        let tree = try TreeFolder(["etc/hostname": "inside\n", "real/meminfo": "MemTotal: 1 kB\n"])
        let up = String(repeating: "../", count: 40)
        try tree.link("proc/meminfo", to: outside.path + "/secret")
        #expect(HostFacts.read(root: tree.path).memory.total.isMissing)
        try FileManager.default.removeItem(atPath: tree.path + "/proc/meminfo")
        try tree.link("proc/meminfo", to: up + outside.path.dropFirst() + "/secret")
        #expect(HostFacts.read(root: tree.path).memory.total.isMissing)
        // A folder that leads out, in the middle of a path.
        try tree.link("sys/devices/system/node/node0", to: outside.path + "/d")
        #expect(HostFacts.read(root: tree.path).numa.nodes.value?.first?.unknownCPUs?.cause == .missing)
        // An absolute link begins at the tree's root; one that climbs too high ends there.
        for target in ["/real/meminfo", up + "real/meminfo", "../proc/../real/./meminfo"] {
            try FileManager.default.removeItem(atPath: tree.path + "/proc/meminfo")
            try tree.link("proc/meminfo", to: target)
            #expect(HostFacts.read(root: tree.path).memory.total.value == ByteCount(kibibytes: 1), "\(target)")
        }
    }

    @Test func linksInCircles() throws {
        let tree = try TreeFolder()
        try tree.link("proc/meminfo", to: "meminfo")
        try tree.link("sys/kernel", to: "loop")
        try tree.link("sys/loop", to: "kernel")
        let facts = HostFacts.read(root: tree.path)
        #expect(facts.memory.total.reason?.cause == .malformed("too many symbolic links"))
        #expect(facts.memory.ksm.run.reason?.cause == .malformed("too many symbolic links"))
    }

    @Test(.timeLimit(.minutes(5))) func notFiles() throws {
        let tree = try TreeFolder()
        try tree.folder("proc/meminfo")
        try tree.folder("proc/swaps/x")
        #expect(mkfifo(tree.path + "/proc/cpuinfo", 0o600) == 0)
        try tree.folder("sys/devices/system/cpu")
        #expect(mkfifo(tree.path + "/sys/devices/system/cpu/online", 0o600) == 0)
        let facts = HostFacts.read(root: tree.path)
        let irregular = Unknown.Cause.malformed("this is not a regular file")
        #expect(facts.memory.total.reason?.cause == irregular)
        #expect(facts.memory.swap.reason?.cause == irregular)
        #expect(facts.cpu.vendor.reason?.cause == irregular)
        #expect(facts.cpu.online.reason?.cause == irregular)
    }

    @Test(.enabled(if: geteuid() != 0, "root may read everything")) func denied() throws {
        let tree = try TreeFolder(["proc/meminfo": "MemTotal: 1 kB\n", "etc/sysctl.d/90-x.conf": "vm.swappiness=1\n"])
        chmod(tree.path + "/proc/meminfo", 0)
        chmod(tree.path + "/etc/sysctl.d/90-x.conf", 0)
        let facts = HostFacts.read(root: tree.path)
        #expect(facts.memory.total.reason?.cause == .denied)
        #expect(facts.sysctl.configured.reason?.cause == .denied)
    }

    @Test func tooLarge() throws {
        let tree = try TreeFolder(["proc/meminfo": String(repeating: "x", count: 5 << 20)])
        #expect(HostFacts.read(root: tree.path).memory.total.reason?.cause == .malformed("more than 4194304 bytes"))
    }

    /// Nothing there: everything is unknown or empty for a reason, and nothing is zero.
    @Test func emptyTree() throws {
        let facts = try TreeFolder.read()
        #expect(
            facts.cpu.online.isMissing && facts.cpu.cores.isMissing && facts.cpu.caches.isMissing
                && facts.numa.nodes.isMissing)
        #expect(
            facts.memory.total.isMissing && facts.memory.swap.isMissing && facts.memory.hugePages.isMissing
                && facts.memory.ksm.run.isMissing)
        #expect(facts.storage.disks.isMissing && facts.storage.mounts.isMissing && facts.storage.multipath.isMissing)
        #expect(
            facts.services.owners.isMissing && facts.services.enabled.isMissing && facts.processes.qemu.value == nil)
        #expect(
            facts.sysctl.configured.isMissing && facts.boot.nextCommandLine.isMissing && facts.boot.tmpfiles.isMissing)
        #expect(
            facts.kernel.architecture.value == nil && facts.memory.pageSize.value == nil
                && facts.cgroups.guests.value == nil)
        #expect(
            facts.hypervisor.present.value == nil && facts.hypervisor.kvmDevice.value == nil
                && facts.libvirt.emulators.value == nil)
    }

    @Test func treeInMemory() {
        let files = [
            "proc/meminfo": "MemTotal: 4 kB\n", "sys/devices/system/node/node1/cpulist": "2-3\n",
            "etc/sysctl.d/a.conf": "vm.swappiness = 7",
        ]
        let facts = HostFacts.read(HostTree(files: files.mapValues { Array($0.utf8) }, name: "example"))
        #expect(facts.memory.total.value == ByteCount(kibibytes: 4))
        #expect(facts.numa.nodes.value?.map(\.id) == [1])
        #expect(facts.sysctl.configured.value?["vm.swappiness"]?.value == "7")
    }

    /// The machine the tests run on, whatever it is.
    @Test func liveMachine() {
        let facts = HostFacts.read(root: "/")
        #expect(facts.cpu.online.value?.isEmpty == false)
        #expect((facts.memory.total.value ?? .zero) > .zero)
        #expect(facts.kernel.architecture.value != nil)
        #expect(facts.storage.mounts.value?.isEmpty == false)
    }
}
