import Foundation
import HostFacts
import Quantities
import Testing

/// Every captured host against what an independent script read of it.
@Suite(.enabled(if: !Corpus.hosts.isEmpty, "the corpus of hosts is not there")) struct CorpusTests {
    @Test(arguments: Corpus.hosts.map(\.lastPathComponent)) func host(_ name: String) throws {
        let file = try #require(Corpus.hosts.first { $0.lastPathComponent == name })
        let expected = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        let stem = String(name.dropLast(".facts.json".count))
        let scratch = FileManager.default.temporaryDirectory.appending(path: "nearmetal-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let archive = file.deletingLastPathComponent().appending(path: "\(stem).tar.zst").path
        try #require(Corpus.run(["tar", "--zstd", "-xf", archive, "-C", scratch.path]) == 0)
        let facts = HostFacts.read(root: scratch.appending(path: stem).path)

        let cpu = expected["cpu"] as? [String: Any] ?? [:]
        compare("online", facts.cpu.online.value?.members, cpu["online"] as? [Int])
        compare("possible", facts.cpu.possible.value?.members, cpu["possible"] as? [Int])
        compare("present", facts.cpu.present.value?.members, cpu["present"] as? [Int])
        compare("offline", facts.cpu.offline.value?.members, cpu["offline"] as? [Int])
        if let packages = cpu["packages"] as? [Any], let sockets = facts.cpu.sockets.value {
            #expect(sockets == packages.count)
        }
        compare("threads", facts.cpu.threads.value, cpu["threadsPerCore"] as? Int)
        topology(facts, cpu["topology"] as? [[String: Any]])

        nodes(facts, (expected["numa"] as? [String: Any])?["nodes"] as? [[String: Any]])

        let memory = expected["memory"] as? [String: Any] ?? [:]
        compare("total", facts.memory.total.value?.kibibytes, (memory["totalKiB"] as? Int).map(UInt64.init))
        pools("host", facts.memory.hugePages.value, memory["hugepages"] as? [[String: Any]])
        if let thp = memory["transparentHugepage"] as? [String: Any] {
            compare("thp", facts.memory.thp.enabled.value, thp["enabled"] as? String)
        }
        if let ksm = memory["ksm"] as? [String: Any] { compare("ksm", facts.memory.ksm.run.value, ksm["run"] as? Int) }
        if let line = expected["kernelCommandLine"] as? [String: Any], let raw = line["raw"] as? String {
            #expect(facts.kernel.commandLine.value == KernelCommandLine(raw))
        }
        if let swaps = expected["swaps"] as? [[String: Any]] { #expect(facts.memory.swap.value?.count == swaps.count) }
        for block in expected["block"] as? [[String: Any]] ?? [] {
            guard let device = block["name"] as? String, let scheduler = block["scheduler"] as? String else { continue }
            #expect(facts.storage.disks.value?.first { $0.name == device }?.scheduler.value == scheduler, "\(device)")
        }
        for (key, value) in expected["sysctl"] as? [String: Any] ?? [:] {
            guard let known = facts.sysctl.running[key] else { continue }
            #expect(known.value == "\(value)", "\(key)")
        }
        for mount in expected["mounts"] as? [[String: Any]] ?? [] {
            let path = mount["path"] as? String
            let found = facts.storage.mounts.value?.first { $0.path == path && $0.type == mount["type"] as? String }
            #expect(found != nil, "\(path ?? "")")
        }
        if let client = expected["nfsClient"] as? [String: Any], let rpc = client["rpc"] as? [String: Any] {
            compare("calls", facts.storage.nfsClient.value?.calls, (rpc["calls"] as? Int).map(UInt64.init))
            compare(
                "retrans", facts.storage.nfsClient.value?.retransmissions, (rpc["retrans"] as? Int).map(UInt64.init))
        }
    }

    /// Where the script found nothing, we know nothing; where it found something, it is the same.
    func compare<Value: Equatable>(_ what: Comment, _ ours: Value?, _ theirs: Value?) {
        #expect(ours == theirs, what)
    }

    func topology(_ facts: HostFacts, _ expected: [[String: Any]]?) {
        guard let expected, !expected.isEmpty else { return }
        let ours = Dictionary(uniqueKeysWithValues: (facts.cpu.topology.value ?? []).map { ($0.id, $0) })
        for entry in expected {
            guard let id = entry["cpu"] as? Int, let siblings = entry["siblings"] as? String, let cpu = ours[id] else {
                continue
            }
            #expect(cpu.siblings == CPUSet(list: siblings), "siblings of \(id)")
            if let package = entry["package"] as? Int, package >= 0 {
                #expect(cpu.socket == package, "package of \(id)")
            }
            if let core = entry["core"] as? Int, core >= 0 { #expect(cpu.core == core, "core of \(id)") }
        }
    }

    func nodes(_ facts: HostFacts, _ expected: [[String: Any]]?) {
        guard let expected, !expected.isEmpty else {
            #expect(facts.numa.nodes.value?.isEmpty ?? true)
            return
        }
        #expect(facts.numa.nodes.value?.map(\.id) == expected.compactMap { $0["id"] as? Int })
        for (node, entry) in zip(facts.numa.nodes.value ?? [], expected) {
            let name: Comment = "node \(node.id)"
            if let cpus = entry["cpus"] as? [Int] { #expect(node.cpus.members == cpus, name) }
            compare(name, node.memory.value?.kibibytes, (entry["memoryKiB"] as? Int).map(UInt64.init))
            compare(name, node.free.value?.kibibytes, (entry["freeKiB"] as? Int).map(UInt64.init))
            compare(name, node.distances.value, entry["distances"] as? [Int])
            pools(name, node.hugePages.value, entry["hugepages"] as? [[String: Any]])
        }
    }

    func pools(_ what: Comment, _ ours: [HugePagePool]?, _ theirs: [[String: Any]]?) {
        guard let theirs, !theirs.isEmpty else {
            #expect(ours?.isEmpty ?? true, what)
            return
        }
        #expect(ours?.count == theirs.count, what)
        for (pool, entry) in zip(
            ours ?? [], theirs.sorted { ($0["sizeKiB"] as? Int ?? 0) < ($1["sizeKiB"] as? Int ?? 0) })
        {
            #expect(pool.size.kibibytes == (entry["sizeKiB"] as? Int).map(UInt64.init), what)
            #expect(pool.total == entry["nr_hugepages"] as? Int, what)
            if let free = entry["free_hugepages"] as? Int { #expect(pool.free == free, what) }
            if let surplus = entry["surplus_hugepages"] as? Int { #expect(pool.surplus == surplus, what) }
        }
    }
}
