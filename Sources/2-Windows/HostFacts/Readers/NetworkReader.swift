internal import Quantities

/// IPv4 addresses of interfaces other than the loopback.
struct NetworkReader {
    let tree: HostTree

    func read() -> NetworkFacts {
        var facts = NetworkFacts()
        facts.ipv4Addresses = tree.lines("/proc/net/fib_trie").map(Self.addresses)
        facts.interfaces = tree.names("/sys/class/net")
        return facts
    }

    /// Local addresses stand as `|-- 192.168.1.10` with `/32 host LOCAL` in the line below.
    static func addresses(_ lines: [Substring]) -> [String] {
        var last = ""
        var found: [String] = []
        for line in lines {
            let words = line.words
            if words.count >= 2, words[0] == "|--" {
                last = String(words[1])
            } else if words.contains("LOCAL"), line.contains("/32 host"), !last.hasPrefix("127."), !found.contains(last) {
                found.append(last)
            }
        }
        return found.sorted()
    }
}
