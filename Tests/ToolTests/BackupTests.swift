import Foundation
import Testing
import ToolRunning

/// What is backed up comes back: bytes, modes, holes.
@Suite struct BackupTests {
    private static let definition = """
        <domain type='kvm'><name>web1</name><memory unit='GiB'>1</memory><vcpu>1</vcpu>
        <os><type arch='x86_64' machine='q35'>hvm</type></os>
        <devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/images/web1.raw'/>
        <target dev='vda' bus='virtio'/></disk></devices></domain>

        """

    private func put(_ bytes: Data, _ path: String, mode: Int = 0o644) throws {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try bytes.write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    /// A root with a guest, its disk (a mebibyte of data in a hole of 64), and configuration.
    private func makeRoot(_ folder: String) throws -> String {
        let root = folder + "/root"
        try put(Data(Self.definition.utf8), root + "/etc/libvirt/qemu/web1.xml", mode: 0o600)
        try put(Data("vm.swappiness = 10\n".utf8), root + "/etc/sysctl.d/10-own.conf")
        try put(Data(), root + "/images/web1.raw", mode: 0o640)
        let disk = try FileHandle(forWritingTo: URL(filePath: root + "/images/web1.raw"))
        try disk.truncate(atOffset: 64 << 20)
        try disk.seek(toOffset: 8 << 20)
        try disk.write(contentsOf: Data(repeating: 0x5A, count: 1 << 20))
        try disk.close()
        return root
    }

    private func backup(_ root: String, _ folder: String, _ more: String...) async throws -> (Run, String) {
        let run = try await Nearmetal.start(["backup", "--root", root, "--to", folder + "/backups"] + more).end(
            within: 60)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/backups")) ?? []
        return (run, folder + "/backups/" + (names.first ?? ""))
    }

    @Test func definitionsConfigurationAndDisksComeBack() async throws {
        try await inTemporaryFolder { folder in
            let root = try makeRoot(folder)
            let (run, place) = try await backup(root, folder, "--disks")
            #expect(run.status == 0, "\(run.errors)")
            #expect(
                FileManager.default.contents(atPath: place + "/files/etc/libvirt/qemu/web1.xml")
                    == Data(Self.definition.utf8))
            let disk = try FileManager.default.attributesOfItem(atPath: place + "/disks/0-web1.raw")
            #expect(disk[.size] as? Int == 64 << 20)
            var status = stat()
            stat(place + "/disks/0-web1.raw", &status)
            #expect(status.st_blocks * 512 < 4 << 20, "the hole was filled")
            // Nothing has changed: nothing is to be put back.
            let first = try await Nearmetal.run("restore", place, "--dry-run")
            #expect(first.status == 0 && first.text.contains("Nothing to change"), "\(first.text)\(first.errors)")
            let original = try #require(FileManager.default.contents(atPath: root + "/images/web1.raw"))
            try put(Data("broken".utf8), root + "/etc/libvirt/qemu/web1.xml")
            try FileManager.default.removeItem(atPath: root + "/etc/sysctl.d/10-own.conf")
            try put(Data("broken".utf8), root + "/images/web1.raw")
            let restored = try await Nearmetal.run("restore", place, "--disks", "--yes")
            #expect(restored.status == 0, "\(restored.errors)")
            #expect(
                FileManager.default.contents(atPath: root + "/etc/libvirt/qemu/web1.xml") == Data(Self.definition.utf8))
            let mode = try FileManager.default.attributesOfItem(atPath: root + "/etc/libvirt/qemu/web1.xml")[
                .posixPermissions]
            #expect(mode as? Int == 0o600)
            #expect(
                FileManager.default.contents(atPath: root + "/etc/sysctl.d/10-own.conf")
                    == Data("vm.swappiness = 10\n".utf8))
            #expect(FileManager.default.contents(atPath: root + "/images/web1.raw") == original)
            // A restore is a transaction like any other.
            let back = try await Nearmetal.run("rollback", "1", "--root", root, "--yes")
            #expect(back.status == 0, "\(back.errors)")
            #expect(FileManager.default.contents(atPath: root + "/etc/libvirt/qemu/web1.xml") == Data("broken".utf8))
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root mounts"))
    func roomIsLookedForFirst() async throws {
        try await inTemporaryFolder { folder in
            let root = try makeRoot(folder)
            let small = folder + "/small"
            try FileManager.default.createDirectory(atPath: small, withIntermediateDirectories: true)
            _ = try await RunningProgram("/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]).end()
            let run = try await Nearmetal.run("backup", "--root", root, "--to", small, "--disks")
            let left = try FileManager.default.contentsOfDirectory(atPath: small)
            _ = try await RunningProgram("/bin/umount", [small]).end()
            #expect(run.status == 2)
            #expect(run.errors.contains("there is no room"), "\(run.errors)")
            #expect(left.isEmpty)
        }
    }

    @Test func anUnfinishedBackupIsNone() async throws {
        try await inTemporaryFolder { folder in
            let root = try makeRoot(folder)
            let (_, place) = try await backup(root, folder)
            try FileManager.default.removeItem(atPath: place + "/manifest.json")
            let run = try await Nearmetal.run("restore", place, "--yes")
            #expect(run.status == 2 && run.errors.contains("no backup"), "\(run.errors)")
        }
    }
}
