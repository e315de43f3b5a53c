import DomainXML
import HostFacts
import Inventory
import Quantities
import Testing

@testable import Planning

/// Which memory moves where.
@Suite struct PageMigrationTests {
    private func host(
        _ memory: [Int: ByteCount]?, threads: [String: CPUSet] = [:], free: ByteCount = ByteCount(gibibytes: 4)
    )
        -> HostFacts
    {
        var host = HostFacts.unexamined
        host.numa.nodes = .known(
            (0..<3).map {
                NUMANode(
                    id: $0, cpus: CPUSet($0 * 4...$0 * 4 + 3),
                    memory: .known($0 == 2 ? .zero : ByteCount(gibibytes: 8)), free: .known(free))
            })
        host.processes.qemu = .known([
            QEMUProcess(
                pid: 42, program: "/usr/bin/qemu-system-x86_64", arguments: [], name: "other", uuid: "no"),
            QEMUProcess(
                pid: 43, program: "/usr/bin/qemu-system-x86_64", arguments: [], name: "db", uuid: "u",
                memoryByNode: memory.map { .known($0) } ?? .unknown(Unknown(.denied, source: "numa_maps")),
                threads: .known(threads)),
        ])
        return host
    }

    private func guest(_ inner: String = "", runs: Bool = true) throws -> Guest {
        let domain = try DomainDefinition(
            xml: "<domain type='kvm'><name>db</name><uuid>u</uuid>\(inner)</domain>", path: "db.xml")
        return Guest(name: "db", origin: .libvirt("x"), persistent: domain, live: runs ? domain : nil)
    }

    private let half = [0: ByteCount(gibibytes: 1), 1: ByteCount(gibibytes: 1)]

    private func refusal(_ guest: Guest, _ host: HostFacts, to nodes: NodeSet? = nil) -> String {
        do throws(Refusal) {
            _ = try PageMigration(of: guest, on: host, to: nodes)
            return ""
        } catch { return "\(error)" }
    }

    @Test func nodesComeFromWhatBindsIt() throws {
        let tuned = try PageMigration(
            of: guest("<numatune><memory mode='strict' nodeset='1'/></numatune>"), on: host(half), to: nil)
        #expect(tuned.to == [1] && tuned.from == [0] && tuned.pid == 43 && tuned.remote == ByteCount(gibibytes: 1))
        let pinned = try PageMigration(of: guest(), on: host(half, threads: ["CPU 0/KVM": [0, 1]]), to: nil)
        #expect(pinned.to == [0] && pinned.from == [1])
        let asked = try PageMigration(
            of: guest("<numatune><memory mode='strict' nodeset='1'/></numatune>"), on: host(half), to: [0])
        #expect(asked.to == [0])
        let there = try PageMigration(of: guest(), on: host([1: ByteCount(gibibytes: 1)]), to: [1])
        #expect(there.from.isEmpty && there.remote == .zero)
    }

    @Test func whatCannotBeIsRefused() throws {
        #expect(refusal(try guest(runs: false), host(half)).contains("does not run"))
        #expect(refusal(try guest(), host(half)).contains("bound to no node"))
        #expect(refusal(try guest(), host(half), to: [2]).contains("no memory on node 2"))
        #expect(refusal(try guest(), host(half), to: [7]).contains("no memory on node 7"))
        #expect(refusal(try guest(), host(nil), to: [1]).contains("not known"))
        #expect(refusal(try guest(), host(half, free: ByteCount(mebibytes: 10)), to: [1]).contains("10 MiB free"))
        var alone = host(half)
        alone.numa.nodes = .known([NUMANode(id: 0, cpus: [0], memory: .known(ByteCount(gibibytes: 1)))])
        #expect(refusal(try guest(), alone, to: [0]).contains("one NUMA node"))
    }
}
