import Advisor
import Changes
import DomainXML
import HostFacts
import Inventory
import Planning
import Practices
import Quantities
import Survey
import Testing
import ToolRunning

/// Huge pages are planned as one thing: definitions, pages per node, mounts, and the command line for pages of 1 GiB.
@Suite struct HugePagePlanTests {
    static let two = ByteCount(mebibytes: 2)
    static let one = ByteCount(gibibytes: 1)

    /// A host whose files and settings are these.
    struct Files: StateSource {
        var files: [String: String] = [
            "/etc/default/grub": "# mine\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n",
            "/boot/grub2/grub.cfg": "menuentry 'SLES' {\n\tlinux /vmlinuz root=/dev/sda2 quiet\n}\n",
        ]
        var settings: [String: String] = [:]
        var units: [String: String] = ["dev-hugepages.mount": "static inactive"]

        func look(at resource: Resource) async -> Fact<ResourceState> {
            switch resource.kind {
            case .file, .bootMenu: return .known(files[resource.name].map { ResourceState(text: $0) } ?? .absent)
            case .setting:
                return settings[resource.name].map { .known(ResourceState(text: $0)) }
                    ?? .unknown(Unknown(.missing, source: resource.name))
            case .unit: return .known(ResourceState(text: units[resource.name] ?? "not-found inactive"))
            default: return .unknown(Unknown(.missing, source: resource.name))
            }
        }
        func names(in folder: String) async -> Fact<[String]> { .unknown(Unknown(.missing, source: folder)) }
    }

    /// Two nodes of 32 GiB without huge pages, and no hugetlbfs.
    struct Lab {
        var host = HostFacts.example
        var states = Files()
        var guests: [Guest]
        var only: [String]

        init(_ guests: [Guest], only: [String]? = nil) {
            self.guests = guests
            self.only =
                only ?? ["huge-pages-guest", "huge-pages-reserved", "huge-pages-mounted", "huge-pages-1g-boot"]
            for node in 0..<2 { for size in [two, one] { put(0, of: size, on: node) } }
            settle()
        }

        static func path(_ size: ByteCount, _ node: Int?) -> String {
            HugePagesChange(pageKiB: size.kibibytes, node: node, from: nil, to: 0).target
        }

        mutating func put(_ count: Int, of size: ByteCount, on node: Int) {
            states.settings[Self.path(size, node)] = String(count)
        }

        private func count(_ size: ByteCount, _ node: Int) -> Int {
            states.settings[Self.path(size, node)].flatMap { Int($0) } ?? 0
        }

        /// What a kernel does when a number is written: the host's is the sum of its nodes', new pages are spread evenly.
        private mutating func write(_ value: String, to path: String) {
            let isDefault = path == "/proc/sys/vm/nr_hugepages"
            guard isDefault || HugePageFile(path)?.node == nil, let wanted = Int(value) else {
                states.settings[path] = value
                return
            }
            let size = isDefault ? two : HugePageFile(path)?.size ?? two
            for step in 0..<abs(wanted - count(size, 0) - count(size, 1)) {
                let isMore = wanted > count(size, 0) + count(size, 1)
                let node = isMore || count(size, step % 2) > 0 ? step % 2 : 1 - step % 2
                put(count(size, node) + (isMore ? 1 : -1), of: size, on: node)
            }
        }

        /// Facts follow the files.
        mutating func settle() {
            var nodes = host.numa.nodes.value ?? []
            for index in nodes.indices {
                nodes[index].hugePages = .known([two, one].map { HugePagePool(size: $0, total: count($0, index)) })
            }
            host.numa.nodes = .known(nodes)
            for size in [two, one] { states.settings[Self.path(size, nil)] = String(count(size, 0) + count(size, 1)) }
            states.settings["/proc/sys/vm/nr_hugepages"] = states.settings[Self.path(two, nil)]
            host.memory.hugePages = .known(
                [two, one].map { HugePagePool(size: $0, total: count($0, 0) + count($0, 1)) })
            var written: [String: ConfiguredSysctl] = [:]
            let kept = (states.files["/etc/tmpfiles.d/90-nearmetal.conf"] ?? "").split(separator: "\n")
            for (number, line) in kept.enumerated() {
                let words = line.split(separator: " ")
                guard words.count == 7, words[0] == "w" else { continue }
                written[String(words[1])] = ConfiguredSysctl(
                    value: String(words[6]), file: "/etc/tmpfiles.d/90-nearmetal.conf", line: number + 1)
            }
            host.boot.tmpfiles = .known(written)
            var configured: [String: ConfiguredSysctl] = [:]
            for line in (states.files["/etc/sysctl.d/90-nearmetal.conf"] ?? "").split(separator: "\n") {
                let words = line.split { $0 == " " || $0 == "=" }
                if words.count == 2 {
                    configured[String(words[0])] = ConfiguredSysctl(
                        value: String(words[1]), file: "/etc/sysctl.d/90-nearmetal.conf")
                }
            }
            host.sysctl.configured = .known(configured)
            let line = (states.files["/etc/default/grub"] ?? "").split(separator: "\"")
            host.boot.nextCommandLine = .known(KernelCommandLine("root=/dev/sda2 " + (line.count > 1 ? line[1] : "")))
            for (path, text) in states.files where path.hasSuffix(".mount") {
                let options = text.split(separator: "\n").first { $0.hasPrefix("Options=") }?.dropFirst(8) ?? ""
                let place = text.split(separator: "\n").first { $0.hasPrefix("Where=") }?.dropFirst(6) ?? ""
                mount(String(place), options.split(separator: ",").map(String.init))
            }
            if states.units["dev-hugepages.mount"]?.hasSuffix(" active") == true { mount("/dev/hugepages", []) }
        }

        private mutating func mount(_ path: String, _ options: [String]) {
            var mounts = host.storage.mounts.value ?? []
            guard !mounts.contains(where: { $0.path == path }) else { return }
            mounts.append(Mount(source: "hugetlbfs", path: path, type: "hugetlbfs", options: options))
            host.storage.mounts = .known(mounts)
        }

        var advice: Advice {
            var selection = Advice.Selection()
            selection.only = only
            return Advice(selection)
        }

        func plan() async -> Plan {
            await Planner(
                advice, states: states, root: "/", connection: "qemu:///system"
            ).plan(Estate(host: host, guests: guests))
        }

        /// Does what a plan says, in its order.
        mutating func carryOut(_ plan: Plan) throws {
            for step in plan.steps {
                switch step.resource.kind {
                case .file: states.files[step.resource.name] = step.after?.text
                case .setting: write(step.after?.text ?? "", to: step.resource.name)
                case .unit: states.units[step.resource.name] = step.after?.text
                case .domain:
                    let text = try #require(step.after?.text)
                    let index = try #require(guests.firstIndex { $0.name == step.resource.name })
                    guests[index].persistent = try DomainDefinition(xml: text)
                default: break
                }
            }
            settle()
        }

        /// Carries out a plan, and sees that nothing is left to do.
        mutating func expectDone(_ comment: String = "") async throws {
            let first = await plan()
            try carryOut(first)
            let second = await plan()
            let steps = second.steps.map { "\($0.resource): \($0.before.text ?? "") → \($0.after?.text ?? "")" }
            #expect(steps == [], "\(comment)")
            // Now nothing is wrong but what waits for the boot, and after it no guest lacks a page.
            let left = Set(second.leftOut.map(\.practice))
            #expect(await findings().filter { !left.contains($0.practice) } == [], "\(comment)")
            try reboot()
            #expect(await findings().filter { $0.severity == .error } == [], "\(comment), after a boot")
        }

        private func findings() async -> [Found] {
            let audit = await advice.audit(Estate(host: host, guests: guests))
            return audit.results.flatMap { result in
                result.findings.map {
                    Found(
                        practice: audit.practices[$0.practice].id, what: $0.finding.what.english,
                        severity: $0.finding.severity)
                }
            }
        }

        struct Found: Hashable {
            var practice: String
            var what: String
            var severity: Severity
        }

        private mutating func reboot() throws {
            let supply = try #require(HugePageSupply.nextBoot(on: host).value)
            for size in [two, one] {
                for node in 0..<2 { put(Int(supply.byNode(size)[node] ?? 0), of: size, on: node) }
            }
            settle()
        }
    }

    private static func guest(_ name: String, _ xml: String) -> Guest {
        .example("<name>\(name)</name>\(xml)", active: false) { $0.origin = .libvirt("qemu:///system") }
    }
    private static func bound(_ nodes: String) -> String {
        "<numatune><memory mode='strict' nodeset='\(nodes)'/></numatune>"
    }
    private static let huge = "<memoryBacking><hugepages/></memoryBacking>"
    private static let gigantic =
        "<memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages></memoryBacking>"

    @Test func bothSizesOnTwoNodes() async throws {
        var lab = Lab([
            Self.guest("database", "<memory unit='GiB'>8</memory>\(Self.bound("1"))"),
            Self.guest("small", "<memory unit='GiB'>2</memory>\(Self.huge)\(Self.bound("0"))"),
            Self.guest("large", "<memory unit='GiB'>6</memory>\(Self.gigantic)\(Self.bound("0-1"))"),
        ])
        let plan = await lab.plan()
        func after(_ kind: Resource.Kind, _ name: String) -> String? {
            plan.steps.first { $0.resource == Resource(kind, name) }?.after?.text
        }
        // Pages per node …
        #expect(after(.setting, Lab.path(Self.two, 0)) == "1024")
        #expect(after(.setting, Lab.path(Self.two, 1)) == "4096")
        // … which last …
        let kept = after(.file, "/etc/tmpfiles.d/90-nearmetal.conf") ?? ""
        for (node, count) in [(0, 1024), (1, 4096)] {
            #expect(kept.contains("w \(Lab.path(Self.two, node)) - - - - \(count)\n"), "\(kept)")
        }
        // … and those of 1 GiB from boot on, where they are needed: they are seldom found later.
        #expect(after(.setting, Lab.path(Self.one, 0)) == nil && !kept.contains("1048576kB"))
        #expect(after(.file, "/etc/default/grub")?.contains("hugepagesz=1G hugepages=0:3,1:3") == true)
        #expect(plan.steps.contains { $0.resource.kind == .bootMenu && $0.command.first == "grub2-mkconfig" })
        // A mount of each size.
        #expect(after(.unit, "dev-hugepages.mount") == "static active")
        #expect(after(.file, "/etc/systemd/system/dev-hugepages1G.mount")?.contains("pagesize=1G") == true)
        #expect(after(.unit, "dev-hugepages1G.mount") == "enabled active")
        // And the definition that takes them, once they are there.
        let definition = plan.steps.firstIndex { $0.resource == Resource(.domain, "database") }
        #expect(definition == plan.steps.count - 1 && after(.domain, "database")?.contains("<hugepages/>") == true)
        #expect(plan.leftOut.map(\.practice) == ["huge-pages-reserved"] && plan.settled.isEmpty)
        try await lab.expectDone()
    }

    /// A number for the host beside numbers for nodes would take back what these gave.
    @Test func boundAndUnboundGuestsTogether() async throws {
        let guests = [
            Self.guest("bound", "<memory unit='GiB'>4</memory>\(Self.huge)\(Self.bound("1"))"),
            Self.guest("free", "<memory unit='GiB'>2</memory>\(Self.huge)"),
            Self.guest("either", "<memory unit='GiB'>1</memory>\(Self.huge)\(Self.bound("0-1"))"),
        ]
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2], [1, 2], [1]] {
            var lab = Lab(order.map { guests[$0] })
            let plan = await lab.plan()
            let isHostWide = plan.steps.contains { $0.resource.name == "/proc/sys/vm/nr_hugepages" }
            #expect(isHostWide == (order == [1]))
            try await lab.expectDone("\(order)")
        }
    }

    /// Whatever is there already, nothing is left to do after it was done once, and no guest lacks a page.
    @Test func anythingIsPlannedOnce() async throws {
        for seed in UInt64(1)...60 {
            var random = SeededGenerator(seed: seed)
            let guests = (0..<Int.random(in: 1...5, using: &random)).map { number in
                let nodes = ["0", "1", "0-1", ""].randomElement(using: &random) ?? ""
                let pages = [Self.huge, Self.gigantic, ""].randomElement(using: &random) ?? ""
                return Self.guest(
                    "g\(number)",
                    "<memory unit='GiB'>\(Int.random(in: 1...5, using: &random))</memory>\(pages)"
                        + (nodes.isEmpty ? "" : Self.bound(nodes)))
            }
            var lab = Lab(guests)
            for node in 0..<2 {
                lab.put(Int.random(in: 0...3, using: &random) * 700, of: Self.two, on: node)
                lab.put(Int.random(in: 0...2, using: &random), of: Self.one, on: node)
            }
            if Bool.random(using: &random) {
                lab.states.files["/etc/default/grub"] =
                    "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet hugepages=\(Int.random(in: 0...2000, using: &random))\"\n"
            }
            if Bool.random(using: &random) {
                lab.states.files["/etc/sysctl.d/90-nearmetal.conf"] =
                    "vm.nr_hugepages = \(Int.random(in: 0...2000, using: &random))\n"
            }
            lab.settle()
            try await lab.expectDone("seed \(seed)")
        }
    }

    /// Nobody's memory is reserved away: what the host has not is left to a person, and no definition asks for it.
    @Test func moreThanTheHostHasIsNotReserved() async {
        let many = (0..<9).map { Self.guest("g\($0)", "<memory unit='GiB'>8</memory>") }
        let plan = await Lab(many).plan()
        #expect(plan.steps.isEmpty, "\(plan.steps.map(\.resource))")
        #expect(plan.leftOut.contains { $0.practice == "huge-pages-guest" })
        let tooLarge = await Lab([Self.guest("g", "<memory unit='GiB'>40</memory>\(Self.huge)\(Self.bound("0"))")])
            .plan()
        #expect(!tooLarge.steps.contains { $0.resource.kind == .setting })
        #expect(tooLarge.leftOut.contains { $0.why.english.contains("node 0") }, "\(tooLarge.leftOut)")
    }

    /// Of what one node cannot give nothing is reserved, now or by the kernel command line: a boot would find no memory left.
    @Test(arguments: [1, 4])
    func pagesThatANodeHasNot(_ guests: Int) async throws {
        let large = (0..<guests).map {
            Self.guest("large\($0)", "<memory unit='GiB'>\(40 / guests)</memory>\(Self.gigantic)\(Self.bound("1"))")
        }
        let small = Self.guest("small", "<memory unit='GiB'>2</memory>\(Self.huge)\(Self.bound("0"))")
        for all in [large, large + [small]] {
            let plan = await Lab(all).plan()
            // What mounts them holds no memory.
            let others = plan.steps.filter { !$0.resource.name.hasSuffix(".mount") }
            #expect(others.isEmpty, "\(others.map { "\($0.resource) \($0.after?.text ?? "")" })")
            for practice in ["huge-pages-reserved", "huge-pages-1g-boot"] {
                #expect(plan.leftOut.contains { $0.practice == practice && $0.why.english.contains("node 1") })
            }
        }
    }

    /// The host as a whole: guests that may be anywhere.
    @Test func pagesThatTheHostHasNot() async throws {
        let many = (0..<5).map { Self.guest("g\($0)", "<memory unit='GiB'>16</memory>\(Self.gigantic)") }
        let plan = await Lab(many).plan()
        #expect(!plan.steps.contains { !$0.resource.name.hasSuffix(".mount") })
        #expect(plan.leftOut.contains { $0.practice == "huge-pages-1g-boot" && $0.why.english.contains("to give") })
    }

    /// Pages that run now stay: only the next boot's number is written.
    @Test func whatIsThereNowIsNotTakenAway() async throws {
        var lab = Lab([Self.guest("g", "<memory unit='GiB'>2</memory>\(Self.huge)")])
        lab.put(1000, of: Self.two, on: 0)
        lab.put(1000, of: Self.two, on: 1)
        lab.settle()
        lab.only = ["huge-pages-reserved"]
        lab.guests[0].live = lab.guests[0].persistent
        let plan = await lab.plan()
        let written = plan.steps.first { $0.resource.kind == .file }?.after?.text ?? ""
        #expect(
            written.contains("vm.nr_hugepages = 1024") || written.contains("nr_hugepages - - - - "), "\(plan.steps)")
        let settings = plan.steps.filter { $0.resource.kind == .setting }
        // The spare ones are given back, and no more than those.
        #expect(settings.allSatisfy { $0.reasons.allSatisfy { $0.what.english.contains("no guest asks for them") } })
    }
}
