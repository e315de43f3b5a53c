/// The practices of this build.
public enum Practices {
    /// Every practice with its description, in the guide's order of sections.
    public static let all: [(practice: any Practice, about: About)] =
        declared
        .map { practice in
            let about = practice.about
            return (key: sectionKey(about.section), practice: practice, about: about)
        }
        .sorted { $0.key != $1.key ? $0.key < $1.key : $0.about.id < $1.about.id }
        .map { ($0.practice, $0.about) }

    /// A practice by its id or a name it had before.
    public static func named(_ id: String) -> (practice: any Practice, about: About)? {
        all.first { $0.about.id == id || $0.about.aliases.contains(id) }
    }

    /// A section as a number that sorts as its parts do, of which four count: `4.1.3` stands before `4.1.12` and after `4.1`.
    private static func sectionKey(_ section: String) -> UInt64 {
        var key: UInt64 = 0
        var part: UInt64 = 0
        var parts = 0
        for byte in section.utf8 where parts < 4 {
            if byte == 0x2E {
                key = key << 16 | part
                part = 0
                parts += 1
            } else {
                part = min(part * 10 + UInt64(byte &- 0x30), 0xFFFE)
            }
        }
        while parts < 4 {
            key = key << 16 | part
            part = 0
            parts += 1
        }
        return key
    }
}
