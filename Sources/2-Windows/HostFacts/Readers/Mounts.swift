/// Mount tables: `proc/self/mountinfo`, `proc/mounts`, fstab.
extension HostFacts {
    /// `29 1 8:2 / /mnt rw,relatime shared:1 - ext4 /dev/sda2 rw` lines; `nil` where none is of that form.
    ///
    /// - Source: proc(5).
    public static func parseMountinfo(_ bytes: [UInt8]) -> [Mount]? {
        var mounts: [Mount] = []
        for line in bytes.lines {
            // Single spaces separate: a source may be empty.
            let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
            guard words.count >= 9, let dash = words.dropFirst(6).firstIndex(where: { $0.equals("-") }),
                dash + 2 < words.count
            else { continue }
            var options: [String] = []
            var seen = Set<String>()
            for list in [words[5], dash + 3 < words.count ? words[dash + 3].trimmed : []] {
                for option in list.split(separator: 0x2C).map({ parseOctalEscapes($0) })
                where seen.insert(option).inserted { options.append(option) }
            }
            mounts.append(
                Mount(
                    source: parseOctalEscapes(words[dash + 2]), path: parseOctalEscapes(words[4]),
                    type: words[dash + 1].string,
                    options: options))
        }
        return mounts.isEmpty ? nil : mounts
    }

    /// `device path type options …` lines of `proc/mounts` and fstab; comments and what is not of that form are passed over.
    public static func parseMountTable(_ bytes: [UInt8]) -> [Mount] {
        bytes.lines.compactMap { line in
            let words = line.fields
            guard words.count >= 3, words[0].first != 0x23 else { return nil }
            return Mount(
                source: parseOctalEscapes(words[0]), path: parseOctalEscapes(words[1]), type: words[2].string,
                options: words.count > 3 ? words[3].split(separator: 0x2C).map { parseOctalEscapes($0) } : [])
        }
    }
}
