internal import Changes

/// systemd units: whether they are enabled and whether they run, as two words (`enabled active`).
///
/// Below another root only the first word is known and changed.
struct UnitPerformer: Performer {
    let root: String
    private var isLive: Bool { root == "/" }

    private func systemctl(_ words: [String], _ name: String) throws(TransactionError) -> Program.Outcome {
        let place = isLive ? [] : ["--root=\(root)"]
        guard let outcome = Program.run(["systemctl"] + place + words + ["--", name]) else {
            throw TransactionError(.failed, "systemctl cannot be run", place: name, remedy: "Is systemd installed?")
        }
        return outcome
    }

    private func word(_ question: String, _ name: String) throws(TransactionError) -> String {
        let outcome = try systemctl([question], name)
        return outcome.output.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
    }

    private static let enablements: Set<String> = [
        "enabled", "disabled", "masked", "static", "indirect", "generated", "linked", "enabled-runtime", "alias",
        "masked-runtime", "linked-runtime", "transient", "not-found",
    ]

    /// Whether it is enabled, in systemd's word.
    private func enablement(_ name: String) throws(TransactionError) -> String {
        let said = try systemctl(["is-enabled"], name).output
        let first = said.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        if Self.enablements.contains(first) { return first }
        // Before systemd 253 a unit that is not there is told in a sentence.
        guard said.contains("No such file") else {
            throw TransactionError(.failed, "systemctl does not tell whether it is enabled", place: name)
        }
        return "not-found"
    }

    func read(_ name: String) async throws(TransactionError) -> ResourceState {
        let enablement = try enablement(name)
        guard isLive else { return ResourceState(text: enablement) }
        let activity = try word("is-active", name)
        return ResourceState(text: "\(enablement) \(activity == "active" ? "active" : "inactive")")
    }

    /// A unit that is not there is off as one that is disabled: its file comes and goes in a step of its own.
    func isSame(_ one: ResourceState, _ other: ResourceState) -> Bool {
        func plain(_ state: ResourceState) -> [Substring] {
            (state.text ?? "not-found inactive").split(separator: " ").map { $0 == "not-found" ? "disabled" : $0 }
        }
        return plain(one) == plain(other)
    }

    func write(_ state: ResourceState, to name: String) async throws(TransactionError) {
        let words = (state.text ?? "not-found inactive").split(separator: " ")
        if isLive { _ = Program.run(["systemctl", "daemon-reload"]) }
        let now = try enablement(name)
        if now == "masked", words.first != "masked" { try call("unmask", name) }
        switch words.first {
        case "enabled"?: try call("enable", name)
        case "disabled"?, "not-found"?: if now != "not-found" { try call("disable", name) }
        case "masked"?: try call("mask", name)
        default: break
        }
        guard isLive, words.count > 1 else { return }
        let isActive = try word("is-active", name) == "active"
        if words[1] == "active", !isActive { try call("start", name) }
        if words[1] == "inactive", isActive { try call("stop", name) }
    }

    private func call(_ verb: String, _ name: String) throws(TransactionError) {
        let outcome = try systemctl([verb], name)
        guard outcome.status == 0 else {
            let line = outcome.output.split(separator: "\n").first.map(String.init) ?? "status \(outcome.status)"
            throw TransactionError(.failed, "systemctl \(verb): \(line)", place: name)
        }
    }
}
