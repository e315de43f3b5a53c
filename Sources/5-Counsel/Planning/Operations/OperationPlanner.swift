public import Changes
import DomainXML
public import Inventory
import Quantities

/// Makes a plan of an operation that was asked for.
public struct OperationPlanner: Sendable {
    private let states: any StateSource
    private let connection: String?

    /// A planner.
    ///
    /// - Parameters:
    ///   - states: tells what running guests' values are now.
    ///   - connection: the libvirt connection the guest came from.
    public init(states: any StateSource, connection: String?) {
        self.states = states
        self.connection = connection
    }

    /// The plan: the running guest first, since it may refuse; then the definition.
    ///
    /// - Throws: why it cannot be had; also where a state that was named is not there.
    public func plan(
        _ operation: any GuestOperation, of guest: Guest, in estate: Estate, _ scope: Scope
    ) async throws(Refusal) -> Plan {
        if scope.isStrict, scope.live, !guest.isActive {
            throw Refusal(
                "guest \(guest.name) does not run", remedy: "Leave --live out: it then holds at its next start")
        }
        if scope.isStrict, scope.config, guest.persistent == nil {
            throw Refusal(
                "guest \(guest.name) is transient: it has no definition that lasts", remedy: "Use --live alone")
        }
        let changes = try operation.changes(of: guest, in: estate)
        var plan = Plan(root: "/", connection: connection)
        let reason = Step.Reason(
            practice: operation.practice, subject: guest.name, what: operation.words, tradeOff: Text("", ""))
        if scope.live, guest.isActive {
            if let why = changes.whyNotLive {
                guard !scope.isStrict, guest.persistent != nil else { throw Refusal(why.english) }
                plan.leftOut.append(
                    Plan.LeftOut(practice: operation.practice, subject: guest.name, why: why, commands: []))
            }
            for change in changes.live {
                let resource = Resource.live(change.guest, change.parameter)
                switch await states.look(at: resource) {
                case .unknown(let reason):
                    throw Refusal("guest \(guest.name): \(change.parameter.name): \(reason.why.english)")
                case .known(let before):
                    guard before.bytes != nil else { throw Refusal("guest \(guest.name) does not run any more") }
                    guard before.text != change.value else { continue }
                    plan.steps.append(
                        Step(
                            resource, from: before, to: ResourceState(text: change.value), reasons: [reason],
                            disrupts: .live))
                }
            }
        }
        if scope.config, let old = guest.persistent?.root.document, !changes.persistent.isEmpty {
            let new: XMLDocument
            do { new = try old.applying(changes.persistent.map(\.xmlEdit)) } catch {
                throw Refusal("the definition of \(guest.name) cannot be edited so: \(error)")
            }
            if new.source != old.source {
                var notes = changes.notes
                if guest.isActive, changes.live.isEmpty || !scope.live {
                    notes.append(Text("it holds after the guest's next start", "客户机下次启动后生效"))
                }
                plan.steps.append(
                    Step(
                        Resource(.domain, guest.name), from: ResourceState(old.source), to: ResourceState(new.source),
                        reasons: [reason], disrupts: changes.live.isEmpty && guest.isActive ? .guestRestart : .nothing,
                        notes: notes))
            }
        } else if !changes.notes.isEmpty, !plan.steps.isEmpty {
            plan.steps[plan.steps.count - 1].notes += changes.notes
        }
        return plan
    }
}

extension DomainDefinition {
    /// Edits that give a child of the domain its text and attributes, and make it where it is missing.
    func setting(
        _ child: String, to text: String, _ attributes: [(String, String?)] = []
    ) -> [DomainChange] {
        guard let element = root.first(child) else {
            let words = attributes.compactMap { name, value in value.map { " \(name)='\($0)'" } }.joined()
            return [DomainChange(name, "/domain", .insert("<\(child)\(words)>\(text)</\(child)>"))]
        }
        var changes: [DomainChange] = []
        if element.text != text { changes.append(DomainChange(name, element.xpath, .text(text), from: element.text)) }
        for (attribute, value) in attributes where element[attribute] != value {
            changes.append(
                DomainChange(
                    name, element.xpath, value.map { .attribute(attribute, $0) } ?? .removeAttribute(attribute),
                    from: element[attribute]))
        }
        return changes
    }
}
