public import Quantities

/// Small formats the kernel uses again and again. Pure functions of bytes: any bytes.
extension HostFacts {
    /// Words of which the chosen one stands in brackets (`always [madvise] never`); `nil` where none does.
    public static func parseChoice(_ bytes: [UInt8]) -> String? {
        guard let open = bytes.firstIndex(of: 0x5B), let close = bytes[open...].firstIndex(of: 0x5D), close > open + 1
        else { return nil }
        return bytes[(open + 1)..<close].string
    }

    /// Words of which the chosen one may stand in brackets, and all of them; a single word is the chosen one.
    ///
    /// `nil` where none is chosen.
    ///
    /// - Source: kernel block/elevator.c `elv_iosched_show`: `none` alone for devices without a queue of their own.
    public static func parseScheduler(_ bytes: [UInt8]) -> (chosen: String, offered: [String])? {
        let words = bytes.trimmed.fields.map(\.string)
        let offered = words.map { $0.filter { $0 != "[" && $0 != "]" } }.filter { !$0.isEmpty }
        guard
            let chosen = parseChoice(bytes) ?? (words.count == 1 && words.first == offered.first ? offered.first : nil)
        else { return nil }
        return (chosen, offered)
    }

    /// `Name:   123 kB` lines: bytes where the unit stands there, else the plain number; `nil` where no line is of that form.
    ///
    /// - Source: proc(5), `/proc/meminfo`.
    public static func parseMeminfo(_ bytes: [UInt8]) -> [String: UInt64]? {
        var values: [String: UInt64] = [:]
        for line in bytes.lines {
            guard let (name, rest) = line.cut(at: 0x3A) else { continue }
            let words = rest.fields
            guard let number = words.first?.decimal else { continue }
            values[name.trimmed.string] =
                words.count > 1 && words[1].equals("kB") ? ByteCount(kibibytes: number).rawValue : number
        }
        return values.isEmpty ? nil : values
    }

    /// A node's `Node 0 MemTotal:  16747124 kB` lines; `nil` where no line is of that form.
    public static func parseNodeMeminfo(_ bytes: [UInt8]) -> [String: ByteCount]? {
        var values: [String: ByteCount] = [:]
        for line in bytes.lines {
            let words = line.fields
            guard words.count >= 5, words[2].last == 0x3A, words[4].equals("kB"), let number = words[3].decimal else {
                continue
            }
            values[words[2].dropLast().string] = ByteCount(kibibytes: number)
        }
        return values.isEmpty ? nil : values
    }

    /// Numbers in a row (`10 21 31`); `nil` where there is none or something else stands there.
    public static func parseDistances(_ bytes: [UInt8]) -> [Int]? {
        let words = bytes.fields
        let numbers = words.compactMap { word in word.decimal.flatMap { Int(exactly: $0) } }
        return numbers.isEmpty || numbers.count != words.count ? nil : numbers
    }

    /// `name number` lines whose name begins with `numa_`.
    public static func parseNUMAStatistics(_ bytes: [UInt8]) -> [String: UInt64] {
        var values: [String: UInt64] = [:]
        for line in bytes.lines where line.hasPrefix("numa_") {
            let words = line.fields
            if words.count == 2, let value = words[1].decimal { values[words[0].string] = value }
        }
        return values
    }

    /// Swap areas below a heading (`/dev/sda3 partition 8388604 0 -2`); `nil` where a line is not of that form: a swap that is not
    /// understood is not a host without swap.
    public static func parseSwaps(_ bytes: [UInt8]) -> [SwapArea]? {
        let lines = bytes.lines
        guard let heading = lines.first, heading.hasPrefix("Filename") else { return nil }
        var areas: [SwapArea] = []
        for line in lines.dropFirst() {
            let words = line.fields
            // A removed file's name has ` (deleted)` after it, escaped.
            guard words.count >= 4, let size = words[2].decimal, let used = words[3].decimal else { return nil }
            let path = parseOctalEscapes(words[0])
            areas.append(
                SwapArea(
                    path: path, type: words[1].string, size: ByteCount(kibibytes: size),
                    used: ByteCount(kibibytes: used),
                    priority: words.count > 4 ? words[4].integer ?? 0 : 0, isZRAM: path.hasPrefix("/dev/zram")))
        }
        return areas
    }

    /// Text in which `\040` and its like stand for bytes.
    public static func parseOctalEscapes(_ text: some Collection<UInt8>) -> String {
        guard text.contains(0x5C) else { return String(decoding: text, as: UTF8.self) }
        let source = Array(text)
        var bytes: [UInt8] = []
        var index = 0
        while index < source.count {
            if source[index] == 0x5C, index + 3 < source.count,
                source[(index + 1)...(index + 3)].allSatisfy({ $0 >= 0x30 && $0 <= 0x37 })
            {
                let value = source[(index + 1)...(index + 3)].reduce(0) { $0 * 8 + Int($1 - 0x30) }
                bytes.append(UInt8(truncatingIfNeeded: value))
                index += 4
            } else {
                bytes.append(source[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Names of modules, the first word of each line.
    public static func parseModules(_ bytes: [UInt8]) -> Set<String> {
        Set(bytes.lines.compactMap { $0.fields.first?.string })
    }

    /// IPv4 addresses of the host other than 127/8: those above a line `/32 host LOCAL`.
    ///
    /// - Source: kernel net/ipv4/fib_trie.c `fib_trie_seq_show`.
    public static func parseAddresses(_ bytes: [UInt8]) -> [String] {
        var last = ""
        var found: [String] = []
        var seen = Set<String>()
        for line in bytes.lines {
            let words = line.fields
            if words.count >= 2, words[0].equals("|--") {
                last = words[1].string
            } else if words.count >= 3, words[0].equals("/32"), words[1].equals("host"), words[2].equals("LOCAL"),
                !last.hasPrefix("127."),
                !last.isEmpty, seen.insert(last).inserted
            {
                found.append(last)
            }
        }
        return found
    }
}
