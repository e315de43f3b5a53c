internal import Quantities

/// IPv4 addresses of interfaces other than the loopback.
struct NetworkReader {
    let tree: HostTree

    func read() -> NetworkFacts {
        var facts = NetworkFacts()
        facts.ipv4Addresses = tree.bytes("/proc/net/fib_trie").map(HostFacts.parseAddresses)
        // bonding keeps a file beside the interfaces.
        facts.interfaces = tree.names("/sys/class/net").map { $0.filter { $0 != "bonding_masters" } }
        return facts
    }
}
