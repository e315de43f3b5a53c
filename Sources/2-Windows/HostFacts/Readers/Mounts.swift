/// Mount tables: `proc/self/mountinfo`, `proc/mounts`, fstab.
public enum Mounts {
    /// `29 1 8:2 / /mnt rw,relatime shared:1 - ext4 /dev/sda2 rw`.
    ///
    /// - Source: proc(5).
    public static func mountinfo(_ text: String) -> [Mount] {
        text.split(separator: "\n").compactMap { line in
            let words = line.words
            guard words.count >= 9, let dash = words.dropFirst(6).firstIndex(of: "-"), dash + 2 < words.count else { return nil }
            var options = words[5].split(separator: ",").map(String.init)
            if dash + 3 < words.count {
                for option in words[dash + 3].split(separator: ",").map(String.init) where !options.contains(option) { options.append(option) }
            }
            return Mount(source: unescaped(words[dash + 2]), path: unescaped(words[4]), type: String(words[dash + 1]), options: options)
        }
    }

    /// `device path type options …`: `proc/mounts` and fstab.
    public static func table(_ text: String) -> [Mount] {
        text.split(separator: "\n").compactMap { line in
            let words = line.words
            guard words.count >= 3, words[0].first != "#" else { return nil }
            return Mount(
                source: unescaped(words[0]), path: unescaped(words[1]), type: String(words[2]),
                options: words.count > 3 ? words[3].split(separator: ",").map(String.init) : [])
        }
    }

    /// `\040` and its like are bytes in octal.
    static func unescaped(_ text: some StringProtocol) -> String {
        guard text.contains("\\") else { return String(text) }
        var bytes: [UInt8] = []
        let source = Array(text.utf8)
        var index = 0
        while index < source.count {
            if source[index] == 0x5C, index + 3 < source.count {
                let digits = source[(index + 1)...(index + 3)]
                if digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x37 }) {
                    bytes.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }))
                    index += 4
                    continue
                }
            }
            bytes.append(source[index])
            index += 1
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
