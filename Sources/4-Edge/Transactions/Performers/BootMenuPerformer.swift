internal import Changes

/// Boot menus: a program makes them, and undoing puts the old menu's bytes back.
struct BootMenuPerformer: Performer {
    private let files: FilePerformer

    init(root: String) { files = FilePerformer(root: root) }

    func read(_ name: String) async throws(TransactionError) -> ResourceState { try await files.read(name) }
    func write(_ state: ResourceState, to name: String) async throws(TransactionError) {
        try await files.write(state, to: name)
    }
    func isSame(_ one: ResourceState, _ other: ResourceState) -> Bool { files.isSame(one, other) }
    func cleanUp(_ name: String) async { await files.cleanUp(name) }

    /// Runs the program; a menu that is empty or unlike one afterwards is a failure.
    func make(_ name: String, with command: [String]) async throws(TransactionError) {
        guard let outcome = Program.run(command) else {
            throw TransactionError(.failed, "\(command.first ?? "") cannot be run", place: name)
        }
        guard outcome.status == 0 else {
            let line = outcome.output.split(separator: "\n").last.map(String.init) ?? ""
            throw TransactionError(
                .failed, "\(command.joined(separator: " ")) ended with status \(outcome.status): \(line)", place: name)
        }
        let menu = try await read(name).text ?? ""
        guard menu.contains("menuentry") || menu.contains("blscfg") else {
            throw TransactionError(.failed, "the new menu has no entry", place: name)
        }
    }
}
