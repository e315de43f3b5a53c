public import Quantities

/// CPUs, nodes and memory of a host, as its `<capabilities>` tell.
public struct HostTopology: Sendable, Equatable {
    /// A node.
    public struct Cell: Sendable, Equatable {
        /// The host's number of it.
        public var id: Int
        /// Its memory, where said.
        public var memory: ByteCount?
        /// Its CPUs.
        public var cpus: CPUSet
    }
    /// The nodes.
    public var cells: [Cell]

    /// All CPUs.
    public var cpus: CPUSet { CPUSet(cells.flatMap { $0.cpus.members }) }
    /// All nodes.
    public var nodes: NodeSet { NodeSet(cells.map(\.id)) }

    /// Reads a `<capabilities>` document; `nil` where it tells of no nodes.
    ///
    /// - Throws: as ``XMLDocument`` does.
    public init?(capabilities xml: String, path: String) throws(XMLError) {
        let root = try XMLDocument(Array(xml.utf8), path: path).root
        let cells = root.first("host", "topology", "cells")?.all("cell") ?? []
        guard !cells.isEmpty else { return nil }
        self.cells = cells.map { cell in
            Cell(
                id: cell["id"].flatMap { Int($0) } ?? 0, memory: DomainDefinition.size(cell.first("memory")),
                cpus: CPUSet((cell.first("cpus")?.all("cpu") ?? []).compactMap { $0["id"].flatMap { Int($0) } }))
        }
    }
}
