import Foundation
import Testing
import ToolRunning

/// Devices that are given to guests and taken out of them.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .privateDaemon)
struct GuestDeviceTests {
    private let daemon: PrivateDaemon
    private let state: String

    init() throws {
        daemon = try #require(PrivateDaemon.current)
        state = "\(daemon.folder)/\(UUID().uuidString)"
    }

    private func guest(_ words: String...) async throws -> Run {
        try await Nearmetal.start(["guest"] + words + ["--connect", daemon.uri, "--state-dir", state, "--yes"])
            .end(within: 120)
    }

    private func rollBack(_ transaction: Int) async throws -> Run {
        try await Nearmetal.start(["rollback", "\(transaction)", "--yes", "--state-dir", state]).end(within: 120)
    }

    /// Ports into which devices may be plugged.
    private static let ports =
        "<controller type='pci' index='0' model='pcie-root'/>"
        + (1...10).map { "<controller type='pci' index='\($0)' model='pcie-root-port'/>" }.joined()

    @Test(
        .enabled(if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"), .timeLimit(.minutes(8)))
    func devicesComeAndGo() async throws {
        let extra = """
            <maxMemory slots='2' unit='MiB'>1024</maxMemory>
            <cpu><numa><cell id='0' cpus='0' memory='262144' unit='KiB'/></numa></cpu>
            """
        try await TinyGuest.start("hot", on: daemon, extra: extra, devices: Self.ports)
        func inside(_ command: String, awaiting: String = "") async throws -> String {
            try await daemon.inside("hot", command, awaiting: awaiting)
        }
        func definition() async throws -> String { try await daemon.virsh("dumpxml", "--inactive", "hot") }
        let was = try await definition()

        let image = "\(daemon.folder)/hot-data.raw"
        try Data(count: 64 << 20).write(to: URL(filePath: image))
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: image)
        let disk = try await guest("add", "disk", "hot", "\(image),serial=made")
        #expect(disk.status == 0, "\(disk.errors)")
        #expect(try await inside("cat /sys/block/vdb/size /sys/block/vdb/serial", awaiting: "made") == "131072\nmade")
        #expect(try await definition().contains(image))
        // A folder by 9p, at the next start.
        let folder = "\(daemon.folder)/shared"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("from the host\n".utf8).write(to: URL(filePath: "\(folder)/word"))
        let share = try await guest("add", "share", "hot", folder, "files", "--driver", "9p")
        #expect(share.status == 0, "\(share.errors)")
        #expect(share.text.contains("libvirt plugs no 9p share"), "\(share.text)")
        #expect(share.text.contains("version=9p2000.L,msize=524288"))
        // Memory in a slot.
        let before = try #require(Int(try await inside("awk '/MemTotal/ { print $2 }' /proc/meminfo")))
        let memory = try await guest("add", "memory", "hot", "128MiB")
        #expect(memory.status == 0, "\(memory.errors)")
        let grown =
            "for i in 1 2 3 4 5 6 7 8 9; do echo online > /sys/devices/system/memory/auto_online_blocks; "
            + "for m in /sys/devices/system/memory/memory*/state; do grep -q online $m || echo online > $m; done; sleep 1; done 2> /dev/null; "
            + "awk '/MemTotal/ { print $2 }' /proc/meminfo"
        #expect(try #require(Int(try await inside(grown))) >= before + 120_000)
        // What cannot be had now holds at its next start, and is said.
        let watchdog = try await guest("add", "watchdog", "hot")
        #expect(watchdog.status == 0, "\(watchdog.errors)")
        #expect(watchdog.text.contains("old PCI bus"), "\(watchdog.text)")
        #expect(try await guest("add", "watchdog", "hot", "--live").status == 2)
        // Taken out, and put back by a rollback.
        let rng = try await guest("remove", "rng", "hot")
        #expect(rng.status == 0, "\(rng.errors)")
        #expect(try await !inside("cat /sys/class/misc/hw_random/rng_current").contains("virtio"))
        #expect(try await !definition().contains("<rng"))
        #expect(try await rollBack(5).status == 0)
        let source = try await inside("cat /sys/class/misc/hw_random/rng_current", awaiting: "virtio_rng")
        #expect(source.contains("virtio_rng"))
        let gone = try await guest("remove", "disk", "hot", "vdb", "--live")
        #expect(gone.status == 0, "\(gone.errors)")
        #expect(try await inside("ls /sys/block").contains("vdb") == false)
        #expect(try await rollBack(6).status == 0)
        #expect(try await inside("cat /sys/block/vdb/serial", awaiting: "made") == "made")

        // The next start has it all.
        #expect(
            try await Nearmetal.start(["guest", "restart", "hot", "--connect", daemon.uri]).end(within: 120).status == 0
        )
        try await TinyGuest.waitForAgent(of: "hot", on: daemon)
        let mount =
            "modprobe 9pnet_virtio; mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 files /mnt/share && cat /mnt/share/word"
        #expect(try await inside(mount) == "from the host")
        for number in [4, 3, 2, 1] {
            let back = try await rollBack(number)
            #expect(back.status == 0, "\(number): \(back.errors)")
        }
        #expect(Self.meaning(try await definition()) == Self.meaning(was))
        #expect(FileManager.default.fileExists(atPath: image), "an image that may hold data stays")
    }

    /// The order of devices is libvirt's.
    private static func meaning(_ definition: String) -> [String] {
        definition.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.sorted()
    }

    @Test(.timeLimit(.minutes(5))) func wrongWordsChangeNothing() async throws {
        let image = "\(daemon.folder)/other.raw"
        try Data(count: 1 << 20).write(to: URL(filePath: image))
        func definition(_ name: String, _ devices: String) -> String {
            """
            <domain type='qemu'>
              <name>\(name)</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
              <os><type arch='x86_64' machine='q35'>hvm</type></os>
              <devices>\(devices)</devices>
            </domain>
            """
        }
        let nic = "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"
        let disk =
            "<disk type='file'><driver name='qemu' type='raw'/><source file='\(image)'/><target dev='vda' bus='virtio'/></disk>"
        try await daemon.virsh("define", daemon.write(definition("calm", nic), as: "calm"))
        try await daemon.virsh("define", daemon.write(definition("owner", disk), as: "owner"))
        let was = try await daemon.virsh("dumpxml", "calm")
        let long = String(repeating: "x", count: 10_000)
        let broken = "\(daemon.folder)/broken.qcow2"
        try Data(count: 512).write(to: URL(filePath: broken))
        let wrong: [(words: [String], what: String, status: Int32)] = [
            (["add", "disk", "nobody", image], "there is no guest \"nobody\"", 2),
            (["add", "disk", "calm", "/no/such/image.qcow2"], "does not exist. To have it made, give its size", 2),
            (
                ["add", "disk", "calm", "/no/such/folder/image.qcow2,size=1G"],
                "/no/such/folder/image.qcow2: No such file", 2
            ),
            (["add", "disk", "calm", image], "is disk vda of guest owner: two that write to it would destroy it", 2),
            (["add", "disk", "calm", broken], "is named as qcow2, and is not", 2),
            (["add", "disk", "calm", "image.raw"], "is not absolute", 64),
            (["add", "disk", "calm", "\(image),cache=fast"], "cache=fast: one of none,", 64),
            (["add", "disk", "calm", "\(image),size=0"], "is no size", 64),
            (["add", "disk", "calm", "\(image),colour=red"], "there is no \"colour\"", 64),
            (["add", "disk", "calm", "/dev/null"], "/dev/null", 2),
            (["add", "nic", "calm"], "Give --network or --bridge", 64),
            (["add", "nic", "calm", "--network", "default", "--mac", "53:54:00:00:00:01"], "the first even", 64),
            (
                ["add", "nic", "calm", "--network", "default", "--mac", "52:54:00:00:00:01"],
                "calm has an interface with the address", 2
            ),
            (["add", "nic", "calm", "--network", "default", "--queues", "3"], "3 queues for 2 vCPUs", 2),
            (["add", "nic", "calm", "--bridge", "a'/><x\n"], "There can be no bridge", 64),
            (["add", "share", "calm", "/no/such/folder", "tag"], "there is no such folder", 2),
            (["add", "share", "calm", "/tmp", long], "1 to 36 are allowed", 2),
            (["add", "memory", "calm", "100MiB"], "no whole number of blocks of 128 MiB", 2),
            (["add", "memory", "calm", "128MiB"], "has no room for memory", 2),
            (["add", "memory", "calm", "lots"], "is no size", 64),
            (["add", "lun", "calm", image], "is no block device", 2),
            (["add", "lun", "calm", "/dev/mapper/nothing"], "there is no such device", 2),
            (["add", "hostdev", "calm", "zz:00.0"], "is no address", 64),
            (["add", "hostdev", "calm", "ffff:ff:1f.7"], "this host has no PCI device", 2),
            (["add", "rng", "calm", "--source", "/etc/passwd"], "is no device", 2),
            (["add", "watchdog", "calm", "--action", "bite"], "bite", 64),
            (["remove", "disk", "calm", "vdz"], "guest calm has no disk \"vdz\"", 2),
            (["remove", "disk", "calm"], "Say which disk", 64),
            (["remove", "nic", "calm", "52:54:00:00:00:02"], "It has 52:54:00:00:00:01", 2),
            (["remove", "nic", "calm\n\u{1B}[2J'", "52:54:00:00:00:01"], "there is no guest", 2),
            (["remove", "agent", "calm"], "guest calm has no agent", 2),
        ]
        for (words, what, status) in wrong {
            let run = try await Nearmetal.start(
                ["guest"] + words + ["--connect", daemon.uri, "--state-dir", state, "--yes"]
            ).end(within: 60)
            #expect(
                run.status == status && run.errors.contains(what), "\(words.prefix(4)): \(run.status) \(run.errors)")
            if status == 2 { #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)") }
        }
        #expect(try await daemon.virsh("dumpxml", "calm") == was)
    }

    private static let blockDevices = (0..<8).map { "/dev/loop\($0)" }.filter { path in
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFBLK
    }

    /// A controller has seven units; the eighth LUN gets another.
    @Test(
        .enabled(if: GuestDeviceTests.blockDevices.count == 8, "there are not eight block devices here"),
        .timeLimit(.minutes(5)))
    func lunsFillControllers() async throws {
        let definition = """
            <domain type='qemu'><name>node1</name><memory unit='MiB'>64</memory>
            <os><type arch='x86_64' machine='q35'>hvm</type></os></domain>
            """
        try await daemon.virsh("define", daemon.write(definition, as: "node1"))
        let was = try await daemon.virsh("dumpxml", "node1")
        for device in Self.blockDevices {
            let run = try await guest("add", "lun", "node1", device, "--shareable")
            #expect(run.status == 0, "\(device): \(run.errors)")
        }
        let now = try await daemon.virsh("dumpxml", "node1")
        #expect(now.components(separatedBy: "device='lun'").count == 9)
        #expect(now.components(separatedBy: "<reservations managed='yes'").count == 9)
        #expect(now.components(separatedBy: "model='virtio-scsi'").count == 3)
        #expect(now.contains("controller='0' bus='0' target='0' unit='6'") && !now.contains("unit='7'"))
        #expect(now.contains("controller='1' bus='0' target='0' unit='0'"))
        let again = try await guest("add", "lun", "node1", Self.blockDevices[0])
        #expect(again.status == 2 && again.errors.contains("has /dev/loop0 already, as sda"), "\(again.errors)")
        for number in (1...8).reversed() { #expect(try await rollBack(number).status == 0) }
        #expect(Self.meaning(try await daemon.virsh("dumpxml", "node1")) == Self.meaning(was))
    }

    /// qemu-img's own judgement of images made for guests.
    @Test(.timeLimit(.minutes(5))) func imagesThatAreMadeAreSound() async throws {
        try await daemon.virsh(
            "define",
            daemon.write(
                "<domain type='qemu'><name>sized</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os></domain>",
                as: "sized"))
        for (size, bytes) in [("1G", 1 << 30), ("512", 512 << 30), ("3T", 3 << 40), ("16T", 16 << 40)] {
            let path = "\(daemon.folder)/sized-\(size).qcow2"
            let run = try await guest("add", "disk", "sized", "\(path),size=\(size)")
            #expect(run.status == 0, "\(run.errors)")
            let check = Process()
            check.executableURL = URL(filePath: "/usr/bin/qemu-img")
            check.arguments = ["check", "-q", path]
            try check.run()
            check.waitUntilExit()
            #expect(check.terminationStatus == 0)
            let header = try FileHandle(forReadingFrom: URL(filePath: path)).read(upToCount: 32) ?? Data()
            #expect(header[24..<32].reduce(0) { $0 << 8 | Int($1) } == bytes)
        }
    }
}

extension PrivateDaemon {
    /// What a shell inside a guest prints, once that has a text in it: a guest finds what was plugged in its own time.
    func inside(_ name: String, _ command: String, awaiting text: String) async throws -> String {
        for _ in 0..<60 {
            let said = try await inside(name, command)
            if text.isEmpty || said.contains(text) { return said }
            try await Task.sleep(for: .milliseconds(500))
        }
        return try await inside(name, command)
    }

    /// What a shell inside a guest prints, asked through its agent.
    func inside(_ name: String, _ command: String) async throws -> String {
        struct Started: Decodable {
            struct Process: Decodable { var pid: Int }
            var `return`: Process
        }
        struct Ended: Decodable {
            struct Status: Decodable {
                var exited: Bool
                var out: String?
                enum CodingKeys: String, CodingKey {
                    case exited
                    case out = "out-data"
                }
            }
            var `return`: Status
        }
        func ask(_ question: [String: Any]) async throws -> Data {
            let text = String(decoding: try JSONSerialization.data(withJSONObject: question), as: UTF8.self)
            return Data(try await virsh("qemu-agent-command", name, text).utf8)
        }
        let start = try await ask([
            "execute": "guest-exec",
            "arguments": ["path": "/bin/sh", "arg": ["-c", command], "capture-output": true],
        ])
        let process = try JSONDecoder().decode(Started.self, from: start).return.pid
        for _ in 0..<300 {
            let answer = try await ask(["execute": "guest-exec-status", "arguments": ["pid": process]])
            let status = try JSONDecoder().decode(Ended.self, from: answer).return
            if status.exited {
                let bytes = Data(base64Encoded: status.out ?? "") ?? Data()
                return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw RunFailure("\(name): \(command) does not end")
    }
}
