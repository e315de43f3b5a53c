import ArgumentParser
import Changes
import FileWriting
import Glibc
import Inventory
import Libvirt
import Planning
import Quantities
import Reports
import Survey
import Transactions

/// `nearmetal guest create`.
struct GuestCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a guest in which no practice finds anything to better.",
        discussion: """
            Options are virt-install's, and so are the forms of --disk and --network. Chosen for the workload and this host: machine type, CPU, buses,
            cache and I/O modes, I/O threads, random numbers, balloon, the agent's channel, ports for devices to come, placement. What a practice still
            finds is told. --dry-run prints the definition and makes nothing.

            Examples:
              nearmetal guest create db1 --workload database --memory 8GiB --vcpus 4 --disk /var/lib/libvirt/images/db1.qcow2,size=40G --cdrom /srv/sles.iso
              nearmetal guest create web1 --memory 2GiB --vcpus 2 --disk /var/lib/libvirt/images/web1.qcow2 --import --network bridge=br0 --start
            """)

    @Argument(help: ArgumentHelp("Its name.", valueName: "name"))
    var name: String

    @Option(help: ArgumentHelp("Memory, with its unit: 4GiB.", valueName: "size"))
    var memory: String

    @Option(help: ArgumentHelp("vCPUs, and how many it may grow to: 2 or 2,maxvcpus=8.", valueName: "count"))
    var vcpus = "1"

    @Option(
        help: ArgumentHelp(
            "general, database, latency, compute, storage, web, homogeneous or single-threaded.", valueName: "workload")
    )
    var workload: Workload = .general

    @Option(help: ArgumentHelp("A disk; may be given again.", valueName: DiskOption.form), completion: .file())
    var disk: [DiskOption] = []

    @Option(
        help: ArgumentHelp(
            "network=NAME, bridge=NAME or none; may be given again. Default: none.", valueName: "network"))
    var network: [String] = []

    @Option(help: ArgumentHelp("Install from a CD image.", valueName: "path"), completion: .file(extensions: ["iso"]))
    var cdrom: String?

    @Flag(name: .customLong("import"), help: "Its first disk has a system.")
    var isImported = false

    @Option(help: ArgumentHelp("Start with this kernel.", valueName: "path"), completion: .file())
    var kernel: String?

    @Option(help: ArgumentHelp("And this initial file system.", valueName: "path"), completion: .file())
    var initrd: String?

    @Option(help: ArgumentHelp("And these kernel arguments.", valueName: "text"))
    var extraArgs: String?

    @Option(help: ArgumentHelp("linux or windows.", valueName: "system"))
    var os: NewGuest.OperatingSystem = .linux

    @Option(help: ArgumentHelp("kvm or qemu. Default: kvm where there is any.", valueName: "type"))
    var virtType: String?

    @Option(help: ArgumentHelp("Machine type. Default: the newest.", valueName: "type"))
    var machine: String?

    @Flag(help: "UEFI firmware.")
    var uefi = false

    @Option(help: ArgumentHelp("vnc or none. Default: vnc for an installation and for Windows.", valueName: "kind"))
    var graphics: String?

    @Flag(help: "Start it once it is defined.")
    var start = false

    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Flag(help: "Print the definition and make nothing.")
    var dryRun = false

    @Flag(name: [.short, .long], help: "Do not ask.")
    var yes = false

    @Option(
        help: ArgumentHelp("Folder of journal and history. Default: /var/lib/nearmetal.", valueName: "dir"),
        completion: .directory)
    var stateDir: String?

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func validate() throws {
        // What works in every shell, file name and log.
        let isName =
            (1...64).contains(name.utf8.count) && name.first != "." && name.first != "-"
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || "._-+".utf8.contains($0)
            }
        guard isName else {
            throw ValidationError("\"\(name.prefix(64))\" is no good name: 1 to 64 letters, digits, and . _ - + are")
        }
        _ = try Size.required(memory)
        _ = try counts()
        for disk in disk { try disk.validate() }
        for text in network where text != "none" { _ = try Self.source(text) }
        let starts = [cdrom != nil, isImported, kernel != nil].count { $0 }
        guard starts == 1 else { throw ValidationError("Say what it boots from: --cdrom, --import or --kernel") }
        if isImported, disk.isEmpty { throw ValidationError("--import needs a --disk") }
        if kernel == nil, initrd != nil || extraArgs != nil {
            throw ValidationError("--initrd and --extra-args go with --kernel")
        }
        if let graphics, graphics != "vnc", graphics != "none" { throw ValidationError("--graphics: vnc or none") }
        if let virtType, !["kvm", "qemu"].contains(virtType) { throw ValidationError("--virt-type: kvm or qemu") }
    }

    private func counts() throws -> (now: Int, most: Int?) {
        let parts = vcpus.split(separator: ",", maxSplits: 1)
        let most = parts.count == 2 && parts[1].hasPrefix("maxvcpus=") ? Int(parts[1].dropFirst(9)) : nil
        guard let first = parts.first, let now = Int(first), parts.count == 1 || most != nil, (most ?? now) < 1 << 20
        else {
            throw ValidationError("--vcpus \"\(vcpus.prefix(64))\": write 2, or 2,maxvcpus=8")
        }
        return (now, most)
    }

    private static func source(_ text: String) throws -> (AddNIC.Source, String) {
        let parts = text.split(separator: ",")
        var source: AddNIC.Source?
        var mac = GuestAddNIC.randomAddress()
        for (index, part) in parts.enumerated() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map(String.init)
            switch (pair.first, pair.count == 2 ? pair[1] : nil) {
            case ("network", let name?): source = .network(name)
            case ("bridge", let name?): source = .bridge(name)
            case ("mac", let address?) where GuestAddNIC.isAddress(address): mac = address
            // virt-install's own short form.
            case (let name?, nil) where index == 0: source = .network(name)
            default:
                throw ValidationError(
                    "--network \"\(text.prefix(64))\": write network=NAME or bridge=NAME, and ,mac=ADDRESS")
            }
        }
        switch source {
        case .bridge(let name)? where !GuestAddNIC.isName(name, ofBridge: true),
            .network(let name)? where !GuestAddNIC.isName(name, ofBridge: false):
            throw ValidationError("--network: there can be no bridge or network \"\(name.prefix(32))\"")
        default: break
        }
        guard let source else { throw ValidationError("--network \"\(text.prefix(64))\" names none") }
        return (source, mac)
    }

    private func wanted() throws -> NewGuest {
        let counts = try counts()
        var new = NewGuest(name: name, memory: try Size.required(memory), vcpus: counts.now, workload: workload)
        new.maximumVCPUs = counts.most
        new.disks = try disk.map { NewGuest.Disk(try $0.image(), at: $0.path, $0.wish) }
        new.networks = try network.filter { $0 != "none" }.map { try Self.source($0) }
        for path in [cdrom, kernel, initrd].compactMap({ $0 }) {
            var status = stat()
            guard path.hasPrefix("/"), stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
                throw Failure("\(path.prefix(200)): there is no such file. Give its whole path")
            }
        }
        if let cdrom { new.start = .cdrom(cdrom) }
        if let kernel { new.start = .kernel(kernel, initrd: initrd, arguments: extraArgs) }
        new.system = os
        new.type = virtType
        new.machine = machine
        new.isUEFI = uefi
        new.hasScreen = graphics.map { $0 == "vnc" }
        return new
    }

    func run() async throws {
        let language = display.language
        let progress = Progress(language: language)
        let answer: CreationPlanner.Answer
        let machine: Machine
        let connection: Connection
        do {
            let new = try wanted()
            let survey = try await GuestSource.gather(from: connect, progress)
            connection = Connection(uri: connect ?? "qemu:///system")
            try await connection.open()
            machine = Machine(root: "/", connection: connection)
            let uri = try await connection.uri()
            do throws(Refusal) {
                answer = try await CreationPlanner(states: machine, connection: uri).plan(new, in: survey.estate)
            } catch { throw Failure("\(error)") }
        } catch {
            progress.finish()
            throw failing(error)
        }
        progress.finish()
        if dryRun, format == .text {
            try print(Array(answer.definition.utf8))
        } else if format == .text {
            try print(PlanText.bytes(answer.plan, display.style(), language))
        } else if dryRun {
            try print(MakePlan.json(answer.plan, display))
        }
        for entry in answer.audit.results.flatMap(\.findings) where entry.finding.severity >= .warning {
            say(
                "nearmetal: \(entry.finding.severity.rawValue): \(answer.audit.practices[entry.practice].id): \(entry.finding.what[language])"
            )
        }
        guard !dryRun else { return }
        try Consent.require(Text("Make this guest?", "创建此客户机?"), language, isGiven: yes)
        try await make(answer.plan, machine, connection)
    }

    private func make(_ plan: Changes.Plan, _ machine: Machine, _ connection: Connection) async throws {
        let record = try await Changing.apply(
            plan, on: machine, StateFolder(named: stateDir, below: "/"), making: disk.compactMap(\.imageToMake),
            display.language)
        switch format {
        case .json: try print(HistoryReport.json(record))
        case .text: try Changing.tellApplied(record, display.language)
        }
        guard start else { return }
        let progress = Progress(language: display.language)
        progress.say(Text("\(name): starting", "\(name):正在启动"))
        let why = await GuestRestart(connection, limit: 1, cutsPower: false).start(name)
        progress.finish()
        if let why { throw failing(Failure("\(name) is defined, and does not start: \(why)")) }
        if format == .text { try print(line: Text("\(name) runs.", "\(name) 已运行。")[display.language]) }
    }
}
