import Advisor
import Changes
import DomainXML
import HostFacts
import Inventory
import Planning
import Quantities
import Survey
import Testing

/// A remedy that changes the host and a definition is made whole or not at all: a disk's name that the host does not know keeps the guest from starting.
@Suite struct MultipathPlanTests {
    private static let path = "/etc/multipath.conf"
    private static let wwid = "36589cfc000000537c47ad3eb2b20216e"

    private func guest(_ name: String, _ device: String) -> Guest {
        .example(
            """
            <name>\(name)</name><devices><disk type='block' device='disk'><source dev='\(device)'/>\
            <target dev='vda' bus='virtio'/></disk></devices>
            """, active: false
        ) { $0.origin = .libvirt("qemu:///system") }
    }

    private func plan(_ guests: [Guest], _ text: String? = nil, maps: [MultipathMap] = [], hasHost: Bool = true) async
        -> Plan
    {
        var host = HostFacts.example
        host.storage.multipath = .known(maps)
        var states = HugePagePlanTests.Files()
        states.files[Self.path] = text
        var selection = Advice.Selection()
        selection.only = ["multipath-alias"]
        return await Planner(Advice(selection), states: states, root: "/", connection: "qemu:///system")
            .plan(Estate(host: host, hasHost: hasHost, guests: guests))
    }

    private func names(_ plan: Plan) -> [String] { plan.steps.map(\.resource.name) }

    @Test func fileAndDefinitionTogether() async throws {
        let guests = [guest("my db", "/dev/mapper/\(Self.wwid)-part2"), guest("other", "/dev/mapper/storage1")]
        let first = await plan(guests)
        #expect(names(first) == [Self.path, "my db"] && first.leftOut.isEmpty)
        let written = try #require(first.steps.first?.after?.text)
        #expect(written.contains("alias my_db-vda\n") && written.contains("wwid \(Self.wwid)\n"))
        // A partition stays that partition.
        let definition = try #require(first.steps.last?.after?.text)
        #expect(definition.contains("'/dev/mapper/my_db-vda-part2'"))
        #expect(try DomainDefinition(xml: definition).name == "my db")
    }

    @Test(arguments: [
        // Somebody's name for it, which other guests may use.
        "multipaths {\n\tmultipath {\n\t\twwid \(Self.wwid)\n\t\talias storage1\n\t}\n}\n",
        // Nothing that can be edited.
        "multipaths { garbage",
    ])
    func neitherWhereTheFileCannotBe(_ text: String) async {
        let plan = await plan([guest("db", "/dev/mapper/\(Self.wwid)")], text)
        #expect(names(plan) == [])
        #expect(plan.leftOut.map(\.practice) == ["multipath-alias"])
        let alone = await self.plan([guest("db", "/dev/mapper/\(Self.wwid)")], hasHost: false)
        #expect(names(alone) == [] && alone.leftOut.map(\.practice) == ["multipath-alias"])
    }

    /// One LUN has one name: guests that share it by its path share the alias, and another path goes on leading to it.
    @Test func guestsShareOne() async throws {
        let lun = "/dev/mapper/\(Self.wwid)"
        let guests = [guest("one", lun), guest("two", lun + "-part1"), guest("three", lun)]
        let all = await plan(guests + [guest("four", "/dev/disk/by-id/dm-uuid-mpath-\(Self.wwid)")])
        #expect(names(all) == [Self.path, "one", "two", "three", "four"] && all.settled.isEmpty)
        let texts = all.steps.dropFirst().map { $0.after?.text ?? "" }
        #expect(texts.allSatisfy { $0.contains("'/dev/mapper/one-vda") }, "\(texts)")
        // With a name for it from before nothing is called otherwise.
        let later = await plan(guests, all.steps[0].after?.text?.replacing("one-vda", with: "storage"))
        #expect(later.steps.isEmpty && later.leftOut.count == 3)
    }

    @Test func whatOnlyTheHostKnowsIsLeftToAPerson() async {
        for device in ["/dev/mapper/mpatha", "/dev/disk/by-id/dm-uuid-mpath-\(Self.wwid)-part1"] {
            let plan = await plan([guest("db", device)])
            #expect(names(plan) == [] && plan.leftOut.count == 1, "\(device)")
        }
        let known = [MultipathMap(name: "mpatha", wwid: Self.wwid, device: "dm-6")]
        for device in ["/dev/mapper/mpatha", "/dev/dm-6", "/dev/disk/by-id/scsi-\(Self.wwid)"] {
            #expect(names(await plan([guest("db", device)], maps: known)) == [Self.path, "db"], "\(device)")
        }
        // It has an alias already.
        let named = [MultipathMap(name: "storage1", wwid: Self.wwid, device: "dm-6")]
        for device in ["/dev/dm-6", "/dev/disk/by-id/wwn-0x\(Self.wwid.dropFirst())"] {
            let plan = await plan([guest("db", device)], maps: named)
            #expect(names(plan) == ["db"] && plan.steps[0].after?.text?.contains("'/dev/mapper/storage1'") == true)
        }
    }
}
