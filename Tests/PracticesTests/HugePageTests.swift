import DomainXML
import Foundation
import HostFacts
import Inventory
import Quantities
import Testing
import ToolRunning

/// Huge pages of a guest, of several, and of a host's next boot.
@Suite struct HugePageTests {
    static let two = ByteCount(mebibytes: 2)
    static let one = ByteCount(gibibytes: 1)

    static func demand(_ xml: String, defaultSize: ByteCount? = two) throws -> HugePageDemand {
        HugePageDemand(of: try DomainDefinition(xml: "<domain type='kvm'>\(xml)</domain>"), defaultSize: defaultSize)
    }

    @Test func defaultSizeIsTheHosts() throws {
        let xml = "<memory unit='GiB'>3</memory><memoryBacking><hugepages/></memoryBacking>"
        #expect(try Self.demand(xml).pieces.map(\.pages) == [1536])
        #expect(try Self.demand(xml, defaultSize: Self.one).pieces.map(\.pages) == [3])
        #expect(try Self.demand(xml, defaultSize: nil).pieces.map(\.pages) == [nil])
    }

    @Test func roundsUpToWholePages() throws {
        let demand = try Self.demand(
            "<memory unit='MiB'>1537</memory><memoryBacking><hugepages><page size='1' unit='G'/></hugepages></memoryBacking>"
        )
        #expect(demand.pieces.map(\.pages) == [2])
        #expect(demand.pieces[0].isUneven && !demand.pieces[0].isTooSmall)
    }

    @Test func cellsBindToTheirNodes() throws {
        let demand = try Self.demand(
            """
            <memory unit='GiB'>4</memory>
            <memoryBacking><hugepages><page size='1' unit='G' nodeset='1'/><page size='2048'/></hugepages></memoryBacking>
            <numatune><memory mode='strict' nodeset='0-1'/><memnode cellid='1' mode='strict' nodeset='1'/></numatune>
            <cpu><numa><cell cpus='0' memory='2' unit='GiB'/><cell cpus='1' memory='2' unit='GiB'/></numa></cpu>
            """)
        #expect(demand.pieces.map(\.pages) == [1024, 2])
        #expect(demand.pieces.map(\.nodes) == [[0, 1], [1]])
        #expect(demand.pieces.map(\.part) == ["cell 0", "cell 1"])
    }

    @Test(arguments: ["preferred", "interleave"]) func onlyStrictBinds(_ mode: String) throws {
        let demand = try Self.demand(
            "<memory unit='GiB'>4</memory><memoryBacking><hugepages/></memoryBacking><numatune><memory mode='\(mode)' nodeset='1'/></numatune>"
        )
        #expect(demand.pieces.map(\.nodes) == [nil])
    }

    @Test func numadBindsAtStart() throws {
        let demand = try Self.demand(
            "<memory unit='GiB'>4</memory><memoryBacking><hugepages/></memoryBacking><numatune><memory mode='strict' placement='auto'/></numatune>"
        )
        #expect(demand.isPlacedAutomatically && demand.pieces.map(\.nodes) == [nil])
    }

    @Test func othersTakeNone() throws {
        #expect(try Self.demand("<memory>1</memory>").isEmpty)
        #expect(
            try Self.demand(
                "<memory>65536</memory><memoryBacking><hugepages><page size='4'/></hugepages></memoryBacking>"
            ).isEmpty)
        let xen = try DomainDefinition(
            xml: "<domain type='xen'><memory>1</memory><memoryBacking><hugepages/></memoryBacking></domain>")
        #expect(HugePageDemand(of: xen, defaultSize: Self.two).isEmpty)
    }

    /// As libvirt's own command lines have it: each backend below a mount of huge pages, with its size and nodes.
    @Test(.enabled(if: Corpora.folder != nil, "the corpora are not beside this checkout"))
    func asLibvirtDoes() throws {
        let folder = try #require(Corpora.folder) + "/domains/libvirt-qemu"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        var checked = 0
        for name in names where name.hasSuffix(".xml") {
            let stem = String(name.dropLast(4))
            guard let args = names.first(where: { $0.hasPrefix(stem + ".") && $0.hasSuffix("-latest.args") }),
                let data = FileManager.default.contents(atPath: "\(folder)/\(name)"),
                let domain = try? DomainDefinition(XMLDocument(Array(data), path: name))
            else { continue }
            let text = try String(contentsOfFile: "\(folder)/\(args)", encoding: .utf8)
            var expected: [String] = []
            for line in text.split(separator: "\n") where line.contains("\"qom-type\":\"memory-backend-") {
                let start = try #require(line.firstIndex(of: "{"))
                let end = try #require(line.lastIndex(of: "}"))
                let object =
                    try JSONSerialization.jsonObject(with: Data(line[start...end].utf8)) as? [String: Any] ?? [:]
                let path = object["mem-path"] as? String ?? ""
                var size: UInt64?
                if path.hasPrefix("/dev/hugepages2M") { size = 2 << 20 }
                if path.hasPrefix("/dev/hugepages1G") { size = 1 << 30 }
                if let bytes = object["hugetlbsize"] as? UInt64 { size = bytes }
                guard let size, (object["id"] as? String)?.hasPrefix("memvirtiomem") != true else { continue }
                let nodes = object["policy"] as? String == "bind" ? object["host-nodes"] as? [Int] : nil
                expected.append("\(size) \(object["size"] ?? 0) \(nodes.map { NodeSet($0).description } ?? "any")")
            }
            // virtio-mem takes what is requested; its backend shows what it can reach.
            let pieces = HugePageDemand(of: domain, defaultSize: Self.two).pieces.filter {
                !$0.part.hasPrefix("virtio-mem") && !$0.part.hasPrefix("virtiomem")
            }
            let found = pieces.map { piece in
                "\(piece.pageSize?.rawValue ?? 0) \(piece.memory.rawValue) \(piece.nodes.map(\.description) ?? "any")"
            }
            if !expected.isEmpty { checked += 1 }
            #expect(found == expected, "\(name)")
        }
        #expect(checked >= 8)
    }

    @Test func totalsFindTheNodeThatLacksPages() {
        var totals = HugePageTotals()
        func piece(_ pages: UInt64, _ nodes: NodeSet?) -> HugePageDemand {
            var demand = HugePageDemand(pages: [])
            demand.pieces = [
                HugePageDemand.Piece(
                    part: "", pageSize: Self.two, memory: Self.two * pages, nodes: nodes, needsMount: true,
                    isExplicit: false)
            ]
            return demand
        }
        totals.add(piece(100, [0]))
        totals.add(piece(100, nil))
        totals.add(piece(50, [0, 1]))
        #expect(totals.count(of: Self.two) == 250)
        #expect(totals.shortage(of: Self.two, in: [0: 100, 1: 150]).isEmpty)
        #expect(totals.shortage(of: Self.two, in: [0: 150, 1: 100]).isEmpty)
        #expect(totals.shortage(of: Self.two, in: [0: 90, 1: 500]) == [HugePageTotals.Place([0]): 10])
        #expect(totals.shortage(of: Self.two, in: [0: 100, 1: 149]) == [HugePageTotals.Place(nil): 1])
        #expect(totals.shortage(of: Self.one, in: [:]).isEmpty)
    }

    /// Guests that could go elsewhere make room for those that cannot.
    @Test func flowMovesThoseThatCan() {
        var totals = HugePageTotals()
        for nodes: NodeSet in [[0, 1], [1, 2], [0, 2]] {
            var demand = HugePageDemand(pages: [])
            demand.pieces = [
                HugePageDemand.Piece(
                    part: "", pageSize: Self.two, memory: Self.two * 10, nodes: nodes, needsMount: true,
                    isExplicit: false)
            ]
            totals.add(demand)
        }
        #expect(totals.shortage(of: Self.two, in: [0: 0, 1: 20, 2: 10]).isEmpty)
        #expect(totals.shortage(of: Self.two, in: [0: 0, 1: 10, 2: 20]).isEmpty)
        #expect(totals.shortage(of: Self.two, in: [0: 10, 1: 0, 2: 19]).values.reduce(0, +) == 1)
    }

    @Test(
        arguments: [
            ("hugepagesz=1G hugepages=4", [one: 4]),
            ("hugepagesz=1G hugepages=0:4,1:2", [one: 6]),
            ("hugepages=512", [two: 512]),
            ("hugepagesz=2MB hugepages=1", [two: 1]),
            ("hugepages=512 hugepagesz=2M hugepages=8 hugepagesz=1G hugepages=2", [two: 512, one: 2]),
            ("default_hugepagesz=1G hugepages=8", [one: 8]),
            ("default_hugepagesz=1G hugepagesz=2M hugepages=16", [two: 16]),
            ("hugepagesz=1G hugepages=4 hugepages=9", [one: 4]),
            ("hugepagesz=x hugepages=4", [:]),
            ("quiet hugepages=-1 hugepages=a", [:]),
        ] as [(String, [ByteCount: UInt64])])
    func readsTheCommandLine(_ line: String, _ expected: [ByteCount: UInt64]) {
        let counts = HugePageParameters(KernelCommandLine(line)).counts(defaultSize: Self.two)
        #expect(counts.mapValues(\.sum) == expected)
    }

    @Test func readsPoolPaths() {
        let node = HugePageFile("/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages")
        #expect(node?.node == 1 && node?.size == Self.one && node?.name == "nr_hugepages")
        let host = HugePageFile("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages")
        #expect(host?.node == nil && host?.size == Self.two)
        #expect(HugePageFile("/sys/kernel/mm/ksm/run") == nil)
        #expect(HugePageFile("nr_hugepages") == nil)
    }
}
