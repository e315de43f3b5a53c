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

    func read(_ name: String) async throws(TransactionError) -> ResourceState {
        let enablement = try word("is-enabled", name)
        let known: Set<String> = [
            "enabled", "disabled", "masked", "static", "indirect", "generated", "linked", "enabled-runtime", "alias",
            "masked-runtime", "linked-runtime", "transient", "not-found",
        ]
        guard known.contains(enablement) else {
            throw TransactionError(.failed, "systemctl does not tell whether it is enabled", place: name)
        }
        guard isLive else { return ResourceState(text: enablement) }
        let activity = try word("is-active", name)
        return ResourceState(text: "\(enablement) \(activity == "active" ? "active" : "inactive")")
    }

    func write(_ state: ResourceState, to name: String) async throws(TransactionError) {
        let words = (state.text ?? "not-found inactive").split(separator: " ")
        if isLive { _ = Program.run(["systemctl", "daemon-reload"]) }
        let now = try word("is-enabled", name)
        if now == "masked", words.first != "masked" { try call("unmask", name) }
        switch words.first {
        case "enabled"?: try call("enable", name)
        case "disabled"?: if now != "not-found" { try call("disable", name) }
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
