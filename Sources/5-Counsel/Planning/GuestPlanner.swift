import Advisor
import Changes
import DomainXML
import Inventory
import Practices
import Quantities

/// Edits of guests' persistent definitions.
///
/// A change may bring about, or make possible, what another practice asks for. So definitions are edited in memory and judged again, until nothing
/// more is asked for: after the plan is carried out, a second one is empty.
struct GuestPlanner {
    let advice: Advice
    /// Practices whose changes are not to be made.
    let without: Set<String>
    /// Practices that were asked for by name.
    let requested: Set<String>
    /// What the host does not do of a remedy: then the definition is left as it is, too.
    var refused: Set<Proposal.Key> = []

    /// What became of the guests.
    struct Answer {
        /// Guests as they will be, in the estate's order.
        var guests: [Guest]
        /// What is told, by the index of an edited guest.
        var edited: [Int: Tally] = [:]
        /// Proposals that change the host.
        var forHost: [Proposal] = []
        /// Proposals that change running guests.
        var live: [Proposal] = []
        var leftOut: [Plan.LeftOut] = []
        var settled: [Plan.Settled] = []
    }

    private static let mostRounds = 7

    func plan(_ estate: Estate) async -> Answer {
        var answer = Answer(guests: estate.guests)
        var done: [Int: Set<DomainChange>] = [:]
        let indices = Dictionary(estate.guests.indices.map { (estate.guests[$0].name, $0) }) { first, _ in first }
        var asked = Array(estate.guests.indices)
        var isAskedAgain = false
        for round in 0..<Self.mostRounds {
            // The next start is planned: what runs now has to be restarted by a person.
            let next = answer.guests.map { guest in
                var guest = guest
                if guest.persistent != nil { guest.live = nil }
                return guest
            }
            let audit = await advice.audit(asked, of: estate.with(guests: next))
            var byGuest: [Int: [Proposal]] = [:]
            for proposal in Proposal.of(audit, [.guest]) {
                guard let index = indices[proposal.subject.name] else { continue }
                byGuest[index, default: []].append(proposal)
            }
            // At first only what was edited can ask for more.
            asked = []
            for (index, proposals) in byGuest.sorted(by: { $0.key < $1.key }) {
                let isFirst = round == 0
                if edit(index, proposals.sorted(by: Proposal.precedes), isFirst, &done[index, default: []], &answer) {
                    asked.append(index)
                }
            }
            guard asked.isEmpty else { continue }
            // What one guest becomes may be asked of others: the last of those that share pages shares them with nobody.
            if isAskedAgain || answer.edited.isEmpty { break }
            isAskedAgain = true
            asked = Array(estate.guests.indices)
        }
        return answer
    }

    private func edit(
        _ index: Int, _ proposals: [Proposal], _ isFirst: Bool, _ done: inout Set<DomainChange>, _ answer: inout Answer
    ) -> Bool {
        var claims = Claims()
        var accepted: [(proposal: Proposal, edits: [DomainChange])] = []
        var inserted: [DomainChange.Insertion] = []
        let guest = answer.guests[index]
        for proposal in proposals {
            let edits = proposal.changes.compactMap { $0 as? DomainChange }.filter { $0.guest == guest.name }
            let left = proposal.leftToPerson(requested: requested)
            if isFirst { sort(proposal, left, &answer) }
            if left != nil, proposal.finding.remedy.isOnlyOnRequest { continue }
            guard !edits.isEmpty, edits.allSatisfy({ !done.contains($0) }) else { continue }
            if without.contains(proposal.about.id) { continue }
            if proposal.isMixed, refused.contains(proposal.key) {
                // The host's planner says again why.
                done.formUnion(edits)
                answer.forHost.append(proposal)
                continue
            }
            guard guest.persistent != nil else {
                if isFirst {
                    answer.leftOut.append(
                        proposal.leftOut(
                            Text(
                                "the guest is transient: it has no definition that lasts",
                                "该客户机是临时的:没有持久定义")))
                }
                continue
            }
            // What is put in beside something else is at odds with nothing.
            guard claims.claim(edits.filter { $0.insertion == nil }, for: proposal) else { continue }
            // Two elements of one name in one place, or one inside what another makes: the second waits for the next round, which sees the first.
            let places = edits.compactMap(\.insertion)
            guard places.allSatisfy({ place in inserted.allSatisfy { !place.meets($0) } }) else { continue }
            inserted += places
            accepted.append((proposal, edits))
        }
        answer.settled += claims.settled
        guard !accepted.isEmpty, let domain = guest.persistent else { return false }
        let (document, failures) = Self.apply(accepted.map(\.edits), to: domain.root.document)
        for (position, failure) in failures {
            answer.leftOut.append(
                accepted[position].proposal.leftOut(
                    Text("the definition cannot be edited so: \(failure)", "无法这样编辑定义:\(failure)")))
        }
        for entry in accepted { done.formUnion(entry.edits) }
        guard document.source != domain.root.document.source, let edited = try? DomainDefinition(document) else {
            return false
        }
        answer.guests[index].persistent = edited
        for (position, entry) in accepted.enumerated() where failures[position] == nil {
            answer.edited[index, default: Tally()].add(entry.proposal)
            if entry.proposal.isMixed { answer.forHost.append(entry.proposal) }
        }
        return true
    }

    /// What of a proposal is not an edit of this guest's definition.
    private func sort(_ proposal: Proposal, _ left: Plan.LeftOut?, _ answer: inout Answer) {
        if let left {
            answer.leftOut.append(left)
            return
        }
        if proposal.changes.contains(where: { $0 is LiveChange }) { answer.live.append(proposal) }
        // What changes a definition as well comes with that.
        if !proposal.isMixed,
            proposal.changes.contains(where: { !($0 is DomainChange || $0 is LiveChange || $0.isHugePages) })
        {
            // Huge pages follow from the definitions: the host's own practices reserve them once for all guests.
            answer.forHost.append(proposal)
        }
    }

    /// The document with every remedy that can be made, and why the others cannot.
    private static func apply(_ remedies: [[DomainChange]], to document: XMLDocument) -> (XMLDocument, [Int: XMLError])
    {
        if let all = try? document.applying(remedies.flatMap { $0.map(\.xmlEdit) }) { return (all, [:]) }
        var failures: [Int: XMLError] = [:]
        var taken: [XMLEdit] = []
        var result = document
        for (index, remedy) in remedies.enumerated() {
            let edits = taken + remedy.map(\.xmlEdit)
            do throws(XMLError) {
                result = try document.applying(edits)
                taken = edits
            } catch {
                failures[index] = error
            }
        }
        return (result, failures)
    }
}

extension DomainChange {
    var xmlEdit: XMLEdit {
        switch edit {
        case .attribute(let name, let value): XMLEdit(xpath, .attribute(name, value))
        case .text(let text): XMLEdit(xpath, .text(text))
        case .insert(let fragment): XMLEdit(xpath, .insert(fragment))
        case .remove: XMLEdit(xpath, .remove)
        case .removeAttribute(let name): XMLEdit(xpath, .removeAttribute(name))
        }
    }

    /// Where an element is put, and the path it then has.
    struct Insertion {
        var parent: String
        var path: String
        /// Whether both make the same element, or one goes into what the other makes.
        func meets(_ other: Insertion) -> Bool {
            path == other.path || Self.isInside(parent, other.path) || Self.isInside(other.parent, path)
        }
        private static func isInside(_ path: String, _ folder: String) -> Bool {
            path == folder || path.hasPrefix(folder + "/")
        }
    }

    /// The element put in; `nil` where none is.
    var insertion: Insertion? {
        guard case .insert(let fragment) = edit else { return nil }
        let name = fragment.utf8.drop { $0 != 0x3C }.dropFirst().prefix {
            ![0x20, 0x2F, 0x3E, 0x09, 0x0A].contains($0)
        }
        return Insertion(parent: xpath, path: "\(xpath)/\(String(decoding: Array(name), as: UTF8.self))")
    }
}

extension Change {
    /// Whether it reserves huge pages of any size.
    var isHugePages: Bool { self is HugePagesChange || (self as? SysctlChange)?.key == "vm.nr_hugepages" }
}

extension Estate {
    /// The same with other guests.
    func with(guests: [Guest]) -> Estate {
        Estate(
            host: host, hasHost: hasHost, guests: guests, images: images, hasImages: hasImages,
            capabilities: capabilities, migrationTargets: migrationTargets, settings: settings, now: now,
            history: history)
    }
}
