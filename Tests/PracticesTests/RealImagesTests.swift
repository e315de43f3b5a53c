import DiskImage
import DomainXML
import Foundation
import Inventory
import Practices
import Quantities
import Testing
import ToolRunning

/// Practices on images over images that real tools made.
@Suite(.enabled(if: Corpora.folder != nil, "the corpora are not beside this checkout"))
struct RealImagesTests {
    /// Unpacks a case and reads what a guest with it as its disk would have.
    private func estate(
        _ kind: String, _ name: String, declared: String? = nil, more: String = "", checks: Bool = false
    ) throws -> Estate {
        let corpus = try #require(Corpora.folder) + "/images/\(kind)/\(name)"
        let data = try #require(FileManager.default.contents(atPath: corpus + ".json"))
        let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let image = try #require(json["image"] as? String)
        let format = declared ?? (json["format"] as? String ?? "qcow2")
        let folder = NSTemporaryDirectory() + "nearmetal-practices-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["tar", "--zstd", "-xSf", corpus + ".tar.zst", "-C", folder]
        try tar.run()
        tar.waitUntilExit()
        let guest = Guest.example(
            "<devices><disk type='file' device='disk'><driver name='qemu' type='\(format)'\(more)/><source file='\(folder)/\(image)'/><target dev='vda' bus='virtio'/></disk></devices>",
            active: false)
        let set = ImageSet.read(
            [ImageSet.Root(path: "\(folder)/\(image)", format: format)], gate: .folders([folder]), checks: checks)
        #expect(!set.images.isEmpty)
        return Estate(
            host: .example, guests: [guest], images: set.images, hasImages: true, capabilities: .known(.example))
    }

    /// Findings of the image practices, `id severity`, over all images and the guest.
    private func findings(_ estate: Estate) throws -> Set<String> {
        var found = Set<String>()
        for (practice, about) in Practices.all where about.id.hasPrefix("image-") {
            var judgements: [Judgement] = []
            if let practice = practice as? any ImagePractice {
                judgements += estate.images.values.compactMap(\.value).map { practice.judge($0, in: estate) }
            }
            if let practice = practice as? any GuestPractice, let guest = estate.guests.first,
                let domain = guest.definition
            {
                judgements.append(practice.verdict(about, on: domain, of: guest, in: estate))
            }
            if let practice = practice as? any HostPractice {
                judgements.append(practice.judge(estate.host, in: estate))
            }
            for finding in judgements.flatMap(\.findings) { found.insert("\(about.id) \(finding.severity)") }
        }
        // What the file system of the machine that runs the tests is like is not the case's.
        return found.filter { !$0.hasPrefix("image-space") && !$0.hasPrefix("image-nocow") }
    }

    @Test(
        arguments: [
            ("chain-base-raw", []), ("chain-depth-3", []), ("chain-depth-5", []), ("chain-spaces", []),
            ("chain-data-file", []), ("chain-extl2", []),
            ("chain-depth-9", ["image-chain warning"]),
            ("chain-loop-3", ["image-chain error"]), ("chain-missing-absolute", []),
            ("chain-unknown-format", ["image-chain error"]),
            ("chain-wrong-format-qcow2", ["image-chain error"]), ("chain-wrong-format-vmdk", ["image-chain error"]),
            ("chain-no-format-raw", ["image-declared-format error"]),
            ("chain-no-format-qcow2", ["image-declared-format error"]),
            ("chain-base-vdi", ["image-format warning"]), ("chain-base-qed", ["image-format warning"]),
            ("chain-https", []),
        ] as [(String, [String])]) func chains(_ name: String, _ expected: [String]) throws
    {
        #expect(try findings(estate("chains", name)) == Set(expected), "\(name)")
    }

    @Test(
        arguments: [
            ("raw-guest-wrote-qcow2-header", ["image-declared-format error"]),
            ("raw-guest-wrote-qed-header", ["image-declared-format error"]),
            ("raw-mbr-extended", []), ("raw-ext2", []),
        ] as [(String, [String])]) func raw(_ name: String, _ expected: [String]) throws
    {
        #expect(try findings(estate("raw", name)) == Set(expected), "\(name)")
    }

    @Test func oddities() throws {
        #expect(try findings(estate("qcow2-encrypted", "qcow2-aes-v2")) == ["image-encryption error"])
        #expect(try findings(estate("qcow2-encrypted", "qcow2-luks-4k-cluster")).isEmpty)
        #expect(try findings(estate("qcow2-broken", "broken-incompatible-bit-1")) == ["image-health error"])
        #expect(try findings(estate("qcow2-broken", "broken-l1-size-small")).isSubset(of: ["image-health error"]))
        #expect(try findings(estate("qcow2-broken", "broken-cluster-bits-63")) == ["image-health error"])
        #expect(try findings(estate("qcow2-broken", "fuzz-001")).isEmpty)
        #expect(
            try findings(estate("qcow2-broken", "fuzz-001", checks: true)) == [
                "image-health warning"
            ])
        #expect(try findings(estate("qcow2-broken", "broken-l2-duplicate-v3", checks: true)) == ["image-health error"])
        #expect(try findings(estate("qcow2", "qcow2-v3-cluster-64k", checks: true)).isEmpty)
        #expect(try findings(estate("qcow2", "qcow2-v3-huge-1T")) == ["image-l2-cache warning"])
        #expect(try findings(estate("qcow2", "qcow2-lazy-cluster-64k")) == ["image-lazy-refcounts advice"])
        #expect(try findings(estate("qcow2", "qcow2-lazy-cluster-64k", more: " cache='writethrough'")).isEmpty)
        #expect(try findings(estate("vmdk", "vmdk-monolithicSparse")) == ["image-format warning"])
        #expect(try findings(estate("qed", "qed-need-check")) == ["image-format warning", "image-health warning"])
    }
}
