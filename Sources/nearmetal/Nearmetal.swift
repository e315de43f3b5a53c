import ArgumentParser

@main
struct Nearmetal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "nearmetal", abstract: "SUSE's Virtualization Best Practices, executed.")
}
