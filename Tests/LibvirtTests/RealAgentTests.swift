import Foundation
import Inventory
import Quantities
import Survey
import Testing
import ToolRunning

/// A guest with a kernel and an agent inside, asked by `--inside`.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .enabled(if: TinyGuest.folder != nil, "no tiny guest: neither built before, nor its recipe beside this checkout"),
    .privateDaemon)
struct RealAgentTests {
    private let daemon: PrivateDaemon

    init() throws { daemon = try #require(PrivateDaemon.current) }

    @Test(.timeLimit(.minutes(3))) func tellsOfTheInside() async throws {
        let source = try #require(TinyGuest.folder)
        for file in ["vmlinuz", "initrd"] {
            try FileManager.default.copyItem(atPath: "\(source)/\(file)", toPath: "\(daemon.folder)/\(file)")
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(daemon.folder)/\(file)")
        }
        try Data(count: 1 << 20).write(to: URL(filePath: "\(daemon.folder)/disk.raw"))
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: "\(daemon.folder)/disk.raw")
        let definition = """
            <domain type='qemu'>
              <name>agent</name>
              <memory unit='MiB'>256</memory>
              <vcpu>1</vcpu>
              <os>
                <type arch='x86_64' machine='q35'>hvm</type>
                <kernel>\(daemon.folder)/vmlinuz</kernel><initrd>\(daemon.folder)/initrd</initrd><cmdline>console=ttyS0 quiet</cmdline>
              </os>
              <features><acpi/></features>
              <devices>
                <disk type='file'><driver name='qemu' type='raw'/><source file='\(daemon.folder)/disk.raw'/><target dev='vda' bus='virtio'/></disk>
                <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
                <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
              </devices>
            </domain>
            """
        try await daemon.virsh("create", daemon.write(definition, as: "agent"))
        for _ in 0..<600 {
            if try await daemon.virsh("dumpxml", "agent").contains("state='connected'") { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        var request = EstateSurvey.Request()
        request.connect = daemon.uri
        request.asksAgents = true
        let answer = try await EstateSurvey(request, settings: Settings()).gather()
        let guest = try #require(answer.estate.guests.first { $0.name == "agent" })
        let inside = try #require(guest.inside.value, "\(String(describing: guest.inside.reason))")
        #expect(inside.kernelRelease.value?.contains("amd64") == true)
        #expect(inside.schedulers.value?["vda"] != nil)
        #expect(inside.virtioDrivers.value?.values.contains("virtio_blk") == true)
        #expect(inside.rngAvailable.value?.contains { $0.hasPrefix("virtio_rng") } == true)

        let run = try await Nearmetal.run(
            "check", "--connect", daemon.uri, "--inside", "--only", "guest-io-scheduler", "--fail-on", "never",
            "--verbose")
        #expect(run.status == 0, "\(run.errors)")
        #expect(!run.text.contains("not examined"), "\(run.text)")
        try await daemon.virsh("destroy", "agent")
    }
}

/// A kernel and an initial file system with QEMU's guest agent in it, which boot in seconds.
enum TinyGuest {
    /// Where they are; built once where the recipe stands beside this checkout.
    ///
    /// `nil` where there are none.
    static let folder: String? = {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["LAB_CACHE"] ?? "\(environment["HOME"] ?? "/root")/.cache/nearmetal-lab"
        let built = "\(cache)/guest"
        func isBuilt() -> Bool {
            ["vmlinuz", "initrd"].allSatisfy { FileManager.default.isReadableFile(atPath: "\(built)/\($0)") }
        }
        if isBuilt() { return built }
        guard getuid() == 0, let recipe = Corpora.shared.map({ "\($0)/lab/guest-build" }),
            FileManager.default.isExecutableFile(atPath: recipe)
        else { return nil }
        let process = Process()
        process.executableURL = URL(filePath: recipe)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        process.waitUntilExit()
        return isBuilt() ? built : nil
    }()
}
