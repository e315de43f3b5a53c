import ArgumentParser

/// `nearmetal guest cpu`.
struct CPUCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cpu", abstract: "CPUs that guests can have on many hosts.",
        discussion: """
            Examples:
              nearmetal guest cpu baseline hosts.xml
              nearmetal guest cpu compare web1.xml hosts.xml
            """,
        subcommands: [CPUBaseline.self, CPUCompare.self])
}
