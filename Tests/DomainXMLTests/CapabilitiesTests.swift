import DomainXML
import Foundation
import Testing
import ToolRunning

/// `<capabilities>` and `<domainCapabilities>` documents.
@Suite struct CapabilitiesTests {
    // MARK: The corpus

    private static let files = Corpora.documents("capabilities")

    /// What a document says, found by searching its text: the corpus is written line by line, with few forms.
    private struct Search {
        let text: String

        /// The captures of each match.
        func all(_ pattern: String, in part: String? = nil) throws -> [[String]] {
            let part = part ?? text
            let expression = try NSRegularExpression(pattern: pattern, options: [.dotMatchesLineSeparators])
            return expression.matches(in: part, range: NSRange(part.startIndex..., in: part)).map { match in
                (1..<match.numberOfRanges).map { index in
                    Range(match.range(at: index), in: part).map { String(part[$0]) } ?? ""
                }
            }
        }

        func first(_ pattern: String, in part: String? = nil) throws -> String? {
            try all(pattern, in: part).first?.first
        }
    }

    @Test(.enabled(if: Corpora.folder != nil, "the corpora are not beside this checkout"))
    func theCorpusIsThere() { #expect(Self.files.count >= 60) }

    /// Architectures, domain types, emulators and machines of each host.
    @Test(
        .enabled(if: Corpora.folder != nil, "the corpora are not beside this checkout"),
        arguments: files.filter { String(decoding: $0.bytes, as: UTF8.self).contains("<capabilities") }.map(\.path))
    func hosts(_ path: String) throws {
        let bytes = try #require(Self.files.first { $0.path == path }?.bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        let search = Search(
            text: text.replacingOccurrences(of: "(?s)<!--.*?-->", with: "", options: .regularExpression)
                .replacingOccurrences(of: "\"", with: "'"))
        let capabilities = try HypervisorCapabilities(capabilities: text, path: path)

        var expected: [GuestSupport] = []
        for guest in try search.all("<guest>(.*?)</guest>") {
            let osType = try #require(try search.first("<os_type>(.*?)</os_type>", in: guest[0]))
            for arch in try search.all("<arch name='([^']*)'>(.*?)</arch>", in: guest[0]) {
                let common = try search.first("^(.*?)<domain ", in: arch[1]) ?? arch[1]
                for domain in try search.all("<domain type='([^']*)'(?:/>|>(.*?)</domain>)", in: arch[1]) {
                    var machines = try Self.machines(search, domain[1])
                    if machines.isEmpty { machines = try Self.machines(search, common) }
                    let emulator = try search.first("<emulator>(.*?)</emulator>", in: domain[1])
                    expected.append(
                        GuestSupport(
                            architecture: arch[0], type: domain[0], osType: osType,
                            emulator: try emulator ?? search.first("<emulator>(.*?)</emulator>", in: common),
                            machines: machines))
                }
            }
        }
        #expect(capabilities.guests.count == expected.count)
        for (own, other) in zip(capabilities.guests, expected) { #expect(own == other) }

        let host = try search.first("<host>.*?<cpu>(.*?)</cpu>\\s*<[^c]", in: search.text) ?? ""
        #expect(capabilities.hostModel == (try search.first("<model>(.*?)</model>", in: host)))
        #expect(capabilities.hostFeatures == Set(try search.all("<feature name='(.*?)'", in: host).map { $0[0] }))
        #expect(capabilities.microcode == (try search.first("<microcode version='(.*?)'", in: host)))
        #expect(capabilities.graphicsTypes == nil)
        #expect(capabilities.cpuModels.isEmpty)
    }

    private static func machines(_ search: Search, _ part: String) throws -> [MachineType] {
        try search.all("<machine([^>]*)>(.*?)</machine>", in: part).map { machine in
            MachineType(
                name: machine[1], canonical: try search.first("canonical='(.*?)'", in: machine[0]),
                maxCPUs: try search.first("maxCpus='(.*?)'", in: machine[0]).flatMap { Int($0) },
                isDeprecated: machine[0].contains("deprecated='yes'"))
        }
    }

    /// What one emulator with one machine can do.
    @Test(
        .enabled(if: Corpora.folder != nil, "the corpora are not beside this checkout"),
        arguments: files.filter { String(decoding: $0.bytes, as: UTF8.self).contains("<domainCapabilities") }.map(
            \.path))
    func domains(_ path: String) throws {
        let bytes = try #require(Self.files.first { $0.path == path }?.bytes)
        let search = Search(text: String(decoding: bytes, as: UTF8.self))
        let capabilities = try HypervisorCapabilities(capabilities: search.text, path: path)

        let support = try #require(capabilities.guests.first)
        #expect(capabilities.guests.count == 1)
        #expect(support.architecture == (try search.first("<arch>(.*?)</arch>")))
        #expect(support.type == (try search.first("<domain>(.*?)</domain>")))
        #expect(support.emulator == (try search.first("<path>(.*?)</path>")))
        #expect(support.machines.first?.name == (try search.first("<machine>(.*?)</machine>")))
        #expect(support.machines.first?.maxCPUs == (try search.first("<vcpu max='(.*?)'/>").flatMap { Int($0) }))

        let cpu = try search.first("<cpu>(.*)</cpu>") ?? ""
        #expect(
            capabilities.cpuModes == Set(try search.all("<mode name='([^']*)' supported='yes'", in: cpu).map { $0[0] }))
        let custom = try search.first("<mode name='custom' supported='yes'>(.*?)</mode>", in: cpu) ?? ""
        let models = try search.all("<model([^>]*)>(.*?)</model>", in: custom)
        #expect(capabilities.cpuModels.count == Set(models.map { $0[1] }).count)
        for model in models {
            #expect(capabilities.cpuModels[model[1]] == !model[0].contains("usable='no'"), "\(model[1])")
        }
        let host = try search.first("<mode name='host-model' supported='yes'>(.*?)</mode>", in: cpu) ?? ""
        #expect(capabilities.hostModel == (try search.first("<model[^>]*>(.*?)</model>", in: host)))
        #expect(
            capabilities.hostFeatures
                == Set(try search.all("<feature policy='require' name='(.*?)'/>", in: host).map { $0[0] }))

        let graphics = try search.all("<graphics supported='(.*?)'(?:/>|>(.*?)</graphics>)").first
        let types = try graphics.map { try search.all("<value>(.*?)</value>", in: $0[1]).map { $0[0] } }
        #expect(capabilities.graphicsTypes == types.map { graphics?[0] == "yes" ? Set($0) : [] })
        for name in ["iothreads", "sev", "disk", "rng", "tpm"] {
            let supported = try search.first("<\(name) supported='(.*?)'")
            #expect(capabilities.features[name] == supported.map { $0 == "yes" }, "\(name)")
        }
    }

    // MARK: By hand

    private static let host = """
        <capabilities>
          <host><cpu><arch>x86_64</arch><model>Skylake-Client</model><feature name='ds'/><feature/></cpu></host>
          <guest>
            <os_type>hvm</os_type>
            <arch name='x86_64'>
              <emulator>/usr/bin/qemu-system-x86_64</emulator>
              <machine maxCpus='255'>pc-i440fx-7.2</machine>
              <machine canonical='pc-i440fx-7.2' maxCpus='255' deprecated='yes'>pc</machine>
              <domain type='qemu'/>
              <domain type='kvm'>
                <emulator>/usr/libexec/qemu-kvm</emulator>
                <machine maxCpus='18446744073709551616'>q35</machine>
              </domain>
              <domain/>
            </arch>
            <arch><domain type='kvm'/></arch>
          </guest>
        </capabilities>
        """

    /// A domain type may have an emulator and machines of its own; what lacks its name is left out.
    @Test func ownEmulatorsAndMachines() throws {
        let capabilities = try HypervisorCapabilities(capabilities: Self.host, path: "c.xml")
        #expect(capabilities.guests.map(\.type) == ["qemu", "kvm"])
        let qemu = try #require(capabilities.support(architecture: "x86_64", type: "qemu"))
        #expect(qemu.emulator == "/usr/bin/qemu-system-x86_64")
        #expect(
            qemu.machines == [
                MachineType(name: "pc-i440fx-7.2", maxCPUs: 255),
                MachineType(name: "pc", canonical: "pc-i440fx-7.2", maxCPUs: 255, isDeprecated: true),
            ])
        let kvm = try #require(capabilities.support(architecture: nil, type: "kvm"))
        #expect(kvm.emulator == "/usr/libexec/qemu-kvm")
        // A number that no integer holds is none: never a limit of 0, never a trap.
        #expect(kvm.machines == [MachineType(name: "q35")])
        #expect(capabilities.support(architecture: "x86_64", type: "kvm", emulator: "/usr/bin/other") == nil)
        #expect(capabilities.support(architecture: "s390x", type: "kvm") == nil)
        #expect(capabilities.hostFeatures == ["ds"])
    }

    /// The second document completes the first, and takes nothing of it away.
    @Test func domainCapabilitiesAreAdded() throws {
        var capabilities = try HypervisorCapabilities(capabilities: Self.host, path: "c.xml")
        let guests = capabilities.guests
        try capabilities.add(
            domainCapabilities: """
                <domainCapabilities>
                  <path>/usr/bin/other</path><domain>kvm</domain><machine>pc-q35-9.0</machine><arch>x86_64</arch>
                  <cpu>
                    <mode name='host-passthrough' supported='yes'/>
                    <mode name='host-model' supported='yes'>
                      <model fallback='forbid'>EPYC</model>
                      <feature policy='require' name='x2apic'/><feature policy='disable' name='svm'/>
                    </mode>
                    <mode name='custom' supported='yes'>
                      <model usable='no'>Skylake</model><model usable='unknown'>EPYC</model><model>qemu64</model>
                    </mode>
                  </cpu>
                  <devices><graphics supported='no'/><tpm supported='perhaps'/></devices>
                </domainCapabilities>
                """, path: "d.xml")
        #expect(capabilities.guests == guests)
        #expect(capabilities.hostModel == "EPYC")
        #expect(capabilities.hostFeatures == ["x2apic"])
        #expect(capabilities.cpuModels == ["Skylake": false, "EPYC": true, "qemu64": true])
        #expect(capabilities.cpuModes == ["host-passthrough", "host-model", "custom"])
        #expect(capabilities.graphicsTypes == [])
        #expect(capabilities.features == ["graphics": false, "tpm": false])
    }

    @Test func versionsAreThreeNumbers() {
        #expect(SoftwareVersion(encoded: 8_002_010) == SoftwareVersion(8, 2, 10))
        #expect(SoftwareVersion(encoded: .max).micro == Int(UInt.max % 1_000))
        #expect(SoftwareVersion(9) > SoftwareVersion(8, 99, 99))
    }

    // MARK: Hostile

    private func error(_ text: String) -> XMLError? {
        do throws(XMLError) {
            _ = try HypervisorCapabilities(capabilities: text, path: "c.xml")
            return nil
        } catch {
            return error
        }
    }

    @Test func otherDocumentsAreRefused() throws {
        #expect(
            error("<domain/>")?.description
                == "c.xml: the root element is <domain>; <capabilities> or <domainCapabilities> is expected. virsh capabilities prints the first, virsh domcapabilities the second"
        )
        #expect(error("")?.kind == .malformed)
        #expect(error("<capabilities>")?.kind == .malformed)
        #expect(
            error("<!DOCTYPE c [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><capabilities>&x;</capabilities>")?.kind
                == .refused)
        #expect(error(String(repeating: "<capabilities>", count: 300))?.kind == .refused)
        var capabilities = HypervisorCapabilities()
        do throws(XMLError) {
            try capabilities.add(domainCapabilities: "<capabilities/>", path: "d.xml")
            Issue.record("host capabilities were taken for those of a domain")
        } catch {
            #expect(error.kind == .unexpected)
        }
        #expect(capabilities == HypervisorCapabilities())
    }

    /// Nothing is known of a host whose document says nothing.
    @Test func emptyDocumentsSayNothing() throws {
        for text in ["<capabilities/>", "<domainCapabilities/>", "<capabilities><host/><guest/></capabilities>"] {
            #expect(try HypervisorCapabilities(capabilities: text, path: "c") == HypervisorCapabilities())
        }
        let unsupported =
            "<domainCapabilities><cpu><mode name='custom' supported='no'><model>x</model></mode></cpu></domainCapabilities>"
        #expect(try HypervisorCapabilities(capabilities: unsupported, path: "c") == HypervisorCapabilities())
    }

    /// A hundred thousand machines, and as many models, take no more than their bytes.
    @Test func largeDocumentsEndSoon() throws {
        let machines = (0..<90_000).map { "<machine>m\($0)</machine>" }.joined()
        let models = (0..<90_000).map { "<model usable='no'>m\($0 / 2)</model>" }.joined()
        let time = try ContinuousClock().measure {
            let one = try HypervisorCapabilities(
                capabilities:
                    "<capabilities><guest><arch name='a'>\(machines)<domain type='kvm'/></arch></guest></capabilities>",
                path: "c")
            #expect(one.guests.first?.machines.count == 90_000)
            let two = try HypervisorCapabilities(
                capabilities:
                    "<domainCapabilities><cpu><mode name='custom' supported='yes'>\(models)</mode></cpu></domainCapabilities>",
                path: "c")
            #expect(two.cpuModels.count == 45_000)
        }
        #expect(time < .seconds(10))
    }

    /// Documents cut short or changed are read or refused, never more.
    @Test func damagedDocuments() throws {
        var random = SeededGenerator(named: "CapabilitiesTests.damagedDocuments")
        let source = Array(Self.host.utf8)
        for length in 0..<source.count {
            let kind = error(String(decoding: source[..<length], as: UTF8.self))?.kind
            #expect(kind == .malformed, "\(length) bytes: \(String(describing: kind))")
        }
        var read = 0
        for _ in 0..<1_000 {
            var bytes = source
            let position = Int.random(in: 0..<bytes.count, using: &random)
            bytes[position] = UInt8.random(in: 32...126, using: &random)
            if let capabilities = try? HypervisorCapabilities(
                capabilities: String(decoding: bytes, as: UTF8.self), path: "c")
            {
                read += 1
                #expect(capabilities.guests.count <= 3)
            }
        }
        #expect(read > 0)
    }
}
