/// The practices of this build.
public enum Practices {
    /// Every practice with its description, in the guide's order of sections.
    public static let all: [(practice: any Practice, about: About)] = declared.map { ($0, $0.about) }
        .sorted { (sectionKey($0.about.section), $0.about.id) < (sectionKey($1.about.section), $1.about.id) }

    /// A practice by its id or a name it had before.
    public static func named(_ id: String) -> (practice: any Practice, about: About)? {
        all.first { $0.about.id == id || $0.about.aliases.contains(id) }
    }

    /// A section as text that sorts by its numbers.
    private static func sectionKey(_ section: String) -> String {
        section.split(separator: ".").map { String(repeating: "0", count: max(0, 3 - $0.count)) + $0 }.joined(
            separator: ".")
    }
}
