import Advisor
import HostFacts
import Inventory
import Planning
import Quantities
import Testing

/// Several findings on one mount are one line of fstab.
@Suite struct MountPlanTests {
    @Test(arguments: [
        ("rsize=4096,wsize=4096", "defaults"), ("rw,soft,udp,rsize=4096", "rw,proto=tcp"),
        ("defaults,rsize=4096,soft", "defaults"), ("soft,wsize=4096,noatime,nolock", "noatime"), ("udp", "proto=tcp"),
        ("rw,noatime", nil),
    ])
    func allOptionsAtOnce(_ options: String, _ expected: String?) async throws {
        let place = "/var/lib/libvirt/images"
        func line(_ options: String) -> String { "nas:/vm\t\(place)\tnfs\t\(options)\t0 0\n" }
        func plan(_ options: String) async -> [String?] {
            var host = HostFacts.example
            let mount = Mount(
                source: "nas:/vm", path: place, type: "nfs", options: options.split(separator: ",").map(String.init))
            host.storage.fstab = .known([mount])
            host.storage.mounts = .known([mount])
            var states = HugePagePlanTests.Files()
            states.files["/etc/fstab"] = line(options)
            var selection = Advice.Selection()
            selection.only = ["nfs-mount"]
            return await Planner(Advice(selection), states: states, root: "/", connection: nil)
                .plan(Estate(host: host, guests: [])).steps.map(\.after?.text)
        }
        #expect(await plan(options) == (expected.map { [line($0)] } ?? []))
        if let expected { #expect(await plan(expected) == []) }
    }
}
