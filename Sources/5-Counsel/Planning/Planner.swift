public import Advisor
public import Changes
public import Inventory
import DomainXML
import Practices
import Quantities

/// Makes a plan of an estate's findings.
///
/// The same estate and the same states give the same plan.
public struct Planner: Sendable {
    private let advice: Advice
    private let states: any StateSource
    private let root: String
    private let connection: String?
    private let takesOver: Bool
    private let requested: Set<String>

    /// A planner.
    ///
    /// - Parameters:
    ///   - advice: which practices, on which guests.
    ///   - states: tells what is there now.
    ///   - root: the root below which files are changed.
    ///   - connection: the libvirt connection guests came from; `nil` for files.
    ///   - takesOver: whether settings that another tool owns are changed too.
    ///   - requested: practices that were asked for by name: some are planned only then.
    public init(
        _ advice: Advice, states: any StateSource, root: String, connection: String?, takesOver: Bool = false,
        requested: Set<String> = []
    ) {
        self.requested = requested
        self.advice = advice
        self.states = states
        self.root = root
        self.connection = connection
        self.takesOver = takesOver
    }

    /// The plan.
    public func plan(_ estate: Estate) async -> Plan {
        let hugePages = "huge-pages-guest"
        // Without the host nobody knows whether the pages could be reserved.
        let first = await plan(estate, without: estate.hasHost ? [] : [hugePages])
        guard first.hasNewErrors else { return first.plan }
        // Guests that cannot get the pages they would ask for would not start any more.
        var second = await plan(estate, without: [hugePages]).plan
        second.leftOut.append(
            Plan.LeftOut(
                practice: hugePages, subject: estate.host.system.hostName.value ?? "host",
                why: Text(
                    "the host cannot reserve the pages that the guests would then need",
                    "主机无法预留这些客户机届时所需的大页"), commands: []))
        return second
    }

    private func plan(_ estate: Estate, without: Set<String>) async -> (plan: Plan, hasNewErrors: Bool) {
        // A definition that names what the host does not get would not start: a remedy is made whole or not at all.
        var refused: Set<Proposal.Key> = []
        while true {
            let answer = await plan(estate, without: without, refused: refused)
            guard !answer.refused.isSubset(of: refused) else { return (answer.plan, answer.hasNewErrors) }
            refused.formUnion(answer.refused)
        }
    }

    private func plan(_ estate: Estate, without: Set<String>, refused: Set<Proposal.Key>) async -> (
        plan: Plan, hasNewErrors: Bool, refused: Set<Proposal.Key>
    ) {
        var plan = Plan(root: root, connection: connection)
        let guests = await GuestPlanner(advice: advice, without: without, requested: requested, refused: refused)
            .plan(estate)
        var hasNewErrors = false
        // Without the host nothing of it is changed.
        var open = estate.hasHost ? [] : Set(guests.forHost.filter(\.isMixed).map(\.key))
        if estate.hasHost {
            let audit = await advice.auditHost(estate.with(guests: guests.guests))
            let proposals = Proposal.of(audit, [.host, .configuration])
            hasNewErrors =
                !guests.edited.isEmpty
                && proposals.contains {
                    $0.about.id == "huge-pages-reserved" && $0.finding.severity == .error && $0.changes.isEmpty
                }
            var host = HostPlanner(
                host: estate.host, root: root, states: states, takesOver: takesOver, requested: requested)
            plan.steps = await host.steps(for: proposals + guests.forHost)
            plan.leftOut = host.leftOut
            open = host.refused
            plan.settled = host.settled
            for proposal in Proposal.of(audit, [.image]) where proposal.finding.severity != .info {
                plan.leftOut.append(
                    proposal.leftOut(Text("images are left to you", "映像由您处理")))
            }
        }
        if !estate.hasHost {
            plan.leftOut += guests.forHost.filter { refused.contains($0.key) }.map {
                $0.leftOut(Text("the host's part of it cannot be made here", "其中主机部分无法在此进行"))
            }
        }
        plan.leftOut += guests.leftOut
        plan.settled += guests.settled
        plan.steps += steps(estate, guests, &plan.leftOut)
        await addLiveSteps(guests.live, to: &plan)
        return (plan, hasNewErrors, open)
    }

    /// Definitions come last: what they need of the host is there by then.
    private func steps(_ estate: Estate, _ answer: GuestPlanner.Answer, _ leftOut: inout [Plan.LeftOut]) -> [Step] {
        var steps: [Step] = []
        for (index, tally) in answer.edited.sorted(by: { $0.key < $1.key }) {
            let guest = estate.guests[index]
            guard let old = guest.persistent?.root.document.source,
                let new = answer.guests[index].persistent?.root.document.source, old != new
            else { continue }
            let resource: Resource
            switch guest.origin {
            case .libvirt: resource = Resource(.domain, guest.name)
            case .file(let path):
                guard let inside = Self.path(path, below: root) else {
                    leftOut.append(
                        Plan.LeftOut(
                            practice: tally.reasons.first?.practice ?? "", subject: guest.name,
                            why: Text("\(path) is no file that can be written", "\(path) 不是可写入的文件"), commands: []))
                    continue
                }
                resource = Resource(.file, inside)
            case .example: continue
            }
            var tally = tally
            if guest.isActive {
                tally.notes.append(Text("it holds after the guest's next start", "客户机下次启动后生效"))
            }
            steps.append(tally.step(resource, from: ResourceState(old), to: ResourceState(new)))
        }
        return steps
    }

    /// Values of running guests.
    private func addLiveSteps(_ proposals: [Proposal], to plan: inout Plan) async {
        var claims = Claims()
        for proposal in proposals.sorted(by: Proposal.precedes) {
            let changes = proposal.changes.compactMap { $0 as? LiveChange }
            guard claims.claim(changes, for: proposal) else { continue }
            for change in changes {
                let resource = Resource.live(change.guest, change.parameter)
                var why: Text?
                switch await states.look(at: resource) {
                case .unknown(let reason): why = reason.why
                case .known(let before) where before.text == change.value:
                    why = Text("libvirt says that it is \(change.value) already", "libvirt 称其已为 \(change.value)")
                case .known(let before) where before.bytes == nil: why = Text("the guest does not run", "客户机未运行")
                case .known(let before):
                    plan.steps.append(
                        Tally(proposal).step(resource, from: before, to: ResourceState(text: change.value)))
                }
                if let why { plan.leftOut.append(proposal.leftOut(why, commands: change.commands)) }
            }
        }
        plan.settled += claims.settled
    }

    /// A path as it is called below a root; `nil` where it does not lie there, or is standard input.
    private static func path(_ path: String, below root: String) -> String? {
        guard path.hasPrefix("/") else { return nil }
        var root = root
        while root.hasSuffix("/") { root.removeLast() }
        guard path.hasPrefix(root + "/") else { return nil }
        return String(path.dropFirst(root.count))
    }
}
