import Changes
import DomainXML
import HostFacts
import Inventory
import Quantities
import Testing

@testable import Planning

/// Guests whose threads are put together.
@Suite struct PinTogetherTests {
    /// Two nodes of two cores with two threads each; memory of 4 and 8 GiB.
    private var host: HostFacts {
        var host = HostFacts.unexamined
        host.cpu.online = .known(CPUSet(0...7))
        host.cpu.topology = .known(
            (0..<8).map { LogicalProcessor(id: $0, core: $0 / 2, siblings: CPUSet([$0 / 2 * 2, $0 / 2 * 2 + 1])) })
        host.numa.nodes = .known([
            NUMANode(id: 0, cpus: CPUSet(0...3), memory: .known(ByteCount(gibibytes: 4))),
            NUMANode(id: 1, cpus: CPUSet(4...7), memory: .known(ByteCount(gibibytes: 8))),
        ])
        return host
    }

    private func guest(_ name: String, _ vcpus: Int, _ inner: String = "", memory: Int = 2) throws -> Guest {
        Guest(
            name: name, origin: .libvirt("x"),
            persistent: try DomainDefinition(
                xml:
                    "<domain type='kvm'><name>\(name)</name><memory unit='GiB'>\(memory)</memory><vcpu>\(vcpus)</vcpu>\(inner)</domain>"
            ))
    }

    private func pins(_ guest: Guest, beside others: [Guest] = []) throws -> String {
        let estate = Estate(host: host, guests: [guest] + others)
        let changes = try PinTogether().changes(of: guest, in: estate)
        let domain = try #require(guest.persistent)
        let edited = try DomainDefinition(domain.root.document.applying(changes.persistent.map(\.xmlEdit)))
        let vcpus = edited.vcpuPins.map { "\($0.thread ?? -1)=\($0.cpus?.description ?? "")" }
        return (vcpus + ["e=\(edited.emulatorPin?.cpus?.description ?? "")"]).joined(separator: " ")
    }

    @Test func coresBeforeSiblings() throws {
        #expect(try pins(guest("a", 2)) == "0=0 1=2 e=1,3")
        #expect(try pins(guest("a", 4)) == "0=0 1=2 2=1 3=3 e=0-3")
    }

    @Test func othersAreLeftAlone() throws {
        let other = try guest("b", 1, "<cputune><vcpupin vcpu='0' cpuset='0'/></cputune>")
        #expect(try pins(guest("a", 2), beside: [other]) == "0=4 1=6 e=5,7")
    }

    @Test func memoryDecides() throws {
        #expect(try pins(guest("a", 2, memory: 6)) == "0=4 1=6 e=5,7")
        let bound = try guest("a", 2, "<numatune><memory mode='strict' nodeset='1'/></numatune>")
        #expect(try pins(bound) == "0=4 1=6 e=5,7")
    }

    @Test func whatFitsNowhereIsRefused() throws {
        #expect(throws: Refusal.self) { try pins(guest("a", 5)) }
        #expect(throws: Refusal.self) { try pins(guest("a", 1, memory: 9)) }
    }
}
