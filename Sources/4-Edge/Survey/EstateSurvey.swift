import DiskImage
public import DomainXML
import Glibc
import HostFacts
public import Inventory
public import Quantities

/// Gathers an estate: host, guests, images.
///
/// It reads, and never writes.
public struct EstateSurvey: Sendable {
    /// Where to look.
    public struct Request: Sendable {
        /// libvirt connection; `nil` takes virsh's default.
        ///
        /// Asked for by name, its failure is an error; as a default it gives way to files.
        public var connect: String?
        /// Definitions to read instead of asking libvirt: files, folders, `-`.
        public var xml: [String] = []
        /// A captured tree, or `/` for this machine; `nil` takes this machine, but none where only definitions are given.
        public var hostRoot: String?
        /// Seconds to observe running guests for their load; `nil` does not measure.
        public var observe: Double?
        /// Whether to ask guest agents.
        public var asksAgents = false
        /// Whether to walk the metadata of images.
        public var checksImages = false
        /// A request for this machine.
        public init() {}
    }

    /// An estate, and what a reader has to know of how it was gathered.
    public struct Answer: Sendable {
        /// The estate.
        public var estate: Estate
        /// Where guests came from, what was left out.
        public var notes: [Text]
        /// Definitions that could not be read.
        ///
        /// The others were judged all the same.
        public var failures: [any Error]
        /// An answer.
        public init(estate: Estate, notes: [Text], failures: [any Error]) {
            self.estate = estate
            self.notes = notes
            self.failures = failures
        }
    }

    private let request: Request
    private let settings: Settings
    private let progress: @Sendable (Text) -> Void

    /// A survey; `progress` is told what is being done, from any thread.
    public init(_ request: Request, settings: Settings, progress: @escaping @Sendable (Text) -> Void = { _ in }) {
        self.request = request
        self.settings = settings
        self.progress = progress
    }

    /// Gathers the estate.
    ///
    /// - Throws: a ``SurveyError`` where what was asked for by name cannot be had: a file, a folder, a connection.
    public func gather() async throws -> Answer {
        if !request.xml.isEmpty { return try await fromFiles() }
        if let root = request.hostRoot, root != "/" { return try await fromTree(root) }
        return try await fromThisMachine()
    }

    private func fromFiles() async throws -> Answer {
        let files = try await GuestFiles.read(request.xml, settings: settings)
        guard !files.guests.isEmpty || !files.failures.isEmpty else {
            throw SurveyError(
                "there is no domain definition in it", place: request.xml.joined(separator: ", "),
                remedy: "Name files or a folder with <domain> documents, as `virsh dumpxml` prints them")
        }
        var notes: [Text] = []
        if files.skipped > 0 {
            notes.append(Text("\(files.skipped) documents are no domain definitions", "\(files.skipped) 个文档不是域定义"))
        }
        let host = try await self.host()
        return await answer(host: host, guests: files.guests, notes: notes, failures: files.failures)
    }

    private func fromTree(_ root: String) async throws -> Answer {
        let host = try await self.host()
        let folder = root + (root.hasSuffix("/") ? "" : "/") + "etc/libvirt/qemu"
        var files = GuestFiles()
        var notes = [Text("host and guests as captured in \(root)", "主机与客户机取自 \(root)")]
        if Files.isFolder(folder) == true {
            let paths = try Files.definitions(in: folder, isDeep: false)
            files = await GuestFiles.read(paths.map { ($0, false) }, settings: settings)
        } else {
            notes.append(Text("no guests: \(folder) does not exist", "没有客户机:\(folder) 不存在"))
        }
        return await answer(host: host, guests: files.guests, notes: notes, failures: files.failures)
    }

    private func fromThisMachine() async throws -> Answer {
        let uri = request.connect ?? LibvirtGuests.defaultURI
        let isLocal = LibvirtGuests.isLocal(uri)
        progress(Text("asking libvirt", "正在查询 libvirt"))
        do {
            let answer = try await LibvirtGuests.read(uri: uri, settings: settings, request: request)
            let host = isLocal ? try await self.host(root: "/") : nil
            var notes: [Text] = []
            if !isLocal {
                notes.append(
                    Text("guests of \(uri ?? "libvirt"); its host was not examined", "客户机来自 \(uri ?? "libvirt");未检查其主机")
                )
            }
            return await self.answer(
                host: host, guests: answer.guests, capabilities: answer.capabilities, notes: notes,
                failures: answer.failures)
        } catch  where request.connect == nil {
            return try await withoutLibvirt(error)
        }
    }

    /// No connection was asked for by name and none can be had: the definitions libvirt keeps, where they can be read.
    private func withoutLibvirt(_ error: any Error) async throws -> Answer {
        let host = try await self.host(root: "/")
        let folder = "/etc/libvirt/qemu"
        var notes = [Text("libvirt: \(error)", "libvirt:\(error)")]
        var files = GuestFiles()
        if let paths = try? Files.definitions(in: folder, isDeep: false) {
            files = await GuestFiles.read(paths.map { ($0, false) }, settings: settings)
            notes.append(
                Text(
                    "\(files.guests.count) guests as defined in \(folder); what runs is not known",
                    "客户机(\(files.guests.count) 个)取自 \(folder) 中的定义;运行状态未知"))
        } else {
            notes.append(Text("no guests were examined", "未检查任何客户机"))
        }
        return await answer(host: host, guests: files.guests, notes: notes, failures: files.failures)
    }

    private func host(root: String? = nil) async throws -> HostFacts? {
        guard let root = root ?? request.hostRoot else { return nil }
        guard Files.isFolder(root) == true else {
            throw SurveyError("there is no such folder", place: root, remedy: "Name the root of a captured tree")
        }
        progress(Text("reading the host", "正在读取主机信息"))
        return await Blocking.run { HostFacts.read(root: root) }
    }

    private func answer(
        host: HostFacts?, guests: [Guest], capabilities: Fact<HypervisorCapabilities>? = nil, notes: [Text],
        failures: [any Error]
    ) async -> Answer {
        let names = guests.indices.map { (name: guests[$0].name, index: $0) }.sorted { $0.name < $1.name }
        let guests = names.map { guests[$0.index] }
        let targets = await Blocking.run { [settings] in Self.targets(settings) }
        var images: [String: Fact<ImageFacts>] = [:]
        if let root = host?.root {
            progress(Text("reading disk images", "正在读取磁盘映像"))
            images = await self.images(of: guests, root: root)
        }
        let history = await Blocking.run { [settings] in BackupFolders.read(settings.backupFolders, guests: guests) }
        let estate = Estate(
            host: host ?? .unexamined, hasHost: host != nil, guests: guests, images: images,
            hasImages: host?.root == "/" || !images.isEmpty,
            capabilities: capabilities
                ?? .unknown(Unknown(.notExamined, source: "capabilities", remedy: Guest.connect)),
            migrationTargets: targets, settings: settings, now: Int64(time(nil)), history: history)
        return Answer(estate: estate, notes: notes, failures: failures)
    }

    /// Headers of the images guests name, and of what these are backed by.
    ///
    /// Nothing an image refers to is opened but local files.
    private func images(of guests: [Guest], root: String) async -> [String: Fact<ImageFacts>] {
        var roots = Set<ImageSet.Root>()
        for guest in guests {
            for domain in [guest.live, guest.persistent].compactMap({ $0 }) {
                for disk in domain.disks {
                    guard let path = disk.path, path.hasPrefix("/") else { continue }
                    // libvirt takes raw where nothing is declared: what a guest wrote into such a disk leads nowhere.
                    roots.insert(ImageSet.Root(path: path, format: disk.format ?? "raw"))
                }
            }
        }
        let checks = request.checksImages
        let ordered = roots.sorted { ($0.path, $0.format ?? "") < ($1.path, $1.format ?? "") }
        let images = await Blocking.run { ImageSet.read(ordered, root: root, gate: .open, checks: checks).images }
        // Captures hold no images: what is not in one says nothing of the host.
        return root == "/" ? images : images.filter { !$0.value.isMissing }
    }

    /// Capabilities of a host, from a file.
    ///
    /// - Throws: a ``SurveyError`` or an XML error.
    public static func capabilities(inFile path: String) throws -> HypervisorCapabilities {
        try HypervisorCapabilities(capabilities: String(decoding: try Files.read(path), as: UTF8.self), path: path)
    }

    /// Capabilities of migration targets, from the files the settings name.
    private static func targets(_ settings: Settings) -> [String: Fact<HypervisorCapabilities>] {
        var targets: [String: Fact<HypervisorCapabilities>] = [:]
        for path in settings.migrationTargets {
            do {
                targets[path] = .known(try capabilities(inFile: path))
            } catch {
                targets[path] = .unknown(Unknown(.failed("\(error)"), source: path))
            }
        }
        return targets
    }
}
