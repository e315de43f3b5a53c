import Foundation
import HostFacts
import Quantities
import Testing

/// What single readers make of files, each with the cases that are easily got wrong.
@Suite struct ReaderTests {
    // MARK: CPU and memory

    @Test func oldKernelHasMasks() throws {
        let cpu = "sys/devices/system/cpu"
        let facts = try TreeFolder.read([
            "\(cpu)/cpu0/topology/thread_siblings": "00000000,00000003\n",
            "\(cpu)/cpu0/topology/physical_package_id": "0\n",
            "\(cpu)/cpu1/topology/thread_siblings": "00000000,00000003\n",
            "\(cpu)/cpu1/topology/physical_package_id": "4294967295\n",
            "sys/devices/system/node/node0/cpumap": "00000003\n", "\(cpu)/cpufreq/x": "",
        ])
        #expect(facts.cpu.cores.value == 1 && facts.cpu.threads.value == 2 && facts.cpu.sockets.value == 1)
        #expect(facts.cpu.topology.value?.map(\.socket) == [0, nil])
        #expect(facts.cpu.topology.value?.map(\.node) == [0, 0])
        #expect(facts.cpu.online.isMissing)
    }

    @Test func bookNumbersSockets() throws {
        var files: [String: String] = [:]
        for cpu in 0..<4 {
            let place = "sys/devices/system/cpu/cpu\(cpu)/topology"
            files["\(place)/thread_siblings_list"] = "\(cpu)\n"
            files["\(place)/physical_package_id"] = "\(cpu % 2)\n"
            files["\(place)/book_id"] = "\(cpu / 2)\n"
        }
        #expect(try TreeFolder.read(files).cpu.sockets.value == 4)
    }

    @Test func topologyWithoutSiblings() throws {
        let cpu = "sys/devices/system/cpu/cpu0/topology"
        let facts = try TreeFolder.read(["\(cpu)/core_id": "0\n", "\(cpu)/physical_package_id": "0\n"]).cpu
        #expect(facts.sockets.value == 1)
        #expect(facts.cores.isMissing && facts.threads.isMissing)
        #expect(facts.siblings(of: 0) == nil)
    }

    @Test func poolsAreWholeOrUnknown() throws {
        let pool = "sys/kernel/mm/hugepages/hugepages-2048kB"
        let tree = try TreeFolder([
            "\(pool)/nr_hugepages": "8\n", "\(pool)/free_hugepages": "3\n", "\(pool)/surplus_hugepages": "1\n",
        ])
        #expect(HostFacts.read(root: tree.path).memory.hugePages.reason?.source == "/\(pool)/resv_hugepages")
        try tree.write("\(pool)/resv_hugepages", "2\n")
        try tree.write("\(pool)/nr_overcommit_hugepages", "many\n")
        #expect(HostFacts.read(root: tree.path).memory.hugePages.reason?.cause == .malformed("many"))
        try tree.write("\(pool)/nr_overcommit_hugepages", "0\n")
        #expect(
            HostFacts.read(root: tree.path).memory.hugePages.value
                == [HugePagePool(size: ByteCount(mebibytes: 2), total: 8, free: 3, surplus: 1, reserved: 2)])
    }

    @Test func choices() throws {
        let thp = "sys/kernel/mm/transparent_hugepage"
        let facts = try TreeFolder.read([
            "\(thp)/enabled": "always [madvise] never\n", "\(thp)/defrag": "always madvise\n",
            "sys/kernel/mm/ksm/run": "\n",
        ])
        #expect(facts.memory.thp.enabled.value == "madvise")
        #expect(facts.memory.thp.defrag.reason?.cause == .malformed("always madvise"))
        #expect(facts.memory.thp.shmemEnabled.isMissing)
        #expect(facts.memory.ksm.run.reason?.cause == .malformed("nothing"))
    }

    @Test func swaps() {
        let heading = "Filename\tType\tSize\tUsed\tPriority\n"
        #expect(HostFacts.parseSwaps(Array(heading.utf8)) == [])
        let areas = HostFacts.parseSwaps(
            Array((heading + "/dev/zram0 partition 8388604 76 100\n/my\\040swap file 4 0 -3\n").utf8))
        #expect(areas?.map(\.path) == ["/dev/zram0", "/my swap"])
        #expect(areas?.map(\.isZRAM) == [true, false])
        #expect(areas?.map(\.priority) == [100, -3])
        #expect(HostFacts.parseSwaps(Array((heading + "/dev/sda3 partition x\n").utf8)) == nil)
        #expect(HostFacts.parseSwaps([]) == nil)
    }

    // MARK: Storage

    @Test func mounts() {
        let text = """
            22 27 0:21 / /proc rw,relatime - proc proc rw
            37 18 0:22 / /mnt\\040a rw shared:1 master:2 - tmpfs  rw,size=4k
            90 27 0:50 / /img rw,relatime shared:5 - nfs4 server:/a rw,vers=4.2,hard
            """
        let mounts = HostFacts.parseMountinfo(Array(text.utf8))
        #expect(mounts?.map(\.path) == ["/proc", "/mnt a", "/img"])
        #expect(mounts?[1].source == "" && mounts?[1].type == "tmpfs" && mounts?[1].options == ["rw", "size=4k"])
        #expect(mounts?[2].option("vers") == "4.2" && mounts?[2].isNFS == true)
        #expect(HostFacts.parseMountinfo(Array("garbage\n".utf8)) == nil)
    }

    @Test func disksDownToTheBottom() throws {
        let block = "sys/block"
        let tree = try TreeFolder([
            "\(block)/sda/size": "2048\n", "\(block)/sda/queue/scheduler": "[mq-deadline] none\n",
            "\(block)/sda/sda1/partition": "1\n",
            "\(block)/sdb/size": "2048\n", "\(block)/sdb/queue/scheduler": "none\n",
            "\(block)/sdb/queue/rotational": "1\n",
            "\(block)/dm-0/size": "2048\n", "\(block)/dm-0/dm/name": "mpatha\n",
            "\(block)/dm-0/dm/uuid": "mpath-3600a\n", "\(block)/dm-0/slaves/sdb/x": "",
            "\(block)/dm-1/size": "2048\n", "\(block)/dm-1/dm/name": "system-root\n", "\(block)/dm-1/slaves/sda1/x": "",
            "\(block)/loop0/size": "0\n", "\(block)/sdc/queue/scheduler": "[broken\n",
            "proc/self/mountinfo":
                "1 0 0:1 / / rw - ext4 /dev/mapper/system-root rw\n2 1 0:2 / /img rw - xfs /dev/disk/by-id/dm-name-mpatha rw\n",
        ])
        try tree.link("dev/disk/by-id/dm-name-mpatha", to: "../../dm-0")
        try tree.link("dev/system/root", to: "../dm-1")
        let storage = HostFacts.read(root: tree.path).storage
        #expect(storage.disks.value?.map(\.name) == ["dm-0", "dm-1", "sda", "sdb", "sdc"])
        #expect(storage.disks(under: "/var/x")?.map(\.name) == ["sda"])
        #expect(storage.disks(under: "/img/a.qcow2")?.map(\.name) == ["sdb"])
        #expect(storage.disks(under: "/dev/system/root")?.map(\.name) == ["sda"])
        #expect(
            storage.multipath.value == [MultipathMap(name: "mpatha", wwid: "3600a", device: "dm-0", paths: ["sdb"])])
        #expect(
            storage.disks.value?[2].scheduler.value == "mq-deadline"
                && storage.disks.value?[2].schedulers == ["mq-deadline", "none"])
        #expect(storage.disks.value?[3].scheduler.value == "none" && storage.disks.value?[3].isRotational.value == true)
        #expect(storage.disks.value?[4].scheduler.reason?.cause == .malformed("[broken"))
        #expect(storage.disks.value?[0].scheduler.isMissing == true)
    }

    @Test func nfs() throws {
        let tree = try TreeFolder(["proc/net/rpc/nfs": "net 0 0 0 0\nrpc 10 2 11\n", "proc/fs/nfsd/threads": "64\n"])
        let storage = HostFacts.read(root: tree.path).storage
        #expect(storage.nfsClient.value == NFSClientStatistics(calls: 10, retransmissions: 2))
        #expect(storage.nfsServer.value == NFSServerStatistics(threads: 64))
        try tree.write("proc/net/rpc/nfs", "rpc many\n")
        #expect(HostFacts.read(root: tree.path).storage.nfsClient.reason?.cause == .malformed("rpc many"))
    }

    /// Of nfs.conf's files the last one counts, and sysconfig where none of them has a number.
    @Test func nfsServerThreads() throws {
        let tree = try TreeFolder([
            "etc/sysconfig/nfs": "USE_KERNEL_NFSD_NUMBER=\"32\"\n",
            "etc/nfs.conf": "# threads=1\n[nfsd]\nthreads=$USE_KERNEL_NFSD_NUMBER\n[mountd]\nthreads=3\n",
        ])
        func threads() -> ConfiguredSysctl? { HostFacts.read(root: tree.path).storage.nfsServerThreads.value }
        #expect(threads() == ConfiguredSysctl(value: "32", file: "/etc/sysconfig/nfs"))
        try tree.write("etc/nfs.conf.d/90-b.conf", "[NFSD]\n Threads = 64\n")
        try tree.write("etc/nfs.conf.d/10-a.conf", "[nfsd]\nthreads=16\n")
        #expect(threads() == ConfiguredSysctl(value: "64", file: "/etc/nfs.conf.d/90-b.conf"))
        let none = try TreeFolder(["etc/nfs.conf": "[nfsd]\n"])
        #expect(HostFacts.read(root: none.path).storage.nfsServerThreads.isMissing)
    }

    // MARK: sysctl and tmpfiles

    @Test func lastNameWins() throws {
        let tree = try TreeFolder([
            "usr/lib/sysctl.d/50-a.conf": "vm.swappiness = 60\nfs.aio-max-nr = 1048576\n",
            "etc/sysctl.d/50-a.conf": "# masks the vendor's\n",
            "run/sysctl.d/60-b.conf": "vm/swappiness=50\n",
            "etc/sysctl.d/90-c.conf": "\n\n-vm.swappiness =  10  # no comment\n",
        ])
        var configured = HostFacts.read(root: tree.path).sysctl.configured.value
        #expect(configured?["vm.swappiness"]?.value == "10 # no comment")
        #expect(
            configured?["vm.swappiness"]?.file == "/etc/sysctl.d/90-c.conf" && configured?["vm.swappiness"]?.line == 3)
        #expect(configured?["vm.swappiness"]?.overruled == ["/run/sysctl.d/60-b.conf: 50"])
        #expect(configured?["fs.aio-max-nr"] == nil)
        // Without systemd sysctl.conf comes last, with it only where a link leads to it, in the link's place.
        try tree.write("etc/sysctl.conf", "vm.swappiness = 1\n")
        configured = HostFacts.read(root: tree.path).sysctl.configured.value
        #expect(configured?["vm.swappiness"]?.value == "1")
        try tree.write("usr/lib/systemd/systemd-sysctl", "")
        #expect(HostFacts.read(root: tree.path).sysctl.configured.value?["vm.swappiness"]?.value == "10 # no comment")
        try tree.link("etc/sysctl.d/99-sysctl.conf", to: "../sysctl.conf")
        configured = HostFacts.read(root: tree.path).sysctl.configured.value
        #expect(configured?["vm.swappiness"]?.value == "1" && configured?["vm.swappiness"]?.file == "/etc/sysctl.conf")
    }

    @Test func masksAndPatterns() throws {
        let tree = try TreeFolder([
            "usr/lib/sysctl.d/50-a.conf": "vm.swappiness = 60\n",
            "etc/sysctl.d/10.conf": "vm.dirty_*ratio = 5\n-vm.dirty_ratio\n",
        ])
        try tree.link("etc/sysctl.d/50-a.conf", to: "/dev/null")
        let configured = HostFacts.read(root: tree.path).sysctl.configured.value
        #expect(configured?["vm.swappiness"] == nil)
        #expect(configured?["vm.dirty_background_ratio"]?.value == "5")
        #expect(configured?["vm.dirty_ratio"] == nil)
    }

    /// Any key may stand in a file that cannot be read.
    @Test func unreadableFragment() throws {
        let tree = try TreeFolder(["etc/sysctl.d/10.conf": "vm.swappiness = 5\n"])
        try tree.folder("etc/sysctl.d/90.conf")
        #expect(HostFacts.read(root: tree.path).sysctl.configured.reason?.source == "/etc/sysctl.d/90.conf")
    }

    @Test func tmpfiles() throws {
        let tree = try TreeFolder([
            "usr/lib/tmpfiles.d/thp.conf": "w /sys/kernel/mm/transparent_hugepage/enabled - - - - always\n",
            "etc/tmpfiles.d/thp.conf":
                "# ours\nw! /sys/kernel/mm/transparent_hugepage/enabled - - - - madvise\\n\nd /run/x 0755 root root -\n",
            "etc/tmpfiles.d/zz.conf": "w /sys/kernel/mm/transparent_hugepage/enabled - - - - never\nw /a b\n",
        ])
        let written = HostFacts.read(root: tree.path).boot.tmpfiles.value
        let enabled = written?["/sys/kernel/mm/transparent_hugepage/enabled"]
        #expect(enabled?.value == "madvise" && enabled?.file == "/etc/tmpfiles.d/thp.conf" && enabled?.line == 2)
        #expect(enabled?.overruled == ["/etc/tmpfiles.d/zz.conf: never"])
        #expect(written?.count == 1)
    }

    // MARK: Processes, cgroups, services, libvirt, network

    @Test func processes() throws {
        let tree = try TreeFolder([
            "proc/7/cmdline": "/usr/bin/qemu-system-x86_64\0-name\0guest=web,,1,debug-threads=on\0-uuid\0abc\0",
            "proc/7/comm": "renamed\n",
            "proc/7/status": "Name:\tqemu\nVmRSS:\t  2048 kB\nCpus_allowed_list:\t0-3\nMems_allowed_list:\t0-1\n",
            "proc/7/numa_maps":
                "7f00 default anon=3 N0=1 N1=2 kernelpagesize_kB=4\n7f01 default file=/x huge N1=1 kernelpagesize_kB=2048\n",
            "proc/7/task/7/comm": "qemu-system-x86\n", "proc/7/task/7/status": "Cpus_allowed_list:\t0-3\n",
            "proc/7/task/8/comm": "CPU 0/KVM\n",
            "proc/7/task/8/status": "Cpus_allowed_list:\t2\n", "proc/8/cmdline": "/usr/bin/vim\0",
            "proc/8/comm": "qemu\n", "proc/9/cmdline": "",
        ])
        let processes = HostFacts.read(root: tree.path).processes.qemu.value
        #expect(processes?.map(\.pid) == [7])
        let process = try #require(processes?.first)
        #expect(
            process.name == "web,1" && process.uuid == "abc" && process.arguments.count == 5
                && process.resident.value == ByteCount(mebibytes: 2))
        #expect(process.memoryByNode.value == [0: ByteCount(kibibytes: 4), 1: ByteCount(kibibytes: 2056)])
        #expect(process.allowedCPUs.value == [0, 1, 2, 3] && process.allowedNodes.value == [0, 1])
        #expect(process.threads.value == ["qemu-system-x86": [0, 1, 2, 3], "CPU 0/KVM": [2]])
        #expect(HostFacts.parseNUMAMaps(Array("7f00 default N0=1\n".utf8), pageSize: nil) == nil)
    }

    @Test(
        arguments: [
            ("machine-qemu\\x2d4\\x2dweb1.scope", "web1"), ("machine-qemu\\x2d12\\x2dmy\\x2dvm.scope", "my-vm"),
            ("qemu-4-web1.libvirt-qemu", "web1"),
            ("web1.libvirt-qemu", "web1"), ("machine-lxc\\x2d4\\x2dweb1.scope", nil),
            ("machine-qemu\\x2d4\\x2d\\xzz.scope", "\\xzz"), ("user.slice", nil),
        ] as [(String, String?)]) func scopes(_ scope: String, _ guest: String?)
    {
        #expect(HostFacts.parseScope(scope) == guest)
    }

    @Test func cgroups() throws {
        let root = "sys/fs/cgroup"
        let scope = "\(root)/machine.slice/machine-qemu\\x2d4\\x2dweb1.scope"
        let second = try TreeFolder([
            "\(root)/cgroup.controllers": "cpuset\n", "\(root)/machine.slice/cpuset.cpus.effective": "0-7\n",
            "\(root)/machine.slice/cpuset.mems.effective": "0-1\n",
            "\(scope)/libvirt/vcpu0/cpuset.cpus.effective": "2\n",
            "\(scope)/libvirt/vcpu0/cpuset.mems.effective": "0\n", "\(scope)/libvirt/emulator/x": "",
        ])
        var cgroups = HostFacts.read(root: second.path).cgroups
        #expect(cgroups.version.value == 2 && cgroups.machineMems.value == [0, 1])
        #expect(cgroups.guests.value?.map(\.part) == ["", "emulator", "vcpu0"])
        // A part without a cpuset of its own has that of the slice.
        #expect(cgroups.guests.value?.map(\.cpus.description) == ["0-7", "0-7", "2"])
        #expect(cgroups.guests.value?.allSatisfy { $0.guest == "web1" } == true)
        let first = try TreeFolder([
            "\(root)/cpuset/machine/qemu-1-a.libvirt-qemu/emulator/cpuset.cpus": "1\n",
            "\(root)/cpuset/machine/qemu-1-a.libvirt-qemu/emulator/cpuset.mems": "0\n",
            "\(root)/cpuset/machine/qemu-1-a.libvirt-qemu/cpuset.cpus": "0-1\n",
            "\(root)/cpuset/machine/qemu-1-a.libvirt-qemu/cpuset.mems": "x\n",
        ])
        cgroups = HostFacts.read(root: first.path).cgroups
        #expect(cgroups.version.value == 1 && cgroups.guests.reason?.cause == .malformed("x"))
        try first.write("\(root)/cpuset/machine/qemu-1-a.libvirt-qemu/cpuset.mems", "0\n")
        #expect(HostFacts.read(root: first.path).cgroups.guests.value?.map(\.guest) == ["a", "a"])
    }

    @Test func owners() throws {
        let tree = try TreeFolder([
            "etc/tuned/active_profile": "virtual-host\n",
            "usr/lib/tuned/virtual-host/tuned.conf": "[main]\ninclude=throughput\n[sysctl]\nvm.swappiness = 10 # x\n",
            "usr/lib/tuned/throughput/tuned.conf":
                "[main]\ninclude=virtual-host\n[vm]\ntransparent_hugepages=never\n[disk]\nelevator=none\n",
            "etc/tuned/throughput/tuned.conf":
                "[vm]\ntransparent_hugepages=madvise\n[disk]\nelevator=none\n[sysfs]\n/sys/kernel/mm/ksm/run=1\n",
            "etc/sysconfig/saptune": "TUNE_FOR_SOLUTIONS=\"HANA\"\nTUNE_FOR_NOTES=\"\"\nNOTE_APPLY_ORDER=\"941735\"\n",
            "usr/share/saptune/notes/941735":
                "[version]\nVERSION=1\n[sysctl]\nkernel.shmall=\n[vm]\nTHP=madvise\n[block]\nIO_SCHEDULER=none\n",
            "run/systemd/units/x": "",
        ])
        var services = HostFacts.read(root: tree.path).services
        #expect(services.owners.value == [])
        try tree.link(
            "etc/systemd/system/multi-user.target.wants/tuned.service", to: "/usr/lib/systemd/system/tuned.service")
        try tree.link("run/systemd/units/invocation:saptune.service", to: "123")
        try tree.link("etc/systemd/system/default.target", to: "/usr/lib/systemd/system/graphical.target")
        services = HostFacts.read(root: tree.path).services
        #expect(services.defaultTarget.value == "graphical.target" && services.active.value == ["saptune.service"])
        #expect(services.owners.value?.map(\.tool) == [.tuned, .saptune])
        let tuned = try #require(services.owners.value?.first)
        #expect(tuned.profile == "virtual-host")
        #expect(
            tuned.owns("vm.swappiness") && tuned.owns("/sys/kernel/mm/transparent_hugepage/enabled")
                && tuned.owns("/sys/kernel/mm/ksm/run"))
        #expect(tuned.owns("/sys/block/sda/queue/scheduler") && !tuned.owns("vm.dirty_ratio"))
        let saptune = try #require(services.owners.value?.last)
        #expect(
            saptune.profile == "HANA" && saptune.owns("kernel.shmall") && saptune.owns("/sys/block/sdb/queue/scheduler")
        )
    }

    @Test func libvirtConfiguration() {
        let text = """
            # spice_listen = "0.0.0.0"
            spice_listen = "::1"  # here
            max_queued = 0
            name = 'a # b'
            cgroup_device_acl = [
                "/dev/null", # none
                "/dev/kvm"
            ]
            after = 1
            """
        #expect(
            HostFacts.parseLibvirtConfiguration(Array(text.utf8))
                == [
                    "spice_listen": "::1", "max_queued": "0", "name": "a # b",
                    "cgroup_device_acl": "/dev/null,/dev/kvm", "after": "1",
                ])
    }

    @Test func addresses() {
        let text =
            "Main:\n  |-- 127.0.0.1\n     /32 host LOCAL\n  |-- 192.0.2.0\n     /24 link UNICAST\n  |-- 192.0.2.2\n     /32 host LOCAL\nLocal:\n |-- 192.0.2.2\n /32 host LOCAL\n"
        #expect(HostFacts.parseAddresses(Array(text.utf8)) == ["192.0.2.2"])
        #expect(HostFacts.parseAddresses([]) == [])
    }

    @Test func shell() {
        let text =
            "# x\nID=\"sles\"\nexport A='a b'; B=$A\nC=\"x ${A} \\\"q\\\" \\$A \\\ny\"\nC+=z\nif [ -f x ]; then\nD=$(uname -r)\nE=a'b'\"c\"\n"
        let variables = HostFacts.parseShellVariables(Array(text.utf8))
        #expect(variables["ID"] == "sles" && variables["B"] == "a b")
        #expect(variables["C"] == "x a b \"q\" $A yz" && variables["E"] == "abc")
    }

    @Test(
        arguments: [
            ("flags\t: fpu lm\n", "", false, "x86_64"), ("flags\t: fpu lm\n", "", true, "i686"),
            ("flags : fpu\n", "", false, "i686"),
            ("vendor_id : IBM/S390\n", "", false, "s390x"),
            ("Features : fp asimd\nCPU architecture: 8\n", "", false, "aarch64"),
            ("Processor : ARMv7\nCPU architecture: 7\n", "", false, "armv7l"),
            ("isa : rv64imafdc\n", "", false, "riscv64"),
            ("cpu : POWER9, altivec supported\n", "4.14.0-49.el7a.ppc64le", false, "ppc64le"),
            ("cpu : POWER7 (architected)\n", "", false, nil), ("", "", false, nil),
        ] as [(String, String, Bool, String?)]) func architectures(
            _ text: String, _ release: String, _ is32: Bool, _ name: String?
        )
    {
        #expect(HostFacts.parseArchitecture(Array(text.utf8), release: release, is32: is32) == name)
    }
}
