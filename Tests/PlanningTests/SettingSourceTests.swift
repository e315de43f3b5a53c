import Advisor
import Changes
import HostFacts
import Inventory
import Planning
import Practices
import Quantities
import Testing

/// Where a setting's present value comes from is part of the plan.
@Suite struct SettingSourceTests {
    private struct Swappy: StateSource {
        func look(at resource: Resource) async -> Fact<ResourceState> {
            resource.kind == .setting ? .known(ResourceState(text: "80")) : .known(.absent)
        }
        func names(in folder: String) async -> Fact<[String]> { .known([]) }
    }

    private func step(_ file: String?) async -> Step? {
        var host = HostFacts.example
        host.sysctl.running["vm.swappiness"] = .known("80")
        host.sysctl.configured = .known(
            file.map { ["vm.swappiness": ConfiguredSysctl(value: "80", file: $0, line: 2)] } ?? [:])
        var selection = Advice.Selection()
        selection.only = ["swappiness"]
        let planner = Planner(Advice(selection), states: Swappy(), root: "/", connection: nil)
        let plan = await planner.plan(Estate(host: host, hasHost: true, guests: []))
        return plan.steps.first { $0.resource.kind == .setting }
    }

    @Test func theFileThatSetItIsNamed() async throws {
        #expect(await step("/etc/sysctl.d/50-admin.conf")?.source == "/etc/sysctl.d/50-admin.conf line 2")
        let unset = try #require(await step(nil))
        #expect(unset.source == nil)
    }

    @Test func aFileThatIsReadLaterIsWarnedOf() async throws {
        #expect(try #require(await step("/etc/sysctl.d/99-last.conf")).source == "/etc/sysctl.d/99-last.conf line 2")
    }
}
