import Inventory
import JSONText
import Quantities
import Synchronization
import Testing

@testable import Libvirt
@testable import Survey

/// What is made of an agent's answers.
///
/// The agent here plays its part by a script; `RealAgentTests` has a real one.
@Suite struct AgentTests {
    /// An agent with some files, one program, and whatever else a test wants of it.
    final class ScriptedAgent: AgentChannel {
        let files: [String: String]
        let mayRunPrograms: Bool
        let override: @Sendable (String) -> String?
        private let open = Mutex<[String]>([])

        init(
            files: [String: String], mayRunPrograms: Bool = true,
            override: @escaping @Sendable (String) -> String? = { _ in nil }
        ) {
            self.files = files
            self.mayRunPrograms = mayRunPrograms
            self.override = override
        }

        func answer(to command: String) async throws(LibvirtError) -> String {
            if let answer = override(command) { return answer }
            func value() -> JSONValue? { try? JSONValue(command) }
            guard let request = value() else { throw refusal("Invalid JSON syntax") }
            let arguments = request["arguments"]
            switch request["execute"]?.text {
            case "guest-get-osinfo": return #"{"return":{"kernel-release":"6.4.0-150600.23.25-default","id":"sles"}}"#
            case "guest-file-open":
                guard let path = arguments?["path"]?.text, files[path] != nil else {
                    throw refusal("No such file or directory")
                }
                return open.withLock { open in
                    open.append(path)
                    return "{\"return\":\(open.count)}"
                }
            case "guest-file-read":
                let path = open.withLock { $0[Int(arguments?["handle"]?.integer ?? 1) - 1] }
                let text = files[path] ?? ""
                return "{\"return\":{\"count\":\(text.utf8.count),\"buf-b64\":\"\(Self.base64(text))\",\"eof\":true}}"
            case "guest-file-close": return #"{"return":{}}"#
            case "guest-exec":
                guard mayRunPrograms else { throw refusal("Command guest-exec has been disabled") }
                return #"{"return":{"pid":7}}"#
            case "guest-exec-status":
                let text = Self.base64(
                    "sshd.service loaded active running OpenSSH\nhaveged.service loaded active running rng\n")
                return "{\"return\":{\"exited\":true,\"exitcode\":0,\"out-data\":\"\(text)\"}}"
            default: throw refusal("The command was not found")
            }
        }

        private func refusal(_ words: String) -> LibvirtError {
            LibvirtError(
                .failed, "virDomainQemuAgentCommand", "internal error: unable to execute QEMU agent command: \(words)")
        }

        static func base64(_ text: String) -> String {
            let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
            let bytes = Array(text.utf8)
            var out: [UInt8] = []
            for start in stride(from: 0, to: bytes.count, by: 3) {
                let group = bytes[start..<min(start + 3, bytes.count)]
                let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
                for index in 0..<4 {
                    out.append(
                        index <= group.count ? digits[Int(bits >> UInt32(18 - 6 * index)) & 63] : UInt8(ascii: "="))
                }
            }
            return String(decoding: out, as: UTF8.self)
        }
    }

    static let files = [
        "/proc/partitions":
            "major minor  #blocks  name\n\n 254        0   10485760 vda\n 254        1   10484736 vda1\n   8        0   100 sda\n",
        "/sys/block/vda/queue/scheduler": "[none] mq-deadline kyber\n",
        "/sys/block/sda/queue/scheduler": "none [mq-deadline]\n",
        "/sys/bus/virtio/devices/virtio0/uevent": "DRIVER=virtio_blk\nMODALIAS=virtio:d00000002v00001AF4\n",
        "/sys/bus/virtio/devices/virtio2/uevent": "MODALIAS=virtio:d00000005v00001AF4\n",
        "/sys/class/misc/hw_random/rng_current": "virtio_rng.0\n",
        "/sys/class/misc/hw_random/rng_available": "virtio_rng.0 tpm-rng-0 \n",
    ]

    @Test func readsTheInside() async throws {
        let facts = try #require(await GuestInside.read(through: ScriptedAgent(files: Self.files)).value)
        #expect(facts.schedulers == .known(["vda": "none", "sda": "mq-deadline"]))
        #expect(facts.virtioDrivers == .known(["virtio0": "virtio_blk", "virtio2": ""]))
        #expect(facts.rngCurrent == .known("virtio_rng.0"))
        #expect(facts.rngAvailable == .known(["virtio_rng.0", "tpm-rng-0"]))
        #expect(facts.kernelRelease == .known("6.4.0-150600.23.25-default"))
        #expect(facts.services == .known(["sshd.service", "haveged.service"]))
    }

    /// Answers as QEMU's agent gives them on Windows.
    @Test func readsTheInsideOfWindows() async throws {
        let answers = [
            "guest-get-osinfo":
                #"{"return":{"name":"Microsoft Windows","kernel-release":"17763","version":"Microsoft Windows Server 2019","pretty-name":"Windows Server 2019 Datacenter","variant":"server","version-id":"2019","variant-id":"server","machine":"x86_64","id":"mswindows"}}"#,
            "guest-info":
                #"{"return":{"version":"107.0.1","supported_commands":[{"enabled":true,"name":"guest-exec","success-response":true}]}}"#,
            "guest-get-devices":
                #"{"return":[{"driver-date":1651017600000000000,"driver-name":"Red Hat VirtIO SCSI controller","driver-version":"100.91.104.21500","id":{"type":"pci","vendor-id":6900,"device-id":4161}},{"driver-name":"Intel(R) 82801","id":{"type":"pci","vendor-id":32902,"device-id":10562}},{"driver-name":"x"},17]}"#,
            "guest-get-disks":
                #"{"return":[{"name":"\\\\.\\PhysicalDrive1","partition":false,"address":{"serial":"nearmetal-virtio    ","bus-type":"scsi"}}]}"#,
            "guest-exec": #"{"return":{"pid":7}}"#,
            "guest-exec-status":
                "{\"return\":{\"exited\":true,\"exitcode\":0,\"out-data\":\"\(ScriptedAgent.base64("\r\nSERVICE_NAME: WSearch\r\nDISPLAY_NAME: Windows Search\r\n        STATE: 4  RUNNING\r\n\r\nSERVICE_NAME: QEMU-GA\r\n"))\"}}",
        ]
        let agent = ScriptedAgent(files: [:]) { command in
            answers.first { command.contains("\"execute\":\"\($0.key)\"") }?.value
        }
        let facts = try #require(await GuestInside.read(through: agent).value)
        #expect(facts.system == .known("Windows Server 2019 Datacenter") && facts.agentVersion == .known("107.0.1"))
        #expect(facts.kernelRelease == .known("17763"))
        #expect(facts.virtioDrivers == .known(["1af4:1041": "Red Hat VirtIO SCSI controller 100.91.104.21500"]))
        #expect(facts.services == .known(["WSearch", "QEMU-GA"]))
        #expect(facts.diskSerials == .known(["nearmetal-virtio"]))
        #expect(facts.schedulers.isMissing && facts.rngCurrent.isMissing)
    }

    @Test func whatIsRefusedIsUnknown() async throws {
        let facts = try #require(
            await GuestInside.read(through: ScriptedAgent(files: [:], mayRunPrograms: false)).value)
        #expect(facts.services.reason?.cause != nil)
        #expect(facts.schedulers.isMissing && facts.rngCurrent.isMissing)
        #expect(facts.kernelRelease.value != nil)
    }

    /// An agent that hangs is asked once.
    @Test func anAgentThatHangsIsLeftAlone() async {
        struct Hanging: AgentChannel {
            let count = Counter()
            func answer(to command: String) async throws(LibvirtError) -> String {
                count.number.withLock { $0 += 1 }
                throw LibvirtError(.timedOut, "virDomainQemuAgentCommand", "Guest agent is not responding")
            }
        }
        let agent = Hanging()
        let facts = await GuestInside.read(through: agent)
        #expect(facts.reason?.cause == .failed("Guest agent is not responding"))
        #expect(agent.count.number.withLock { $0 } == 1)
    }

    final class Counter: Sendable { let number = Mutex(0) }

    @Test(arguments: [
        "", "{}", "null", "[]", "{\"return\":", #"{"return":{"kernel-release":7}}"#, #"{"return":"x"}"#,
        #"{"return":{"pid":-1,"exited":true}}"#,
        #"{"return":3}"#, #"{"return":{"buf-b64":"!!!!"}}"#, #"{"error":{"class":"GenericError"}}"#,
    ]) func hostileAnswersAreUnknown(_ answer: String) async {
        let facts = await GuestInside.read(through: ScriptedAgent(files: [:], override: { _ in answer }))
        guard let inside = facts.value else { return }
        #expect(inside.kernelRelease.value == nil && inside.schedulers.value == nil && inside.services.value == nil)
    }

    /// Names of disks come from the guest: none may lead elsewhere, and their number is bounded.
    @Test func namesOfDisksAreLookedAt() async throws {
        var lines = "major minor  #blocks  name\n\n"
        for name in ["../../etc/shadow", "vd\"a", "VDA", String(repeating: "v", count: 100)] {
            lines += " 1 0 1 \(name)\n"
        }
        for number in 0..<2000 { lines += " 1 0 1 x\(number)y\n" }
        let asked = Counter()
        let agent = ScriptedAgent(files: ["/proc/partitions": lines]) { command in
            #expect(!command.contains("shadow") && !command.contains("VDA"))
            asked.number.withLock { $0 += 1 }
            return nil
        }
        let facts = try #require(await GuestInside.read(through: agent).value)
        #expect(facts.schedulers == .known([:]))
        #expect(asked.number.withLock { $0 } < 100)
    }
}
