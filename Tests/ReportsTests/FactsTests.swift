import Foundation
import HostFacts
import Quantities
import Testing

@testable import Reports

/// Facts as JSON and as text.
@Suite struct FactsTests {
    /// Two nodes, one of them of memory only and with a distance line that is broken.
    static let host: HostFacts = {
        let cpu = "sys/devices/system/cpu"
        let node = "sys/devices/system/node"
        var files: [String: String] = [
            "\(cpu)/online": "0-1\n", "\(cpu)/offline": "\n", "\(node)/node0/cpulist": "0-1\n",
            "\(node)/node0/meminfo": "Node 0 MemTotal: 4096 kB\nNode 0 MemFree: 1024 kB\n",
            "\(node)/node0/distance": "10 20\n",
            "\(node)/node1/cpulist": "\n",
            "\(node)/node1/meminfo": "Node 1 MemTotal: 8192 kB\nNode 1 MemFree: 1024 kB\n",
            "\(node)/node1/distance": "20 x\n", "proc/meminfo": "MemTotal: 12288 kB\n",
            "proc/cmdline": "root=/dev/\u{1B}[31mx quiet\n",
            "proc/swaps": "Filename Type Size Used Priority\n", "etc/sysctl.d/90-x.conf": "vm.swappiness = 10\n",
            "sys/block/sda/size": "2048\n", "sys/block/sda/queue/scheduler": "[none] bfq\n",
        ]
        for id in 0...1 {
            files["\(cpu)/cpu\(id)/topology/thread_siblings_list"] = "0-1\n"
            files["\(cpu)/cpu\(id)/topology/physical_package_id"] = "0\n"
        }
        let pool = "\(node)/node0/hugepages/hugepages-2048kB"
        files["\(pool)/nr_hugepages"] = "8\n"
        files["\(pool)/free_hugepages"] = "3\n"
        files["\(pool)/surplus_hugepages"] = "1\n"
        return HostFacts.read(HostTree(files: files.mapValues { Array($0.utf8) }, name: "example"))
    }()

    @Test func json() throws {
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(FactsJSON.write(Self.host))) as? [String: Any])
        #expect(object["schemaVersion"] as? Int == 1)
        let cpu = try #require(object["cpu"] as? [String: Any])
        #expect(cpu["online"] as? [Int] == [0, 1] && cpu["offline"] as? [Int] == [])
        #expect(cpu["sockets"] as? Int == 1 && cpu["cores"] as? Int == 1 && cpu["threads"] as? Int == 2)
        #expect(cpu["possible"] is NSNull)
        let nodes = try #require((object["numa"] as? [String: Any])?["nodes"] as? [[String: Any]])
        #expect(
            nodes[0]["id"] as? Int == 0 && nodes[0]["cpus"] as? [Int] == [0, 1] && nodes[0]["memoryKiB"] as? Int == 4096
        )
        #expect(
            nodes[0]["distances"] as? [Int] == [10, 20] && nodes[1]["distances"] is NSNull
                && nodes[1]["cpus"] as? [Int] == [])
        let pools = try #require(nodes[0]["hugePages"] as? [[String: Int]])
        #expect(pools == [["sizeKiB": 2048, "total": 8, "free": 3, "surplus": 1]])
        #expect(nodes[1]["hugePages"] is NSNull)
        let unknown = try #require(object["unknown"] as? [[String: String]])
        #expect(
            unknown.contains([
                "fact": "numa.nodes[1].distances", "source": "/sys/devices/system/node/node1/distance",
                "why": "/sys/devices/system/node/node1/distance cannot be understood: 20 x",
            ]))
        #expect(unknown.contains { $0["fact"] == "cpu.possible" })
        let memory = try #require(object["memory"] as? [String: Any])
        #expect((memory["swap"] as? [Any])?.isEmpty == true && memory["availableKiB"] is NSNull)
    }

    /// A host nobody looked at: nothing is known, and the text is JSON all the same.
    @Test func nothingKnown() throws {
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(FactsJSON.write(.unexamined))) as? [String: Any])
        #expect((object["numa"] as? [String: Any])?["nodes"] is NSNull)
        #expect((object["unknown"] as? [Any])?.isEmpty == false)
    }

    @Test(arguments: Language.allCases) func text(_ language: Language) throws {
        for facts in [Self.host, .unexamined] {
            let text = String(
                decoding: FactsText.write(facts, language: language, style: TextStyle(width: 80)), as: UTF8.self)
            for line in text.split(separator: "\n") where !line.contains("/sys/") && !line.contains("/proc/") {
                #expect(Columns.width(String(line)) <= 80, "\(line)")
            }
            // What a file says does not steer the terminal.
            #expect(!text.contains("\u{1B}"))
        }
        let text = String(
            decoding: FactsText.write(Self.host, language: language, style: TextStyle(width: 120)), as: UTF8.self)
        switch language {
        case .english:
            #expect(text.contains("  sockets               1\n") && text.contains("  swap                  none\n"))
            #expect(text.contains("CPUs 0-1; memory 4 MiB, free 1 MiB; distances 10 20"))
            #expect(text.contains("unknown (/sys/devices/system/node/node1/distance cannot be understood: 20 x)"))
        case .chinese:
            #expect(text.contains("  插槽                  1\n") && text.contains("CPU 0-1;内存 4 MiB,空闲 1 MiB;距离 10 20"))
        }
    }
}
