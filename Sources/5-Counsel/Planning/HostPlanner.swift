import Changes
import ConfigText
import HostFacts
import Inventory
import Practices
import Quantities

/// Steps that change the host: files, units, settings, boot menu.
///
/// Edits of one file become one step.
struct HostPlanner {
    let host: HostFacts
    let root: String
    let states: any StateSource
    /// Whether settings that another tool owns are taken from it.
    let takesOver: Bool
    /// Practices that were asked for by name.
    let requested: Set<String>

    static let sysctlFile = "/etc/sysctl.d/90-nearmetal.conf"
    static let tmpfilesFile = "/etc/tmpfiles.d/90-nearmetal.conf"

    private var isLive: Bool { root == "/" }
    private var claims = Claims()
    private var files: [(path: String, before: ResourceState, text: String?, tally: Tally)] = []
    private var settings: [Step] = []
    private var reached: [Resource: ResourceState] = [:]
    private var units: [Step] = []
    private var kernelWords: [(change: BootText.WordChange, proposal: Proposal)] = []
    private var xenWords: [(change: BootText.WordChange, proposal: Proposal)] = []
    private var menus: [Step] = []
    private(set) var leftOut: [Plan.LeftOut] = []
    /// What is not done of remedies that change a definition as well.
    private(set) var refused: Set<Proposal.Key> = []

    init(host: HostFacts, root: String, states: any StateSource, takesOver: Bool, requested: Set<String>) {
        self.requested = requested
        self.host = host
        self.root = root
        self.states = states
        self.takesOver = takesOver
    }

    var settled: [Plan.Settled] { claims.settled }

    /// The steps, in the order they are taken: what lasts first, then what runs.
    mutating func steps(for proposals: [Proposal]) async -> [Step] {
        let sorted = proposals.sorted(by: Proposal.precedes)
        for proposal in sorted where !proposal.asksForGiganticPages { await add(proposal) }
        for proposal in sorted where proposal.asksForGiganticPages {
            guard nextBootReserves(proposal) else {
                await add(proposal)
                continue
            }
            leftOut.append(
                proposal.leftOut(
                    Text(
                        "pages this large are seldom found once memory is in use: the next boot reserves them",
                        "内存投入使用后很难找到这么大的页:下次引导时会预留")))
        }
        await editBootLoader()
        let edits = files.compactMap { file -> Step? in
            guard file.text != file.before.text else { return nil }
            return file.tally.step(
                Resource(.file, file.path), from: file.before,
                to: ResourceState(file.text.map { Array($0.utf8) }, attributes: file.before.attributes))
        }
        return edits + units + settings
            + (edits.contains { $0.resource.name.hasPrefix("/etc/default/grub") } ? menus : [])
    }

    /// The number of pages of 1 GiB that the kernel command line is given.
    private var bootPages: String? {
        kernelWords.last { $0.change.name.hasPrefix("hugepagesz=1G") }?.change.value
    }

    private func nextBootReserves(_ proposal: Proposal) -> Bool {
        guard let bootPages else { return !proposal.finding.holds.contains(.nextStart) }
        // Older kernels know only one number for all nodes there: a node's own is written as well.
        return bootPages.contains(":") || host.numa.nodes.value?.count == 1
            || !proposal.changes.contains { ($0 as? HugePagesChange)?.node != nil }
    }

    private mutating func add(_ proposal: Proposal) async {
        if await !isAdded(proposal), proposal.isMixed { refused.insert(proposal.key) }
    }

    /// Takes a proposal up.
    ///
    /// - Returns: whether all of it that is for the host is done, or is so already.
    private mutating func isAdded(_ proposal: Proposal) async -> Bool {
        if let left = proposal.leftToPerson(requested: requested) {
            leftOut.append(left)
            return false
        }
        // Definitions are the guests' planner's.
        let changes = proposal.changes.filter { !($0 is DomainChange) }
        guard !changes.isEmpty else { return true }
        // Another root's kernel does not run here: only what its next start will be like can be changed.
        guard isLive || proposal.finding.holds.contains(.nextStart) else { return false }
        if !takesOver, let owner = changes.compactMap(owner).first {
            leftOut.append(
                proposal.leftOut(
                    Text(
                        "\(owner) owns the setting: change it there, or plan with --take-over",
                        "该设置由 \(owner) 管理:请在那里修改,或使用 --take-over")))
            return false
        }
        let checkpoint = self
        guard claims.claim(changes, for: proposal) else { return false }
        for change in changes {
            if let why = await make(change, proposal) {
                // A remedy is made whole or not at all.
                self = checkpoint
                leftOut.append(proposal.leftOut(why))
                return false
            }
        }
        return true
    }

    private func owner(of change: any Change) -> String? {
        switch change {
        case let change as SysctlChange: host.services.owner(of: change.key, Resource.sysctl(change.key).name)
        case is SysfsChange, is HugePagesChange: host.services.owner(of: change.target)
        default: nil
        }
    }

    /// Makes steps of a change.
    ///
    /// - Returns: why it cannot be made; `nil` where it can.
    private mutating func make(_ change: any Change, _ proposal: Proposal) async -> Text? {
        let holds = proposal.finding.holds
        switch change {
        case let change as SysctlChange:
            guard let value = change.to else { return Text("there is no value", "没有目标值") }
            // Pages that are there now are not given back for the sake of the next boot.
            if !change.isHugePages || holds.isEmpty || holds.contains(.running),
                let why = await set(.sysctl(change.key), value, proposal)
            {
                return why
            }
            var notes: [Text] = []
            if let written = host.sysctl.configured.value?[change.key], written.value != value,
                Self.isRead(written.file, after: Self.sysctlFile)
            {
                notes.append(
                    Text(
                        "\(written.file) sets \(change.key) = \(written.value), is read later and wins at boot: change it there",
                        "\(written.file) 设置了 \(change.key) = \(written.value),它读取得更晚,启动时以它为准:请在那里修改"))
            }
            return await edit(Self.sysctlFile, change.key, value, proposal, notes)
        case let change as SysfsChange:
            guard let value = change.to else { return Text("there is no value", "没有目标值") }
            if let why = await set(Resource(.setting, change.path), value, proposal) { return why }
            guard change.isKept else { return nil }
            return await keep(change.path, value, proposal)
        case let change as HugePagesChange:
            guard let value = change.to else { return Text("there is no value", "没有目标值") }
            let waits = change.isForGiganticPages && bootPages != nil
            if holds.contains(.running) || holds.isEmpty, !waits,
                let why = await set(Resource(.setting, change.target), value, proposal)
            {
                return why
            }
            return await keep(change.target, value, proposal)
        case let change as FileChange:
            if let why = await conflict(with: change) { return why }
            return await edit(change.path, change.setting, await value(of: change), proposal)
        case let change as KernelParameterChange:
            let word = BootText.WordChange(name: change.name, value: change.to)
            if change.isForXen { xenWords.append((word, proposal)) } else { kernelWords.append((word, proposal)) }
            return nil
        case let change as UnitChange:
            return await switchUnit(change, proposal)
        default:
            return Text("this version has no step for it", "此版本没有对应的步骤")
        }
    }

    /// Why a name is not given: another one that the file gives already is somebody's, and guests may use it.
    private mutating func conflict(with change: FileChange) async -> Text? {
        guard change.path.hasPrefix("/etc/multipath"), case .success(let index) = await open(change.path),
            let text = files[index].text, let wanted = change.to,
            let there = try? ConfigText.setting(change.setting, in: change.path, of: text), there != wanted
        else { return nil }
        return Text(
            "\(change.path) calls it \(there) already: name that in the definition",
            "\(change.path) 已将其命名为 \(there):请在定义中使用该名称")
    }

    /// The value that a change comes to after others of this plan: of a mount's options each takes out and adds its own.
    private mutating func value(of change: FileChange) async -> String? {
        guard change.path == "/etc/fstab", change.setting.hasSuffix(" options"), let old = change.from,
            let wanted = change.to, case .success(let index) = await open(change.path),
            let text = files[index].text,
            let now = try? ConfigText.setting(change.setting, in: change.path, of: text), now != old
        else { return change.to }
        func words(_ options: String) -> [String] { options.split(separator: ",").map(String.init) }
        let (before, after) = (words(old), words(wanted))
        var options = words(now).filter { after.contains($0) || !before.contains($0) }
        options += after.filter { !before.contains($0) && !options.contains($0) }
        // The word that stands where there is no other.
        if options.count > 1, !before.contains("defaults") { options.removeAll { $0 == "defaults" } }
        return options.isEmpty ? "defaults" : options.joined(separator: ",")
    }

    // MARK: Settings

    /// Has tmpfiles.d write a value at each boot.
    ///
    /// - Returns: why it cannot; `nil` where it can.
    private mutating func keep(_ path: String, _ value: String, _ proposal: Proposal) async -> Text? {
        var notes: [Text] = []
        if let written = host.boot.tmpfiles.value?[path], written.value != value, written.file != Self.tmpfilesFile {
            notes.append(
                Text(
                    "\(written.file) writes \(written.value) to \(path), is read first and wins at boot: change it there",
                    "\(written.file) 向 \(path) 写入 \(written.value),它先被读取,启动时以它为准:请在那里修改"))
        }
        // The host's own number, written after a node's, takes back what that gave.
        if let file = HugePageFile(path), file.node != nil {
            let whole = HugePagesChange(pageKiB: file.size.kibibytes, node: nil, from: nil, to: 0).target
            let mine = ConfiguredSysctl(value: value, file: Self.tmpfilesFile, line: .max)
            if let written = host.boot.tmpfiles.value?[whole], mine.isRead(before: written) {
                notes.append(
                    Text(
                        "\(written.file) writes \(written.value) to \(whole), is read later and wins at boot: change it there",
                        "\(written.file) 向 \(whole) 写入 \(written.value),它后被读取,启动时以它为准:请在那里修改"))
            }
        }
        return await edit(Self.tmpfilesFile, "w \(path)", value, proposal, notes)
    }

    private mutating func set(_ resource: Resource, _ value: String, _ proposal: Proposal) async -> Text? {
        guard isLive else { return nil }
        let before: ResourceState
        if let earlier = reached[resource] {
            before = earlier
        } else {
            switch await states.look(at: resource) {
            case .known(let state): before = state
            case .unknown(let reason): return reason.why
            }
        }
        let after = ResourceState(text: value)
        reached[resource] = after
        guard before != after else { return nil }
        var step = Tally(proposal).step(resource, from: before, to: after)
        step.source = source(of: resource)
        settings.append(step)
        return nil
    }

    /// The file and line that give a setting its value at boot.
    private func source(of resource: Resource) -> String? {
        let written =
            resource.sysctlKey.map { host.sysctl.configured.value?[$0] } ?? host.boot.tmpfiles.value?[resource.name]
        return written.map { "\($0.file) line \($0.line)" }
    }

    /// Whether a drop-in is read after another: by file name, whatever the folder.
    ///
    /// - Source: sysctl.d(5).
    static func isRead(_ file: String, after other: String) -> Bool {
        func name(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }
        return file == "/etc/sysctl.conf"
            || name(file).utf8.lexicographicallyPrecedes(name(other).utf8) == false && name(file) != name(other)
    }

    // MARK: Files

    private mutating func open(_ path: String) async -> Result<Int, Unknown> {
        if let index = files.firstIndex(where: { $0.path == path }) { return .success(index) }
        switch await states.look(at: Resource(.file, path)) {
        case .known(let state):
            if let bytes = state.bytes, String(validating: bytes, as: UTF8.self) == nil {
                return .failure(Unknown(.malformed("bytes that are not UTF-8"), source: path))
            }
            files.append((path, state, state.text, Tally()))
            return .success(files.count - 1)
        case .unknown(let reason): return .failure(reason)
        }
    }

    private mutating func edit(
        _ path: String, _ setting: String, _ value: String?, _ proposal: Proposal, _ notes: [Text] = []
    ) async -> Text? {
        await rewrite(path, proposal, notes) { text throws(ConfigTextError) in
            try ConfigText.setting(setting, to: value, in: path, of: text)
        }
    }

    private mutating func rewrite(
        _ path: String, _ proposal: Proposal, _ notes: [Text] = [],
        _ change: (String?) throws(ConfigTextError) -> String
    ) async -> Text? {
        switch await open(path) {
        case .failure(let reason): return reason.why
        case .success(let index):
            do throws(ConfigTextError) { files[index].text = try change(files[index].text) } catch {
                return Text(verbatim: "\(error)")
            }
            files[index].tally.add(proposal)
            files[index].tally.notes += notes
            return nil
        }
    }

    // MARK: Units

    private mutating func switchUnit(_ change: UnitChange, _ proposal: Proposal) async -> Text? {
        let wanted: String
        switch change.action {
        case .enable: wanted = "enabled active"
        case .disable: wanted = "disabled inactive"
        case .mask: wanted = "masked inactive"
        case .write(let text):
            wanted = "enabled active"
            if let why = await rewrite(
                "/etc/systemd/system/\(change.unit)", proposal, [],
                { _ throws(ConfigTextError) in text + (text.hasSuffix("\n") ? "" : "\n") })
            {
                return why
            }
        }
        let resource = Resource(.unit, change.unit)
        guard case .known(let before) = await states.look(at: resource) else {
            return Text("systemd does not answer", "systemd 没有应答")
        }
        let first = before.text?.split(separator: " ").first.map(String.init) ?? ""
        if case .write = change.action {
        } else if first == "not-found" {
            return Text("there is no unit \(change.unit)", "没有单元 \(change.unit)")
        }
        // A static unit cannot be enabled, only started.
        var words = wanted.split(separator: " ").map(String.init)
        if ["static", "indirect", "generated"].contains(first), words[0] == "enabled" { words[0] = first }
        let after = ResourceState(text: isLive ? words.joined(separator: " ") : words[0])
        guard before != after else { return nil }
        units.append(Tally(proposal).step(resource, from: before, to: after))
        return nil
    }

    // MARK: Boot loader

    private mutating func editBootLoader() async {
        guard !kernelWords.isEmpty || !xenWords.isEmpty else { return }
        let all = kernelWords + xenWords
        func byHand(_ why: Text, _ commands: [String]) {
            leftOut += all.map { $0.proposal.leftOut(why, commands: commands) }
        }
        let lines = all.flatMap { $0.proposal.changes.filter { $0.kind == .cmdline }.flatMap(\.commands) }
        if case .known(let state) = await states.look(at: Resource(.file, "/usr/sbin/transactional-update")),
            state.bytes != nil
        {
            return byHand(
                Text(
                    "the root file system is transactional: the change goes into a new snapshot, and holds after a reboot into it",
                    "根文件系统是事务性的:更改写入新快照,重启进入该快照后生效"),
                lines.filter { $0.hasPrefix("#") } + ["transactional-update grub.cfg", "reboot"])
        }
        guard case .known(let loader) = host.boot.loader else {
            return byHand(Text("the boot loader is not known: add it by hand", "引导加载程序未知:请手动添加"), lines)
        }
        let checkpoint = self
        var problem: Text?
        switch loader {
        case .grub2Mkconfig, .updateGrub: problem = await editDefaultGrub(loader)
        case .grubby: problem = await editEntries()
        case .menuLst: problem = await editMenuList()
        case .sdbootutil, .zipl:
            problem = Text(
                "the boot loader is \(loader.rawValue): run its own command after the edit",
                "引导加载程序为 \(loader.rawValue):编辑后请运行其自身命令")
        }
        if let problem {
            self = checkpoint
            let command = loader == .sdbootutil ? ["sdbootutil update-all-entries"] : loader == .zipl ? ["zipl"] : []
            byHand(problem, lines.filter { $0.hasPrefix("#") } + command)
        }
    }

    private mutating func editDefaultGrub(_ loader: BootFacts.Loader) async -> Text? {
        let path = "/etc/default/grub"
        for (words, variable) in [(kernelWords, "GRUB_CMDLINE_LINUX_DEFAULT"), (xenWords, "GRUB_CMDLINE_XEN_DEFAULT")] {
            guard let proposal = words.first?.proposal else { continue }
            let why = await rewrite(path, proposal) { text throws(ConfigTextError) in
                try BootText.defaultGrub(text ?? "", variable: variable, words.map(\.change))
            }
            if let why { return why }
            tell(words.map(\.proposal), of: path)
        }
        let written = host.boot.nextSource.flatMap { $0.hasSuffix("grub.cfg") ? $0 : nil }
        let menu = written ?? (loader == .updateGrub ? "/boot/grub/grub.cfg" : "/boot/grub2/grub.cfg")
        let command = loader == .updateGrub ? ["update-grub"] : ["grub2-mkconfig", "-o", menu]
        let reasons = (kernelWords + xenWords).map(\.proposal.reason)
        guard isLive else {
            if let index = files.firstIndex(where: { $0.path == path }) {
                files[index].tally.notes.append(
                    Text(
                        "then make the boot menu inside it: chroot \(root.shellWord) \(command.joined(separator: " "))",
                        "随后在其中生成引导菜单:chroot \(root.shellWord) \(command.joined(separator: " "))"))
            }
            return nil
        }
        guard case .known(let before) = await states.look(at: Resource(.bootMenu, menu)), before.bytes != nil else {
            return Text("there is no boot menu \(menu)", "没有引导菜单 \(menu)")
        }
        menus.append(
            Step(
                Resource(.bootMenu, menu), from: before, to: nil, command: command, reasons: reasons,
                disrupts: .hostReboot))
        return nil
    }

    /// Names all that ask for an edit of one file.
    private mutating func tell(_ proposals: [Proposal], of path: String) {
        guard let index = files.firstIndex(where: { $0.path == path }) else { return }
        for proposal in proposals { files[index].tally.add(proposal) }
    }

    private mutating func editEntries() async -> Text? {
        guard xenWords.isEmpty, let proposal = kernelWords.first?.proposal else {
            return Text("Xen is not started from entries", "Xen 不由引导项启动")
        }
        let changes = kernelWords.map(\.change)
        let proposals = kernelWords.map(\.proposal)
        let folder = "/boot/loader/entries"
        guard case .known(let names) = await states.names(in: folder) else {
            return Text("\(folder) cannot be read", "无法读取 \(folder)")
        }
        var usesEnvironment = false
        for name in names where name.hasSuffix(".conf") && !name.contains("rescue") {
            let path = "\(folder)/\(name)"
            guard case .success(let index) = await open(path), let text = files[index].text else { continue }
            if text.contains("$kernelopts") {
                usesEnvironment = true
                continue
            }
            if let why = await rewrite(
                path, proposal, [], { text throws(ConfigTextError) in try BootText.bls(text ?? "", changes) })
            {
                return why
            }
            tell(proposals, of: path)
        }
        if usesEnvironment {
            let path = "/boot/grub2/grubenv"
            let why = await rewrite(path, proposal) { text throws(ConfigTextError) in
                try BootText.grubenv(text ?? "", changes)
            }
            if let why { return why }
            tell(proposals, of: path)
        }
        // Entries of kernels installed later are made from these.
        let (template, settings) = ("/etc/kernel/cmdline", "/etc/default/grub")
        if case .success(let index) = await open(template), files[index].text != nil {
            let why = await rewrite(template, proposal) { text throws(ConfigTextError) in
                try BootText.kernelCmdline(text ?? "", changes)
            }
            tell(proposals, of: template)
            return why
        }
        if case .success(let index) = await open(settings), files[index].text != nil {
            let why = await rewrite(settings, proposal) { text throws(ConfigTextError) in
                try BootText.defaultGrub(text ?? "", variable: "GRUB_CMDLINE_LINUX", changes)
            }
            tell(proposals, of: settings)
            return why
        }
        return nil
    }

    private mutating func editMenuList() async -> Text? {
        let path = host.boot.nextSource ?? "/boot/grub/menu.lst"
        for (words, isForXen) in [(kernelWords, false), (xenWords, true)] {
            guard let proposal = words.first?.proposal else { continue }
            let why = await rewrite(path, proposal) { text throws(ConfigTextError) in
                try BootText.menuList(text ?? "", words.map(\.change), isForXen: isForXen)
            }
            if let why { return why }
            tell(words.map(\.proposal), of: path)
        }
        return nil
    }
}

extension Proposal {
    /// Whether it reserves more pages of 1 GiB or larger in the running kernel.
    fileprivate var asksForGiganticPages: Bool {
        changes.contains { ($0 as? HugePagesChange)?.isForGiganticPages == true }
    }
}

extension HugePagesChange {
    /// Whether it asks for more pages of 1 GiB or larger.
    fileprivate var isForGiganticPages: Bool {
        pageKiB >= 1 << 20 && (to.flatMap { Int($0) } ?? 0) > (from.flatMap { Int($0) } ?? 0)
    }
}
