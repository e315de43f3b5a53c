import Advisor
import Foundation
import Inventory
import Practices
import Quantities
import Survey
import Testing
import ToolRunning

/// What an audit says of real guests and hosts that nobody here wrote, against files that a person has read.
///
/// `RECORD=1 swift test --filter CorpusReportTests` writes them anew.
@Suite(.enabled(if: Corpora.folder != nil, "the corpora are not beside this checkout"))
struct CorpusReportTests {
    /// A guest each of the people and programs that make guests, of several architectures and hypervisors.
    @Test(arguments: [
        "insights/xml_numa", "insights/xml_rhosp", "vdsm/testComplexVm", "vdsm/vm_hibernated_390",
        "vdsm/hostedengine_lease",
        "vagrant-libvirt/templates-domain_all_settings", "vagrant-libvirt/templates-domain_defaults",
        "virt-v2v/test-i-ova",
        "virt-manager/convert-to-q35-win10-in", "virt-manager/virt-install-amd-sev",
        "virt-manager/virt-install-aarch64-machvirt",
        "virt-manager/virt-install-many-devices", "libvirt-qemu/hugepages-numa-nodeset-part",
        "libvirt-qemu/memory-hotplug-dimm-addr",
        "libvirt-qemu/vhost-user-fs-fd-memory", "libvirt-lxc/lxc-idmap", "libvirt-bhyve/bhyvexml2argv-acpiapic",
    ]) func guest(_ name: String) async throws {
        let path = try #require(Corpora.folder) + "/domains/\(name).xml"
        try #require(FileManager.default.fileExists(atPath: path), "\(path)")
        var request = EstateSurvey.Request()
        request.xml = [path]
        try await compare(request, name)
    }

    /// Hosts as they were captured, with what of them was.
    @Test(arguments: [
        "hwloc/hwloc-16amd64-8n2c", "util-linux/util-linux-lscpu-x86_64-epyc_7451", "prometheus/prometheus-procfs",
    ])
    func host(_ name: String) async throws {
        let archive = try #require(Corpora.folder) + "/hosts/\(name).tar.zst"
        let place = FileManager.default.temporaryDirectory.appending(path: "nearmetal-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        let tar = Process()
        tar.executableURL = URL(filePath: "/usr/bin/env")
        tar.arguments = ["tar", "--zstd", "-xf", archive, "-C", place]
        try tar.run()
        tar.waitUntilExit()
        try #require(tar.terminationStatus == 0)
        var request = EstateSurvey.Request()
        request.hostRoot = try "\(place)/\(#require(FileManager.default.contentsOfDirectory(atPath: place).first))"
        try await compare(request, name)
    }

    private func compare(_ request: EstateSurvey.Request, _ name: String) async throws {
        let estate = try await EstateSurvey(request, settings: Settings()).gather().estate
        let text = Self.text(await Advice().audit(estate))
        let file = GoldenTests.folder.appending(path: "corpora/\(name.replacing("/", with: "--")).text")
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
            Issue.record("recorded \(name): read it, then run without RECORD")
            return
        }
        #expect(text == (try String(contentsOf: file, encoding: .utf8)), "\(name)")
    }

    /// A line for each thing found, and for each that is not known.
    private static func text(_ audit: Audit) -> String {
        var lines: [String] = []
        for result in audit.results {
            lines.append("\(result.subject.kind.rawValue) \(result.subject.name.split(separator: " (").first ?? "")")
            for entry in result.findings {
                let finding = entry.finding
                lines.append(
                    "  \(finding.severity.rawValue) \(audit.practices[entry.practice].id)\(finding.part.map { " \($0)" } ?? ""): \(finding.what.english)"
                )
            }
            for remark in result.unknowns {
                lines.append("  unknown \(audit.practices[remark.practice].id): \(remark.reason.why.english)")
            }
            lines.append("  passed: \(result.passes.map { audit.practices[$0].id }.joined(separator: " "))")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
