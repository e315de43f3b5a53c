/// The example's guests: definitions as libvirt keeps them, each with something to find (and one with little).
enum ExampleGuests {
    /// The definitions in order of name, and whether the guest runs.
    static let all: [(xml: String, isRunning: Bool)] = [
        (db1, true),
        (web1, true),
        (web2, true),
        (legacy, false),
        (win2022, true),
        (voice, false),
        (analytics, false),
        (desktop, true),
        (clusterA, true),
        (clusterB, false),
        (build, true),
        (gateway, true),
    ]
}
