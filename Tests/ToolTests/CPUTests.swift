import Foundation
#if canImport(FoundationXML)
    import FoundationXML
#endif
import Testing
import ToolRunning

private let hasQEMUDriver = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64"].contains {
    FileManager.default.fileExists(atPath: "\($0)/libvirt/connection-driver/libvirt_driver_qemu.so")
}

/// CPUs of many hosts, against what libvirt itself answered.
@Suite(.enabled(if: hasQEMUDriver, "libvirt's QEMU driver is not installed"))
struct CPUTests {
    private static let corpus = Corpora.folder.map { URL(filePath: "\($0)/cpu") }

    private struct Case: Decodable {
        var arch: String
        var cpus: Files?
        var host: String?
        var cpu: String?
        var flags: [String]?
        var fails: Bool?
        var expected: String?
        var answeredBy: String?
        enum Files: Decodable {
            case one(String), many([String])
            init(from decoder: any Decoder) throws {
                let value = try decoder.singleValueContainer()
                if let name = try? value.decode(String.self) {
                    self = .one(name)
                } else {
                    self = .many(try value.decode([String].self))
                }
            }
            var names: [String] {
                switch self {
                case .one(let name): [name]
                case .many(let names): names
                }
            }
        }
    }

    private static func cases(_ kind: String) throws -> [(folder: URL, case: Case)] {
        let folder = try #require(corpus).appending(path: kind)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().compactMap { name in
            let file = folder.appending(path: name).appending(path: "case.json")
            guard let data = try? Data(contentsOf: file) else { return nil }
            return (folder.appending(path: name), try JSONDecoder().decode(Case.self, from: data))
        }
    }

    private struct CPU: Equatable {
        var model: String?
        var vendor: String?
        var features: Set<String>
        init(_ text: String) throws {
            let document = try XMLDocument(xmlString: text)
            let root = try #require(document.rootElement())
            model = root.elements(forName: "model").first?.stringValue
            vendor = root.elements(forName: "vendor").first?.stringValue
            features = Set(
                root.elements(forName: "feature").map {
                    "\($0.attribute(forName: "policy")?.stringValue ?? "") \($0.attribute(forName: "name")?.stringValue ?? "")"
                })
        }
    }

    @Test(.enabled(if: Corpora.folder != nil, "the corpora are not here"), .timeLimit(.minutes(5)))
    func baselinesAreLibvirts() async throws {
        var checked = 0
        for (folder, entry) in try Self.cases("baseline") {
            let files = (entry.cpus?.names ?? []).map { folder.appending(path: $0).path }
            let flags = entry.flags ?? []
            let run = try await Nearmetal.start(
                ["guest", "cpu", "baseline"] + files + (flags.contains("expand-features") ? ["--features"] : [])
                    + (flags.contains("migratable") ? ["--migratable"] : [])
            ).end(within: 60)
            guard entry.fails != true else {
                #expect(run.status == 1, "\(folder.lastPathComponent): \(run.text) \(run.errors)")
                continue
            }
            #expect(run.status == 0, "\(folder.lastPathComponent): \(run.errors)")
            guard run.status == 0 else { continue }
            let expected = try CPU(
                String(contentsOf: folder.appending(path: try #require(entry.expected)), encoding: .utf8))
            let got = try CPU(run.text)
            #expect(got.model == expected.model && got.vendor == expected.vendor, "\(folder.lastPathComponent)")
            // libvirt's unit tests ask its CPU code; its QEMU driver leaves out what QEMU cannot pass on (osxsave and the like).
            if entry.answeredBy?.hasPrefix("virsh") == true {
                #expect(got.features == expected.features, "\(folder.lastPathComponent)")
                checked += 1
            }
        }
        #expect(checked > 20)
    }

    /// Models of POWER are compared by name only.
    @Test(.enabled(if: Corpora.folder != nil, "the corpora are not here"), .timeLimit(.minutes(5)))
    func comparisonsAreLibvirts() async throws {
        struct Answer: Decodable {
            struct Host: Decodable { var verdict: String }
            var hosts: [Host]
        }
        for (folder, entry) in try Self.cases("compare") where entry.arch == "x86_64" {
            let run = try await Nearmetal.start([
                "guest", "cpu", "compare", folder.appending(path: try #require(entry.cpu)).path,
                folder.appending(path: try #require(entry.host)).path, "--format", "json",
            ]).end(within: 60)
            let verdict = try? JSONDecoder().decode(Answer.self, from: Data(run.text.utf8)).hosts.first?.verdict
            #expect(verdict ?? "error" == entry.expected, "\(folder.lastPathComponent): \(run.errors)")
            #expect(run.status == (entry.expected == "incompatible" ? 1 : entry.expected == "error" ? 2 : 0))
        }
    }

    @Test func manyHostsInOneFile() async throws {
        func capabilities(_ model: String, _ features: String...) -> String {
            """
            <?xml version='1.0'?>
            <capabilities><host><uuid>0</uuid><cpu><arch>x86_64</arch><model>\(model)</model><vendor>Intel</vendor>
            \(features.map { "<feature name='\($0)'/>" }.joined())</cpu>
            <topology><cells num='1'><cell id='0'><cpus num='1'><cpu id='0' socket_id='0' core_id='0'/></cpus></cell></cells></topology>
            </host></capabilities>

            """
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "cpus-\(UUID().uuidString).xml")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data((capabilities("Haswell", "vmx") + capabilities("SandyBridge", "vmx", "pcid")).utf8).write(to: file)
        let run = try await Nearmetal.start(["guest", "cpu", "baseline", file.path]).end(within: 60)
        #expect(run.status == 0, "\(run.errors)")
        let cpu = try CPU(run.text)
        #expect(cpu.model == "SandyBridge" && cpu.features.contains("require vmx"), "\(run.text)")
        let guest = FileManager.default.temporaryDirectory.appending(path: "guest-\(UUID().uuidString).xml")
        defer { try? FileManager.default.removeItem(at: guest) }
        try Data("<domain type='kvm'><name>g</name><cpu match='exact'><model>Haswell</model></cpu></domain>".utf8)
            .write(to: guest)
        let compared = try await Nearmetal.start(["guest", "cpu", "compare", guest.path, file.path]).end(within: 60)
        #expect(
            compared.status == 1 && compared.text.contains("(1): superset")
                && compared.text.contains("(2): incompatible"), "\(compared.text)")
        #expect(compared.text.contains("avx2"), "\(compared.text)")
        // Nothing is left behind.
        let left = try FileManager.default.contentsOfDirectory(atPath: "/tmp").filter {
            $0.hasPrefix("nearmetal-") && $0.count == 16
        }
        #expect(!left.contains { FileManager.default.fileExists(atPath: "/tmp/\($0)/etc/libvirt") })
    }

    @Test func wrongInputIsOneLine() async throws {
        for (text, what) in [
            ("", "there is no CPU in it"), ("not XML", "there is no CPU in it"), ("<cpu><model>", "cpus-"),
            ("<!DOCTYPE x [<!ENTITY a 'aaaa'>]><cpu/>", "cpus-"), ("<capabilities/>", "there is no CPU in it"),
            ("<cpu><arch>x86_64</arch><model>Imaginary</model></cpu>", "Imaginary"),
            (
                "<cpu><arch>x86_64</arch><model>Haswell</model></cpu><cpu><arch>ppc64</arch><model>POWER8</model></cpu>",
                "CPU"
            ),
        ] {
            let file = FileManager.default.temporaryDirectory.appending(path: "cpus-\(UUID().uuidString).xml")
            defer { try? FileManager.default.removeItem(at: file) }
            try Data(text.utf8).write(to: file)
            let run = try await Nearmetal.start(["guest", "cpu", "baseline", file.path]).end(within: 60)
            #expect(run.status == 1 || run.status == 2, "\(text): \(run.text)")
            #expect(
                run.text.isEmpty && run.errors.contains(what) && run.errors.split(separator: "\n").count == 1,
                "\(text): \(run.errors)")
        }
    }
}
