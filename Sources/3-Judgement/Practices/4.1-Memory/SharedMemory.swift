public import Changes
public import DomainXML

/// Memory that other processes share with a guest: daemons of virtiofs and vhost-user need it.
///
/// - Source: libvirt docs/kbase/virtiofs.rst.
public enum SharedMemory {
    /// Whether all of a guest's memory is shared with other processes.
    public static func isShared(_ domain: DomainDefinition) -> Bool {
        let isDefault = domain.root.first("memoryBacking", "access")?["mode"] == "shared"
        let cells = domain.root.first("cpu", "numa")?.all("cell") ?? []
        guard !cells.isEmpty else { return isDefault }
        return cells.allSatisfy { $0["memAccess"].map { $0 == "shared" } ?? isDefault }
    }

    /// Changes that make a guest's memory shared.
    public static func changes(_ domain: DomainDefinition) -> [DomainChange] {
        var changes: [DomainChange] = []
        for cell in domain.root.first("cpu", "numa")?.all("cell") ?? []
        where cell["memAccess"].map({ $0 != "shared" }) ?? false {
            changes.append(
                DomainChange(domain.name, cell.xpath, .attribute("memAccess", "shared"), from: cell["memAccess"]))
        }
        guard let backing = domain.root.first("memoryBacking") else {
            let fragment = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
            return changes + [DomainChange(domain.name, domain.root.xpath, .insert(fragment))]
        }
        if let access = backing.first("access") {
            if access["mode"] != "shared" {
                changes.append(
                    DomainChange(domain.name, access.xpath, .attribute("mode", "shared"), from: access["mode"]))
            }
        } else {
            changes.append(DomainChange(domain.name, backing.xpath, .insert("<access mode='shared'/>")))
        }
        if backing.first("hugepages") == nil {
            if let source = backing.first("source") {
                if source["type"] == "anonymous" {
                    changes.append(
                        DomainChange(domain.name, source.xpath, .attribute("type", "memfd"), from: "anonymous"))
                }
            } else {
                changes.append(DomainChange(domain.name, backing.xpath, .insert("<source type='memfd'/>")))
            }
        }
        return changes
    }
}
