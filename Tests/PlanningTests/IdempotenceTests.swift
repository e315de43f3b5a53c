import Advisor
import Changes
import DomainXML
import Foundation
import Inventory
import Planning
import Quantities
import Survey
import Testing
import ToolRunning

/// Nothing is there: no file, no setting.
struct EmptyMachine: StateSource {
    func look(at resource: Resource) async -> Fact<ResourceState> {
        resource.kind == .file ? .known(.absent) : .unknown(Unknown(.missing, source: resource.name))
    }
    func names(in folder: String) async -> Fact<[String]> { .unknown(Unknown(.missing, source: folder)) }
}

/// A second plan after the first is empty, whatever the definition.
@Suite struct IdempotenceTests {
    private func estate(_ guests: [Guest]) -> Estate { Estate(host: .unexamined, hasHost: false, guests: guests) }

    private func plan(_ estate: Estate) async -> Plan {
        await Planner(Advice(), states: EmptyMachine(), root: "/", connection: nil).plan(estate)
    }

    private func guest(_ source: [UInt8], _ path: String) throws -> Guest {
        let domain = try DomainDefinition(XMLDocument(source, path: path))
        return Guest(name: domain.name, origin: .file(path), persistent: domain)
    }

    @Test(.enabled(if: Corpora.folder != nil, "the corpora are not beside the checkout"))
    func everyDefinitionOfTheCorpora() async throws {
        var edited = 0
        for (path, source) in Corpora.documents("domains").map({ ("/" + $0.path, $0.bytes) }) {
            guard let guest = try? guest(source, path) else { continue }
            let first = await plan(estate([guest]))
            #expect(first == (await plan(estate([guest]))), "\(path): another plan from the same facts")
            guard let step = first.steps.first, let after = step.after?.bytes else { continue }
            edited += 1
            let second = await plan(estate([try self.guest(after, path)]))
            #expect(second.steps.isEmpty, "\(path): \(second.steps.flatMap { $0.reasons.map(\.practice) })")
            #expect(
                first.steps.count == 1 && second.leftOut.allSatisfy { !$0.why.english.contains("cannot be edited") },
                "\(path)")
        }
        #expect(edited > 500)
        print("planned for \(edited) definitions twice")
    }
}
