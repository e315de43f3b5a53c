import Foundation
import Testing
import ToolRunning

/// A kernel and an initial file system with QEMU's guest agent in it, which boot in seconds.
enum TinyGuest {
    /// Where they are, made by the project's own script where they are missing; `nil` where that has not what it needs.
    static let folder: String? = {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../scripts/tiny-guest")
        let process = Process()
        let output = Pipe()
        process.executableURL = script.standardizedFileURL
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return nil }
        return String(decoding: said, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }()

    /// The folder in which the daemon's QEMU finds them.
    static func kernel(on daemon: PrivateDaemon) throws -> String {
        let source = try #require(folder)
        for file in ["vmlinuz", "initrd"] where !FileManager.default.fileExists(atPath: "\(daemon.folder)/\(file)") {
            try FileManager.default.copyItem(atPath: "\(source)/\(file)", toPath: "\(daemon.folder)/\(file)")
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(daemon.folder)/\(file)")
        }
        return daemon.folder
    }

    /// Defines and starts one with so many vCPUs at most, all of them there or only some, and waits until its agent answers.
    static func start(
        _ name: String, on daemon: PrivateDaemon, vcpus: Int = 1, online: Int? = nil, extra: String = "",
        devices: String = ""
    ) async throws {
        _ = try kernel(on: daemon)
        let disk = "\(daemon.folder)/\(name).raw"
        try Data(count: 1 << 20).write(to: URL(filePath: disk))
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: disk)
        let definition = """
            <domain type='qemu'>
              <name>\(name)</name>\(extra)
              <memory unit='MiB'>256</memory>
              <vcpu current='\(online ?? vcpus)'>\(vcpus)</vcpu>
              <os>
                <type arch='x86_64' machine='q35'>hvm</type>
                <kernel>\(daemon.folder)/vmlinuz</kernel><initrd>\(daemon.folder)/initrd</initrd><cmdline>console=ttyS0 quiet</cmdline>
              </os>
              <features><acpi/></features>
              <devices>
                <disk type='file'><driver name='qemu' type='raw'/><source file='\(disk)'/><target dev='vda' bus='virtio'/></disk>
                <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
                <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>\(devices)
              </devices>
            </domain>
            """
        try await daemon.virsh("define", daemon.write(definition, as: name))
        try await daemon.virsh("start", name)
        try await waitForAgent(of: name, on: daemon)
    }

    /// Waits until its agent answers.
    static func waitForAgent(of name: String, on daemon: PrivateDaemon) async throws {
        // To ask takes as much of a processor as guests need to boot.
        for _ in 0..<360 {
            if try await daemon.virsh("dumpxml", name).contains("state='connected'") { return }
            try await Task.sleep(for: .milliseconds(500))
        }
        throw RunFailure("\(name): no agent within 3 minutes")
    }
}
