import Changes
import DomainXML
import Inventory
import Practices
import Testing
import ToolRunning

/// Every edit that a practice proposes for a definition of the corpora can be made on it.
@Suite(.enabled(if: Corpora.folder != nil, "the corpora are not beside this checkout"))
struct RemedyEditsTests {
    @Test(arguments: Practices.all.map(\.about.id)) func canBeMade(_ id: String) throws {
        let (practice, about) = try #require(Practices.named(id))
        guard let practice = practice as? any GuestPractice else { return }
        for (name, estate) in CorpusTests.estates.prefix(1) {
            for (guest, definition) in zip(estate.guests, CorpusTests.definitions) {
                // libvirt's status files hold running guests; edits are of definitions.
                guard definition.domain.root.parent == nil else { continue }
                for finding in practice.verdict(about, on: definition.domain, of: guest, in: estate).findings {
                    let edits = finding.remedy.changes.compactMap { $0 as? DomainChange }.map(Self.edit)
                    do {
                        _ = try definition.domain.root.document.applying(edits)
                    } catch {
                        Issue.record("\(id): \(name): \(definition.path): \(error)")
                    }
                }
            }
        }
    }

    private static func edit(_ change: DomainChange) -> XMLEdit {
        switch change.edit {
        case .attribute(let name, let value): XMLEdit(change.xpath, .attribute(name, value))
        case .text(let text): XMLEdit(change.xpath, .text(text))
        case .insert(let fragment): XMLEdit(change.xpath, .insert(fragment))
        case .remove: XMLEdit(change.xpath, .remove)
        case .removeAttribute(let name): XMLEdit(change.xpath, .removeAttribute(name))
        }
    }
}
