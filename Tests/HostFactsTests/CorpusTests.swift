import Foundation
import HostFacts
import Quantities
import Testing

/// Every captured host against what an independent script read of it: what it found we find, what it did not find is unknown to us.
@Suite(.enabled(if: !Corpus.hosts.isEmpty, "the corpus of hosts is not there")) struct CorpusTests {
    @Test(arguments: Corpus.hosts.map(\.lastPathComponent)) func host(_ name: String) throws {
        let file = try #require(Corpus.hosts.first { $0.lastPathComponent == name })
        let expected = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        let facts = try Corpus.unpacked(file) { HostFacts.read(root: $0.path) }

        cpu(facts.cpu, expected["cpu"] as? [String: Any] ?? [:])
        information(facts.cpu, expected["cpuinfo"] as? [String: Any])
        nodes(facts, (expected["numa"] as? [String: Any])?["nodes"] as? [[String: Any]])
        memory(facts, expected["memory"] as? [String: Any] ?? [:])
        compare(
            "swaps", facts.memory.swap.value?.map(\.path),
            (expected["swaps"] as? [[String: Any]])?.map { $0["device"] as? String ?? "" })
        for (area, entry) in zip(facts.memory.swap.value ?? [], expected["swaps"] as? [[String: Any]] ?? []) {
            #expect(area.type == entry["type"] as? String)
            #expect(area.size.kibibytes == number(entry["sizeKiB"]))
            #expect(area.used.kibibytes == number(entry["usedKiB"]))
            #expect(area.priority == entry["priority"] as? Int)
        }
        compare(
            "command line", facts.kernel.commandLine.value,
            (expected["kernelCommandLine"] as? String).map { KernelCommandLine($0) })
        compare(
            "kernel", facts.kernel.release.value,
            (expected["kernelVersion"] as? String)?.split(separator: " ").dropFirst(2).first.map(String.init)
                ?? facts.kernel.release.value)
        storage(facts.storage, expected)
        for (key, value) in expected["sysctl"] as? [String: String] ?? [:] {
            if let known = facts.sysctl.running[key] { #expect(known.value == value, "\(key)") }
        }
        if expected["sysctl"] == nil { #expect(facts.sysctl.running.values.allSatisfy { $0.value == nil }) }
        for (key, value) in expected["moduleParameters"] as? [String: String] ?? [:] {
            let path = key.replacing(".", with: "/")
            if let known = facts.kernel.moduleParameters[path] { #expect(known.value == value, "\(key)") }
        }
    }

    /// Where the script found nothing, we know nothing; where it found something, it is the same.
    func compare<Value: Equatable>(_ what: Comment, _ ours: Value?, _ theirs: Value?) {
        #expect(ours == theirs, what)
    }

    func number(_ value: Any?) -> UInt64? { (value as? NSNumber)?.uint64Value }

    // MARK: CPU

    func cpu(_ facts: CPUFacts, _ expected: [String: Any]) {
        compare("online", facts.online.value?.members, expected["online"] as? [Int])
        compare("offline", facts.offline.value?.members, expected["offline"] as? [Int])
        compare("present", facts.present.value?.members, expected["present"] as? [Int])
        compare("possible", facts.possible.value?.members, expected["possible"] as? [Int])
        compare("isolated", facts.isolated.value?.members, expected["isolated"] as? [Int])
        let packages = expected["packages"] as? [[String: Any]]
        // Where the kernel gives no number (-1), the script has one package of that number; we know it only where there is but one.
        let isNumbered = packages?.contains { $0["id"] as? Int == -1 } != true
        if isNumbered || facts.sockets.value != nil { compare("sockets", facts.sockets.value, packages?.count) }
        compare("cores", facts.cores.value, expected["siblingGroups"] as? Int)
        compare("threads", facts.threads.value, expected["threadsPerCore"] as? Int)
        if let governor = expected["cpu0Governor"] as? String { #expect(facts.governor.value == governor) }
        if let control = expected["smtControl"] as? String, facts.smtActive.value == true { #expect(control == "on") }

        let topology = expected["topology"] as? [[String: Any]] ?? []
        let ours = facts.topology.value ?? []
        #expect(ours.map(\.id) == topology.filter { $0.count > 1 }.compactMap { $0["cpu"] as? Int })
        let byID = Dictionary(uniqueKeysWithValues: ours.map { ($0.id, $0) })
        for entry in topology {
            guard let id = entry["cpu"] as? Int, let cpu = byID[id] else { continue }
            compare(
                "siblings of \(id)", cpu.siblings, (entry["siblings"] as? String).flatMap { CPUSet(list: $0) } ?? [])
            compare("package of \(id)", cpu.socket, (entry["package"] as? Int).flatMap { $0 < 0 ? nil : $0 })
            compare("core of \(id)", cpu.core, (entry["core"] as? Int).flatMap { $0 < 0 ? nil : $0 })
            compare("die of \(id)", cpu.die, (entry["die"] as? Int).flatMap { $0 < 0 || $0 == 65535 ? nil : $0 })
        }
        for package in packages ?? [] where isNumbered {
            let id = package["id"] as? Int
            let members = CPUSet(ours.filter { $0.socket == id }.map(\.id))
            #expect(members == (package["cpuList"] as? String).flatMap { CPUSet(list: $0) }, "package \(id ?? -1)")
        }
        let caches = (expected["caches"] as? [[String: Any]])?.map { cache in
            "L\(cache["level"] ?? "") \(cache["type"] ?? "") \(CPUInfo.size(Array("\(cache["size"] ?? "")".utf8))?.description ?? "?") \(cache["sharedBy"] ?? "")"
        }
        compare(
            "caches",
            facts.caches.value.map {
                Set($0.map { "L\($0.level) \($0.type) \($0.size?.description ?? "?") \($0.cpus)" })
            },
            caches.map { Set($0) })
    }

    func information(_ facts: CPUFacts, _ expected: [String: Any]?) {
        if let vendor = expected?["vendor"] as? String { #expect(facts.vendor.value == vendor) }
        if let model = expected?["model"] as? String { #expect(facts.model.value == model) }
        compare("flags", facts.flags.value, (expected?["flags"] as? [String]).map { Set($0) })
    }

    // MARK: NUMA and memory

    func nodes(_ facts: HostFacts, _ expected: [[String: Any]]?) {
        guard let expected, !expected.isEmpty else {
            #expect(facts.numa.nodes.value == nil)
            return
        }
        #expect(facts.numa.nodes.value?.map(\.id) == expected.compactMap { $0["id"] as? Int })
        for (node, entry) in zip(facts.numa.nodes.value ?? [], expected) {
            let name: Comment = "node \(node.id)"
            compare(name, node.unknownCPUs == nil ? node.cpus.members : nil, entry["cpus"] as? [Int])
            compare(name, node.memory.value?.kibibytes, number(entry["memoryKiB"]))
            compare(name, node.free.value?.kibibytes, number(entry["freeKiB"]))
            compare(name, node.distances.value, entry["distances"] as? [Int])
            pools(name, node.hugePages.value, entry["hugepages"] as? [[String: Any]])
        }
    }

    func memory(_ facts: HostFacts, _ expected: [String: Any]) {
        compare("total", facts.memory.total.value?.kibibytes, number(expected["totalKiB"]))
        pools("host", facts.memory.hugePages.value, expected["hugepages"] as? [[String: Any]])
        let thp = expected["transparentHugepage"] as? [String: Any]
        compare("thp", facts.memory.thp.enabled.value, thp?["enabled"] as? String)
        let ksm = expected["ksm"] as? [String: Any]
        compare("ksm", facts.memory.ksm.run.value.map(UInt64.init), number(ksm?["run"]))
        compare("pages_sharing", facts.memory.ksm.pagesSharing.value, number(ksm?["pages_sharing"]))
        compare("pages_to_scan", facts.memory.ksm.pagesToScan.value, number(ksm?["pages_to_scan"]))
        compare("sleep_millisecs", facts.memory.ksm.sleepMilliseconds.value, number(ksm?["sleep_millisecs"]))
        compare("general_profit", facts.memory.ksm.generalProfit.value.map(Int.init), ksm?["general_profit"] as? Int)
        let meminfo = expected["meminfo"] as? [String: Any]
        #expect((facts.memory.meminfo.value == nil) == (meminfo == nil))
        for (key, value) in meminfo ?? [:] {
            guard let ours = facts.memory.meminfo.value?[key], let theirs = number(value) else {
                Issue.record("meminfo \(key)")
                continue
            }
            // The script drops the unit; ours are bytes where there was one.
            #expect(ours == theirs || ours == theirs * 1024, "meminfo \(key)")
        }
    }

    func pools(_ what: Comment, _ ours: [HugePagePool]?, _ theirs: [[String: Any]]?) {
        guard let theirs, !theirs.isEmpty else {
            #expect(ours?.isEmpty ?? true, what)
            return
        }
        let sorted = theirs.sorted { (number($0["sizeKiB"]) ?? 0) < (number($1["sizeKiB"]) ?? 0) }
        #expect(ours?.map(\.size.kibibytes) == sorted.map { number($0["sizeKiB"]) ?? 0 }, what)
        for (pool, entry) in zip(ours ?? [], sorted) {
            #expect(pool.total == entry["nr_hugepages"] as? Int, what)
            #expect(pool.free == entry["free_hugepages"] as? Int, what)
            #expect(pool.surplus == entry["surplus_hugepages"] as? Int, what)
            if let reserved = entry["resv_hugepages"] as? Int { #expect(pool.reserved == reserved, what) }
            if let overcommit = entry["nr_overcommit_hugepages"] as? Int {
                #expect(pool.overcommit == overcommit, what)
            }
        }
    }

    // MARK: Storage

    func storage(_ facts: StorageFacts, _ expected: [String: Any]) {
        let blocks = expected["block"] as? [[String: Any]] ?? []
        for block in blocks {
            guard let name = block["name"] as? String, let disk = facts.disks.value?.first(where: { $0.name == name })
            else {
                Issue.record("no disk \(block["name"] ?? "")")
                continue
            }
            #expect(disk.scheduler.value == block["scheduler"] as? String, "\(name)")
            #expect(disk.schedulers == block["available"] as? [String], "\(name)")
            #expect(disk.isRotational.value == block["rotational"] as? Bool, "\(name)")
            compare("\(name)", disk.size.value?.rawValue, number(block["sectors"]).map { $0 * 512 })
        }
        let withScheduler = facts.disks.value?.filter { $0.schedulers.count > 1 }.map(\.name) ?? []
        #expect(Set(withScheduler).isSubset(of: blocks.compactMap { $0["name"] as? String }))

        for mount in expected["mounts"] as? [[String: Any]] ?? [] {
            let path = mount["path"] as? String ?? ""
            guard
                let found = facts.mounts.value?.first(where: {
                    $0.path == path && $0.source == mount["device"] as? String
                })
            else {
                Issue.record("no mount \(path)")
                continue
            }
            #expect(found.type == mount["type"] as? String)
            #expect(
                Set(found.options) == Set((mount["options"] as? String ?? "").split(separator: ",").map(String.init)),
                "\(path)")
        }
        let client = (expected["nfsClient"] as? [String: Any])?["rpc"] as? [NSNumber]
        compare("calls", facts.nfsClient.value?.calls, client?[0].uint64Value)
        compare("retransmissions", facts.nfsClient.value?.retransmissions, client?[1].uint64Value)
        let server = expected["nfsServer"] as? [String: Any]
        compare("threads", facts.nfsServer.value?.threads, (server?["th"] as? [NSNumber])?[0].intValue)
        compare("connections", facts.nfsServer.value?.connections, (server?["net"] as? [NSNumber])?[3].uint64Value)
    }
}
