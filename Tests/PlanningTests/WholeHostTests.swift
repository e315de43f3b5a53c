import Advisor
import Changes
import Foundation
import Inventory
import Planning
import Survey
import Testing
import ToolRunning
import Transactions

/// Whole hosts, as trees: planned for, changed, audited again, put back.
@Suite struct WholeHostTests {
    /// How many random trees; `make test-crash` asks for more.
    private static let trees = ProcessInfo.processInfo.environment["NEARMETAL_TREES"].flatMap { Int($0) } ?? 24

    /// What all that happened to a tree came to.
    private struct Outcome {
        var steps = 0
        var findings = 0
        var left = 0
        /// Practices whose findings were mended.
        var practices: Set<String> = []
        static func += (sum: inout Outcome, one: Outcome) {
            sum.steps += one.steps
            sum.findings += one.findings
            sum.left += one.left
            sum.practices.formUnion(one.practices)
        }
    }

    /// Does something with each, on all CPUs.
    private func forEach<Item: Sendable>(
        _ items: [Item], _ body: @escaping @Sendable (Item) async throws -> Outcome
    ) async throws -> Outcome {
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            var sum = Outcome()
            for (index, item) in items.enumerated() {
                if index >= ProcessInfo.processInfo.activeProcessorCount, let one = try await group.next() {
                    sum += one
                }
                group.addTask { try await body(item) }
            }
            for try await one in group { sum += one }
            return sum
        }
    }

    private func estate(_ root: String) async throws -> Estate {
        var request = EstateSurvey.Request()
        request.hostRoot = root
        return try await EstateSurvey(request, settings: Settings()).gather().estate
    }

    private func plan(_ root: String, only practices: [String] = [], takesOver: Bool = true) async throws -> Plan {
        let estate = try await estate(root)
        var selection = Advice.Selection()
        selection.only = practices
        return await Planner(
            Advice(selection, settings: estate.settings), states: Machine(root: root), root: root, connection: nil,
            takesOver: takesOver, requested: Set(practices)
        ).plan(estate)
    }

    /// What a reason says, to be found again in an audit.
    private struct Said: Hashable, CustomStringConvertible {
        var practice: String
        var subject: String
        var what: String
        var description: String { "\(practice) on \(subject): \(what)" }
    }

    /// What a folder holds at one path.
    private struct Thing: Hashable, CustomStringConvertible {
        var mode: UInt32
        var owner: UInt32
        var group: UInt32
        /// A file's bytes, a link's target.
        var bytes: Data
        var description: String {
            "\(String(mode, radix: 8)) \(owner):\(group) \(String(decoding: bytes, as: UTF8.self))"
        }
    }

    /// Everything below a folder, by path.
    private func picture(_ root: String) throws -> [String: Thing] {
        var picture: [String: Thing] = [:]
        var folders = [""]
        while let folder = folders.popLast() {
            for name in try FileManager.default.contentsOfDirectory(atPath: root + folder) {
                let path = "\(folder)/\(name)"
                var status = stat()
                guard lstat(root + path, &status) == 0 else { continue }
                var bytes = Data()
                switch status.st_mode & S_IFMT {
                case S_IFREG: bytes = FileManager.default.contents(atPath: root + path) ?? Data()
                case S_IFLNK:
                    bytes = Data(try FileManager.default.destinationOfSymbolicLink(atPath: root + path).utf8)
                case S_IFDIR: folders.append(path)
                default: break
                }
                picture[path] = Thing(
                    mode: status.st_mode, owner: status.st_uid, group: status.st_gid, bytes: bytes)
            }
        }
        return picture
    }

    private func differences(_ before: [String: Thing], _ after: [String: Thing]) -> [String] {
        Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted().map {
            "\($0): \(before[$0]?.description ?? "-") → \(after[$0]?.description ?? "-")"
        }
    }

    /// There, and nothing left to do, and back again.
    private func thereAndBack(_ root: String, _ state: String, _ name: String, takesOver: Bool = true) async throws
        -> Outcome
    {
        let before = try picture(root)
        let first = try await plan(root, takesOver: takesOver)
        #expect(differences(before, try picture(root)) == [], "\(name): planning changed something")
        #expect(first == (try await plan(root, takesOver: takesOver)), "\(name): another plan from the same facts")
        guard !first.steps.isEmpty else { return Outcome(left: first.leftOut.count) }
        let engine = Engine(Machine(root: root), StateFolder(state), tool: "test")
        let id = try await engine.apply(first).id

        // What a step says it mends is mended, unless it says as well what a person has to do.
        let estate = try await estate(root)
        let audit = await Advice(settings: estate.settings).audit(estate)
        var found: Set<Said> = []
        for result in audit.results {
            for entry in result.findings where entry.finding.holds.contains(.nextStart) {
                found.insert(
                    Said(
                        practice: audit.practices[entry.practice].id, subject: result.subject.name,
                        what: entry.finding.what.english))
            }
        }
        // Where kernels spread pages of 1 GiB over all nodes, some nodes get more than they need.
        let isSpread = first.steps.contains { $0.reasons.contains { $0.practice == "huge-pages-1g-boot" } }
        var outcome = Outcome(steps: first.steps.count, left: first.leftOut.count)
        for step in first.steps {
            let isForPerson = step.notes.contains {
                $0.english.contains("chroot") || $0.english.contains("wins at boot: change it there")
            }
            for reason in step.reasons {
                outcome.findings += 1
                outcome.practices.insert(reason.practice)
                let said = Said(practice: reason.practice, subject: reason.subject, what: reason.what.english)
                if isSpread, said.what.contains("1 GiB are free and no guest asks") { continue }
                // Of findings in the same words one may be a person's.
                let isLeft = first.leftOut.contains { $0.practice == said.practice && $0.subject == said.subject }
                #expect(isForPerson || isLeft || !found.contains(said), "\(name): \(step.resource): \(said)")
            }
        }
        let second = try await plan(root, takesOver: takesOver)
        #expect(
            second.steps.map { "\($0.resource): \($0.before.text ?? "-") → \($0.after?.text ?? "-")" } == [], "\(name)")
        _ = try await engine.rollBack(id)
        let changed = differences(before, try picture(root))
        #expect(changed == [], "\(name)")
        return outcome
    }

    // MARK: Captured hosts

    /// Captures of real hosts have no /etc: they get one, and a few of the corpora's guests.
    @Test(.enabled(if: Corpora.folder != nil, "the corpora are not beside the checkout"))
    func capturedHosts() async throws {
        let folder = try #require(Corpora.folder) + "/hosts"
        let names = (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
            .filter { $0.hasSuffix(".tar.zst") }.sorted()
        #expect(names.count > 60)
        let guests = Corpora.documents("domains").filter { $0.path.contains("virt-manager") }
        let sum = try await forEach(Array(names.enumerated())) { number, name in
            try await inTemporaryFolder(isRoomy: true) { scratch in
                let run = try await RunningProgram(
                    "/usr/bin/env", ["tar", "--zstd", "-xf", "\(folder)/\(name)", "-C", scratch]
                ).end()
                try #require(run.status == 0, "\(run.errors)")
                let stem = (name as NSString).lastPathComponent.dropLast(".tar.zst".count)
                let root = "\(scratch)/\(stem)"
                var random = SeededGenerator(seed: UInt64(number))
                var tree = RandomTree(root)
                // Every third is audited as it was captured.
                if number % 3 != 0 {
                    try tree.addConfiguration(&random)
                    try tree.addGuests(guests, count: 2, &random)
                }
                return try await thereAndBack(root, scratch + "/state", "\(name)")
            }
        }
        print(
            "captured hosts: \(names.count), \(sum.steps) steps for \(sum.findings) findings, \(sum.left) left to a person"
        )
        #expect(sum.steps > 100)
    }

    // MARK: Random hosts

    private func withRandomTree(_ seed: UInt64, _ body: (String, String) async throws -> Outcome) async throws
        -> Outcome
    {
        try await inTemporaryFolder(isRoomy: true) { scratch in
            var random = SeededGenerator(seed: seed)
            var tree = RandomTree(scratch + "/root")
            try tree.addKernel(&random)
            try tree.addConfiguration(&random)
            try tree.addGuests(Self.definitions, count: 4, &random)
            return try await body(scratch + "/root", scratch + "/state")
        }
    }
    private static let definitions = Corpora.documents("domains")

    @Test func randomHosts() async throws {
        let sum = try await forEach(Array(1...UInt64(Self.trees))) { seed in
            try await withRandomTree(seed) { try await thereAndBack($0, $1, "seed \(seed)", takesOver: seed % 4 != 0) }
        }
        print(
            "random hosts: \(Self.trees), \(sum.steps) steps for \(sum.findings) findings of \(sum.practices.count) practices, \(sum.left) left to a person"
        )
        #expect(sum.steps > Self.trees)
        let never = Self.onFiles.subtracting(sum.practices)
        #expect(Self.trees < 200 || never.isEmpty, "never mended: \(never.sorted())")
    }

    /// Practices that change files of the host other than its drop-ins.
    private static let onFiles: Set<String> = [
        "multipath-alias", "nfs-mount", "nfs-server-threads", "ksm-scan-rate", "xen-autoballoon",
        "xen-dom0-memory", "spice-listen", "huge-pages-1g-boot",
    ]

    /// Practice by practice in several transactions, of which any may be undone first: what is left holds, and at the end every byte is back.
    @Test func transactionsOnOneHost() async throws {
        let trees = max(8, Self.trees / 3)
        let sum = try await forEach(Array(1...UInt64(trees))) { seed in
            try await withRandomTree(seed &* 7919) { root, state in
                var random = SeededGenerator(seed: seed)
                let before = try picture(root)
                let all = try await plan(root)
                let practices = Set(all.steps.flatMap { $0.reasons.map(\.practice) }).sorted().shuffled(using: &random)
                let engine = Engine(Machine(root: root), StateFolder(state), tool: "test")
                var ids: [Int64] = []
                var sum = Outcome()
                var rest = practices[...]
                while !rest.isEmpty {
                    let group = Array(rest.prefix(Int.random(in: 1...3, using: &random)))
                    rest = rest.dropFirst(group.count)
                    let plan = try await plan(root, only: group)
                    guard !plan.steps.isEmpty else { continue }
                    ids.append(try await engine.apply(plan).id)
                    sum += Outcome(steps: plan.steps.count)
                }
                for id in ids.shuffled(using: &random) {
                    _ = try await engine.rollBack(id)
                    let drift = try await engine.drift(Engine.history(StateFolder(state)))
                    let gone = drift.filter { $0.isInForce != true }.map { "\($0.transaction): \($0.resource)" }
                    #expect(gone == [], "seed \(seed), after \(id) of \(ids)")
                }
                #expect(differences(before, try picture(root)) == [], "seed \(seed): \(ids)")
                sum.left = ids.count
                return sum
            }
        }
        print("stacks: \(trees) hosts, \(sum.left) transactions with \(sum.steps) steps")
        #expect(sum.left > trees)
    }
}

/// Writes files that hosts have, in one of the many forms that they have there.
struct RandomTree {
    let root: String
    init(_ root: String) { self.root = root }

    private func put(_ text: String, _ path: String, mode: Int = 0o644) throws {
        let whole = root + path
        try FileManager.default.createDirectory(
            atPath: (whole as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        // Captures have links that lead nowhere.
        try? FileManager.default.removeItem(atPath: whole)
        try Data(text.utf8).write(to: URL(filePath: whole))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: whole)
    }

    private func link(_ path: String, to target: String) throws {
        try FileManager.default.createDirectory(
            atPath: (root + path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try? FileManager.default.removeItem(atPath: root + path)
        try FileManager.default.createSymbolicLink(atPath: root + path, withDestinationPath: target)
    }

    /// One of some, all as likely.
    private func one(_ choices: [String], _ random: inout SeededGenerator) -> String {
        choices.randomElement(using: &random) ?? ""
    }

    /// Some of some, in any order.
    private func some(_ choices: [String], _ random: inout SeededGenerator) -> [String] {
        Array(choices.shuffled(using: &random).prefix(Int.random(in: 0...choices.count, using: &random)))
    }

    // MARK: The kernel

    /// /proc and /sys of a small host.
    mutating func addKernel(_ random: inout SeededGenerator) throws {
        let sizes: [(String, Int)] = [("2048", 3), ("1048576", 1)]
        let nodes = Int.random(in: 1...2, using: &random)
        let gibibytes = 32 * nodes
        try put(
            "MemTotal: \(gibibytes << 20) kB\nMemFree: \(gibibytes << 19) kB\nMemAvailable: \(gibibytes << 19) kB\nHugepagesize: 2048 kB\n",
            "/proc/meminfo")
        try put("processor : 0\nvendor_id : GenuineIntel\nflags : pse pdpe1gb vmx constant_tsc\n\n", "/proc/cpuinfo")
        try put("root=/dev/sda2 quiet\n", "/proc/cmdline")
        for key in Self.sysctls {
            try put("\(one(key.values, &random))\n", "/proc/sys/" + key.name.replacing(".", with: "/"))
        }
        let memory = "/sys/kernel/mm"
        for (file, values) in [
            (
                "transparent_hugepage/enabled",
                ["[always] madvise never", "always [madvise] never", "always madvise [never]"]
            ),
            (
                "transparent_hugepage/defrag",
                ["[always] defer defer+madvise madvise never", "always defer defer+madvise [madvise] never"]
            ),
            ("ksm/run", ["0", "1"]), ("ksm/merge_across_nodes", ["0", "1"]), ("ksm/pages_to_scan", ["100", "9000"]),
            ("ksm/sleep_millisecs", ["20", "0"]), ("ksm/max_page_sharing", ["256"]),
        ] { try put(one(values, &random) + "\n", "\(memory)/\(file)") }
        var total: [String: Int] = [:]
        for node in 0..<nodes {
            let folder = "/sys/devices/system/node/node\(node)"
            try put("\(node * 4)-\(node * 4 + 3)\n", folder + "/cpulist")
            try put(
                "Node \(node) MemTotal: \(32 << 20) kB\nNode \(node) MemFree: \(16 << 20) kB\n", folder + "/meminfo")
            try put((0..<nodes).map { $0 == node ? "10" : "21" }.joined(separator: " ") + "\n", folder + "/distance")
            for (size, most) in sizes {
                let count = Int.random(in: 0...most, using: &random)
                total[size, default: 0] += count
                for (name, value) in [("nr", count), ("free", count), ("surplus", 0)] {
                    try put("\(value)\n", "\(folder)/hugepages/hugepages-\(size)kB/\(name)_hugepages")
                }
            }
        }
        for (size, count) in total {
            for (name, value) in [
                ("nr", count), ("free", count), ("resv", 0), ("surplus", 0), ("nr_overcommit", 0),
            ] { try put("\(value)\n", "\(memory)/hugepages/hugepages-\(size)kB/\(name)_hugepages") }
        }
        try put("0-\(nodes * 4 - 1)\n", "/sys/devices/system/cpu/online")
        try put("0-\(nodes - 1)\n", "/sys/devices/system/node/online")
        try put("1\n", "/sys/module/kvm/parameters/halt_poll_ns")
    }

    /// Keys that practices look at, and some that none does, with values people set.
    static let sysctls: [(name: String, values: [String])] = [
        ("vm.swappiness", ["60", "10", "35", "100", "0"]), ("fs.aio-max-nr", ["65536", "1048576"]),
        ("vm.dirty_ratio", ["20", "40", "10"]), ("vm.dirty_background_ratio", ["10", "5"]),
        ("kernel.numa_balancing", ["0", "1"]), ("vm.nr_hugepages", ["0", "512", "4096"]),
        ("vm.overcommit_memory", ["0", "1", "2"]), ("kernel.io_uring_disabled", ["0", "2"]),
        ("net.ipv4.ip_forward", ["0", "1"]), ("net.bridge.bridge-nf-call-iptables", ["0", "1"]),
        ("vm.max_map_count", ["65530", "262144"]), ("vm.zone_reclaim_mode", ["0", "1"]),
        ("net.core.rmem_max", ["212992", "16777216"]), ("kernel.sched_autogroup_enabled", ["0", "1"]),
    ]

    // MARK: Configuration

    /// A distribution's /etc and boot loader.
    mutating func addConfiguration(_ random: inout SeededGenerator) throws {
        let (id, like, version, loader): (String, String, String, String) =
            [
                ("sles", "suse", "15.6", "grub2"), ("opensuse-leap", "suse opensuse", "15.6", "grub2"),
                ("debian", "", "12", "update-grub"), ("ubuntu", "debian", "24.04", "update-grub"),
                ("rhel", "fedora", "9.4", "bls"), ("fedora", "", "40", "bls-env"), ("sles", "suse", "11.4", "menu.lst"),
                ("sl-micro", "suse", "6.0", "transactional"), ("gentoo", "", "", "none"),
            ].randomElement(using: &random) ?? ("debian", "", "12", "update-grub")
        try put(
            "ID=\(id)\nID_LIKE=\"\(like)\"\nVERSION_ID=\"\(version)\"\nPRETTY_NAME=\"\(id) \(version)\"\n",
            "/etc/os-release")
        try addBootLoader(loader, &random)
        try addSettings(&random)
        try addMounts(&random)
        if Bool.random(using: &random) {
            let lines = some(
                [
                    "options kvm_intel nested=\(one(["0", "1", "Y", "N"], &random))", "# options kvm ignore_msrs=1",
                    "options kvm halt_poll_ns=\(one(["0", "200000"], &random))", "blacklist nouveau",
                ], &random)
            try put(
                lines.map { $0 + "\n" }.joined(), "/etc/modprobe.d/\(one(["kvm", "50-virt", "99-local"], &random)).conf"
            )
        }
        if Bool.random(using: &random) {
            try put(
                some(
                    [
                        "#spice_listen = \"0.0.0.0\"", "vnc_listen = \"\(one(["0.0.0.0", "127.0.0.1"], &random))\"",
                        "spice_listen = \"\(one(["0.0.0.0", "127.0.0.1"], &random))\"", "user = \"qemu\"",
                        "max_files = 32768",
                    ], &random
                ).map { $0 + "\n" }.joined(), "/etc/libvirt/qemu.conf", mode: 0o600)
        }
        if Bool.random(using: &random) {
            try put(
                "# threads\n[nfsd]\n# \(one(["a", "b"], &random))\nthreads=\(one(["4", "8", "64"], &random))\n[mountd]\n",
                "/etc/nfs.conf")
        }
        try addMultipath(&random)
        if Bool.random(using: &random) { try addXen(&random) }
        if Bool.random(using: &random) {
            try put("th 8 0 0 0 0 0 0 0 0 0 0 0\nnet 100 0 100 \(one(["5", "100"], &random))\n", "/proc/net/rpc/nfsd")
            if Bool.random(using: &random) {
                try put(
                    "## Type: integer\nUSE_KERNEL_NFSD_NUMBER=\"\(one(["4", "64"], &random))\"\nMOUNTD_PORT=\"\"\n",
                    "/etc/sysconfig/nfs")
            }
        }
        if Bool.random(using: &random) {
            try put("[Service]\n", "/etc/systemd/system/multi-user.target.wants/ksmtuned.service")
        }
        if Bool.random(using: &random) {
            try put(
                "KSM_MONITOR_INTERVAL=60\n\(one(["#", ""], &random))KSM_SLEEP_MSEC=\(one(["10", "100"], &random))\nKSM_NPAGES_MAX=\(one(["1250", "300"], &random))\n",
                "/etc/ksmtuned.conf")
        }
    }

    /// LUNs that some guests name by their WWID, or by names that hosts give.
    private mutating func addMultipath(_ random: inout SeededGenerator) throws {
        for (number, wwid) in Self.wwids.enumerated() where Bool.random(using: &random) {
            let place = "/sys/block/dm-\(number)"
            try put("\(one([wwid, "mpath\(["a", "b"][number])", "lun\(number)"], &random))\n", place + "/dm/name")
            try put("mpath-\(wwid)\n", place + "/dm/uuid")
            try put("209715200\n", place + "/size")
            try put("[none] mq-deadline kyber bfq\n", place + "/queue/scheduler")
        }
        guard Bool.random(using: &random) else { return }
        let aliases = some(
            Self.wwids.map { "\tmultipath {\n\t\twwid \($0)\n\t\talias named\($0.suffix(2))\n\t}\n" }
                + ["\t# nothing\n"], &random)
        let text = some(
            [
                "# from the array's maker\n", "defaults {\n\tuser_friendly_names yes\n}\n",
                "blacklist {\n\tdevnode \"^sd[a-b]$\"\n}\n", "multipaths {\n\(aliases.joined())}\n",
            ], &random)
        try put(text.joined(separator: one(["", "\n"], &random)), "/etc/multipath.conf", mode: 0o600)
    }
    static let wwids = ["36589cfc000000537c47ad3eb2b20216e", "3600a098038303053453f463045727a2f"]

    /// Domain-0 of Xen.
    private mutating func addXen(_ random: inout SeededGenerator) throws {
        try put("control_d\n", "/proc/xen/capabilities")
        try put("xen\n", "/sys/hypervisor/type")
        try put(
            "## Global XL config file ##\n#vif.default.script=\"vif-bridge\"\n\(one(["", "#"], &random))autoballoon=\(one(["\"auto\"", "\"on\"", "1", "\"off\""], &random))\n\nlockfile = \"/run/lock/xl\"\n",
            "/etc/xen/xl.conf")
    }

    private mutating func addBootLoader(_ loader: String, _ random: inout SeededGenerator) throws {
        let words = [
            one(["quiet", "splash=silent"], &random),
            one(["", "transparent_hugepage=never", "transparent_hugepage=always"], &random),
            one(
                [
                    "", "hugepages=64", "hugepagesz=1G hugepages=2", "hugepages=2 hugepagesz=1G",
                    "default_hugepagesz=1G",
                ], &random),
            one(["", "elevator=noop", "mitigations=auto", "intel_iommu=on", "numa_balancing=disable"], &random),
            one(["", "isolcpus=2,3", "crashkernel=256M,high"], &random),
        ].filter { !$0.isEmpty }.shuffled(using: &random).joined(separator: one([" ", "  "], &random))
        let quote = one(["\"", "'"], &random)
        let grub = some(
            [
                "# edited by hand", "GRUB_TIMEOUT=8",
                "GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`",
                "GRUB_CMDLINE_LINUX=\"\(one(["", "rd.lvm=0"], &random))\"",
                "GRUB_CMDLINE_XEN_DEFAULT=\"vga=gfx-1024x768x16\"", "",
            ], &random)
        let line = "GRUB_CMDLINE_LINUX_DEFAULT=\(quote)\(words)\(quote)"
        let end = one(["\n", "\n", ""], &random)
        let whole = (grub + [line]).shuffled(using: &random).joined(separator: "\n") + end
        let entry = "menuentry 'Linux' {\n\tlinux /boot/vmlinuz root=/dev/sda2 \(words)\n\tinitrd /boot/initrd\n}\n"
        switch loader {
        case "grub2", "transactional":
            try put(whole, "/etc/default/grub")
            try put(entry, "/boot/grub2/grub.cfg", mode: 0o600)
            if loader == "transactional" { try put("#!/bin/sh\n", "/usr/sbin/transactional-update", mode: 0o755) }
        case "update-grub":
            try put(whole, "/etc/default/grub", mode: one(["0", "1"], &random) == "0" ? 0o644 : 0o600)
            try put(entry, "/boot/grub/grub.cfg")
        case "bls", "bls-env":
            let options = loader == "bls" ? "root=/dev/sda2 \(words)" : "$kernelopts"
            for (name, kernel) in [("1", "5.14.0-70"), ("2", "5.14.0-427"), ("rescue", "0-rescue")] {
                try put(
                    "title RHEL (\(kernel))\nversion \(kernel)\nlinux /vmlinuz-\(kernel)\ninitrd /initramfs-\(kernel).img\noptions \(options)\ngrub_users $grub_users\n",
                    "/boot/loader/entries/abc-\(name).conf")
            }
            var block = "# GRUB Environment Block\nsaved_entry=abc-2\n"
            if loader == "bls-env" { block += "kernelopts=root=/dev/sda2 \(words)\n" }
            // With UEFI it lies on the system partition.
            let isLinked = Bool.random(using: &random)
            try put(
                block + String(repeating: "#", count: 1024 - block.utf8.count),
                isLinked ? "/boot/efi/EFI/redhat/grubenv" : "/boot/grub2/grubenv")
            if isLinked { try link("/boot/grub2/grubenv", to: "../efi/EFI/redhat/grubenv") }
            try put("blscfg\n", "/boot/grub2/grub.cfg")
            if Bool.random(using: &random) { try put("root=/dev/sda2 \(words)\n", "/etc/kernel/cmdline") }
            try put("GRUB_ENABLE_BLSCFG=true\nGRUB_CMDLINE_LINUX=\"\(words)\"\n", "/etc/default/grub")
        case "menu.lst":
            let entries = ["SLES 11", "Failsafe -- SLES 11", "Xen -- SLES 11"].map { title in
                let kernel = "/boot/vmlinuz root=/dev/sda2 \(words)"
                return title.hasPrefix("Xen")
                    ? "title \(title)\n    root (hd0,1)\n    kernel /boot/xen.gz\n    module \(kernel)\n    module /boot/initrd-xen\n"
                    : "title \(title)\n    root (hd0,1)\n    kernel \(kernel)\n    initrd /boot/initrd\n"
            }
            try put(
                "# Modified by YaST2\ndefault 0\ntimeout 8\n\n" + entries.joined(separator: "\n"),
                "/boot/grub/menu.lst", mode: 0o600)
        default: break
        }
    }

    private mutating func addSettings(_ random: inout SeededGenerator) throws {
        for folder in ["/usr/lib/sysctl.d", "/etc/sysctl.d", "/run/sysctl.d"] {
            for file in some(["10-a", "50-default", "90-nearmetal", "99-local"], &random) {
                let lines = Self.sysctls.shuffled(using: &random).prefix(Int.random(in: 0...4, using: &random)).map {
                    "\(one(["", "-", "# "], &random))\($0.name)\(one(["=", " = ", "\t=\t"], &random))\(one($0.values, &random))"
                }
                let text = (lines + some(["", "# a comment", "; another"], &random)).shuffled(using: &random)
                try put(text.joined(separator: "\n") + one(["\n", "\n", ""], &random), "\(folder)/\(file).conf")
            }
        }
        if Bool.random(using: &random) {
            try put("vm.swappiness=\(one(["60", "1"], &random))\n", "/etc/sysctl.conf")
            if Bool.random(using: &random) { try link("/etc/sysctl.d/99-sysctl.conf", to: "../sysctl.conf") }
        }
        // Hidden, or kept elsewhere.
        switch Int.random(in: 0..<8, using: &random) {
        case 0: try link("/etc/sysctl.d/90-nearmetal.conf", to: "/dev/null")
        case 1:
            try put("kernel.numa_balancing = 1\n", "/srv/etc/sysctl")
            try link("/etc/sysctl.d/90-nearmetal.conf", to: "/srv/etc/sysctl")
        default: break
        }
        for file in some(["10-thp", "90-nearmetal", "ksm"], &random) {
            let lines = some(
                [
                    "w /sys/kernel/mm/transparent_hugepage/enabled - - - - \(one(["always", "never", "madvise"], &random))",
                    "w- /sys/kernel/mm/ksm/run - - - - \(one(["0", "1"], &random))",
                    "w /sys/kernel/mm/ksm/merge_across_nodes - - - - \(one(["0", "1"], &random))",
                    "d /run/thing 0755 root root -",
                    "w /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages - - - - \(one(["0", "64"], &random))",
                    "# w /sys/kernel/mm/ksm/run - - - - 1",
                ], &random)
            try put(lines.map { $0 + "\n" }.joined(), "/etc/tmpfiles.d/\(file).conf")
        }
    }

    private mutating func addMounts(_ random: inout SeededGenerator) throws {
        let lines = some(
            [
                "# <file system> <mount point> <type> <options> <dump> <pass>",
                "UUID=1234-5678 /boot/efi vfat umask=0077 0 1",
                "/dev/sda2 / \(one(["ext4", "xfs", "btrfs"], &random)) \(one(["defaults", "noatime", "defaults,barrier=0"], &random)) 0 1",
                "nas:/images\t\(one(["/mnt/images", "/var/lib/libvirt/images"], &random))\t\(one(["nfs", "nfs4"], &random))\t\(one(["defaults", "rw,soft", "rsize=4096,wsize=4096", "nfsvers=3,udp", "_netdev,hard"], &random))\t0 0",
                "/dev/sda3 none swap sw 0 0", "hugetlbfs /dev/hugepages1G hugetlbfs pagesize=1G 0 0",
                "/dev/sdb1 /var/lib/libvirt/images xfs \(one(["defaults", "discard", "nobarrier"], &random)) 0 2",
                "nas:/iso /mnt/my\\040iso nfs ro,vers=3 0 0",
            ], &random)
        try put(lines.joined(separator: "\n") + one(["\n", "\n\n", ""], &random), "/etc/fstab")
        let mounts = lines.filter { !$0.hasPrefix("#") && !$0.contains("swap") }
        try put(mounts.map { $0.replacing("\t", with: " ") + "\n" }.joined(), "/proc/mounts")
    }

    // MARK: Guests

    /// Definitions as libvirt keeps them.
    mutating func addGuests(_ documents: [(path: String, bytes: [UInt8])], count: Int, _ random: inout SeededGenerator)
        throws
    {
        for number in 0..<count {
            let text: String
            if let document = documents.randomElement(using: &random), Bool.random(using: &random) {
                text = String(decoding: document.bytes, as: UTF8.self)
            } else {
                text = definition("guest\(number)", &random)
            }
            try put(text, "/etc/libvirt/qemu/guest\(number).xml", mode: 0o600)
        }
    }

    private func definition(_ name: String, _ random: inout SeededGenerator) -> String {
        let backing = one(
            [
                "", "<memoryBacking><hugepages/></memoryBacking>",
                "<memoryBacking><hugepages><page size='1' unit='G'/></hugepages></memoryBacking>",
            ],
            &random)
        let tuning = one(
            [
                "", "<numatune><memory mode='strict' nodeset='0'/></numatune>",
                "<cputune><vcpupin vcpu='0' cpuset='0'/></cputune>",
            ], &random)
        let lun = one(
            [
                "/dev/mapper/\(Self.wwids[0])", "/dev/mapper/mpatha", "/dev/dm-1",
                "/dev/disk/by-id/scsi-\(Self.wwids[1])",
            ],
            &random)
        let second = one(
            ["", "<disk type='block' device='disk'><source dev='\(lun)'/><target dev='vdb' bus='virtio'/></disk>"],
            &random)
        let disk =
            "<disk type='file' device='disk'><driver name='qemu' type='\(one(["raw", "qcow2"], &random))'\(one(["", " cache='writeback'", " cache='unsafe'", " io='native'"], &random))/><source file='/var/lib/libvirt/images/\(name).img'/><target dev='\(one(["vda' bus='virtio", "hda' bus='ide", "sda' bus='scsi"], &random))'/></disk>"
        return """
            \(one(["", "<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE.\n-->\n"], &random))<domain type='\(one(["kvm", "qemu"], &random))'>
              <name>\(name)</name>
              <memory unit='GiB'>\(Int.random(in: 1...6, using: &random))</memory>
              \(backing)
              <vcpu placement='static'>\(Int.random(in: 1...8, using: &random))</vcpu>\(tuning)
              <os><type arch='x86_64' machine='\(one(["pc", "q35", "pc-i440fx-2.1"], &random))'>hvm</type></os>
              \(one(["<features><acpi/><apic/></features>", ""], &random))
              \(one(["", "<cpu mode='host-passthrough'/>", "<cpu mode='custom'><model>qemu64</model></cpu>"], &random))
              \(one(["<clock offset='utc'/>", "<clock offset='localtime'><timer name='hpet' present='yes'/></clock>", ""], &random))
              <devices>
                \(disk)\(second)
                <interface type='bridge'><source bridge='br0'/>\(one(["", "<model type='e1000'/>", "<model type='virtio'/>"], &random))</interface>
                \(one(["", "<memballoon model='none'/>", "<memballoon model='virtio'/>"], &random))
                \(one(["", "<graphics type='vnc' port='-1' listen='0.0.0.0'/>", "<graphics type='spice' autoport='yes'/>"], &random))
              </devices>
            </domain>

            """
    }
}
