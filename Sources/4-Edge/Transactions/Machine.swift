public import Changes
internal import LineDiff
public import Libvirt
public import Quantities

/// The machine that plans are carried out on: a root, and a libvirt connection where definitions are changed.
public struct Machine: Sendable {
    /// The root below which files are; `/` for this machine.
    public let root: String
    private let files: FilePerformer
    private let settings: SettingPerformer
    private let hasKernel: Bool
    private let units: UnitPerformer
    private let menus: BootMenuPerformer
    private let domains: DomainPerformer?
    private let running: LivePerformer?
    private let autostarts: AutostartPerformer?

    /// A machine.
    ///
    /// - Parameters:
    ///   - root: the root below which files are; `/` for this machine.
    ///   - connection: an open one; `nil` where no plan with definitions comes.
    public init(root: String, connection: Connection? = nil) {
        self.init(root: root, connection: connection, kernel: "")
    }

    /// A machine whose kernel settings may be files that stand for the kernel's: they are below a folder of their own.
    package init(root: String, connection: Connection? = nil, kernel: String) {
        self.root = root
        settings = SettingPerformer(folder: kernel)
        hasKernel = root == "/" || !kernel.isEmpty
        files = FilePerformer(root: root)
        units = UnitPerformer(root: root)
        menus = BootMenuPerformer(root: root)
        domains = connection.map(DomainPerformer.init)
        running = connection.map(LivePerformer.init)
        autostarts = connection.map(AutostartPerformer.init)
    }

    private func performer(of resource: Resource) throws(TransactionError) -> any Performer {
        switch resource.kind {
        case .file: return files
        case .setting:
            guard hasKernel else { throw notRunning(resource) }
            return settings
        case .unit: return units
        case .bootMenu: return menus
        case .domain: return try connected(domains, resource)
        case .live: return try connected(running, resource)
        case .autostart: return try connected(autostarts, resource)
        }
    }

    private func connected<P>(_ performer: P?, _ resource: Resource) throws(TransactionError) -> P {
        guard let performer else {
            throw TransactionError(
                .failed, "there is no connection to libvirt", place: resource.description,
                remedy: "Give the one the plan was made with (--connect)")
        }
        return performer
    }

    private func notRunning(_ resource: Resource) -> TransactionError {
        TransactionError(
            .failed, "it holds in a running kernel only, and \(root) is not this machine's", place: resource.description
        )
    }

    /// The present state of a resource.
    public func state(of resource: Resource) async throws(TransactionError) -> ResourceState {
        try await performer(of: resource).read(resource.name)
    }

    /// The present state as plans see it: a definition is asked for again, without its passwords.
    func plain(_ state: ResourceState, of resource: Resource) async throws(TransactionError) -> ResourceState {
        resource.kind == .domain ? try await connected(domains, resource).readPlain(resource.name) : state
    }

    /// Whether two states are one.
    func isSame(_ one: ResourceState, _ other: ResourceState, for resource: Resource) -> Bool {
        (try? performer(of: resource))?.isSame(one, other) ?? (one == other)
    }

    /// Puts a state in place.
    func put(_ state: ResourceState, to resource: Resource) async throws(TransactionError) {
        try await performer(of: resource).write(state, to: resource.name)
    }

    /// Has a program make it.
    func make(_ resource: Resource, with command: [String]) async throws(TransactionError) {
        guard root == "/" else { throw notRunning(resource) }
        try await menus.make(resource.name, with: command)
    }

    /// Whether a guest runs; without a connection none is known to.
    public func runs(_ guest: String) async throws(TransactionError) -> Bool {
        try await domains?.runs(guest) ?? false
    }

    /// Takes away what a crash left of a write.
    func cleanUp(_ resource: Resource) async { await (try? performer(of: resource))?.cleanUp(resource.name) }

    /// The state wanted of a definition, with the passwords that the plan does not hold.
    func withSecrets(_ wanted: ResourceState, plain: ResourceState, secret: ResourceState) -> ResourceState? {
        // One that was undefined is defined whole.
        if secret.bytes == nil { return wanted }
        guard let plain = plain.bytes, let secret = secret.bytes, let wanted = wanted.bytes else { return nil }
        guard plain != secret else { return ResourceState(wanted) }
        let merge = LineDiff.merge(base: plain, ours: secret, theirs: wanted)
        return merge.conflicts == 0 ? ResourceState(merge.bytes) : nil
    }
}

extension Machine: StateSource {
    /// A resource's state as plans see it.
    public func look(at resource: Resource) async -> Fact<ResourceState> {
        do throws(TransactionError) { return .known(try await plain(state(of: resource), of: resource)) } catch {
            return .unknown(Unknown(.failed(error.what), source: resource.name))
        }
    }

    /// Names of the files in a folder.
    public func names(in folder: String) async -> Fact<[String]> {
        do throws(Rooted.Failure) { return .known(try Rooted(root: root).names(in: folder)) } catch {
            return .unknown(Unknown(error.isMissing ? .missing : .failed(error.at(folder).what), source: folder))
        }
    }
}
