import Changes
import DomainXML

extension DomainDefinition {
    /// The change that puts an element into `<memoryBacking>`, which is made where it is absent.
    func addingToMemoryBacking(_ fragment: String, of guest: String) -> DomainChange {
        if let backing = root.first("memoryBacking") { return DomainChange(guest, backing.xpath, .insert(fragment)) }
        return DomainChange(guest, "/domain", .insert("<memoryBacking>\(fragment)</memoryBacking>"))
    }
}
