import Advisor
import Changes
import Glibc
import Inventory
import Libvirt
import Planning
import Quantities
import Survey
import Transactions

/// What the commands that change things share.
enum Changing {
    /// The machine a plan is carried out on, connected where definitions are changed.
    static func machine(root: String, connection uri: String?, needsLibvirt: Bool) async throws -> Machine {
        guard needsLibvirt else { return Machine(root: root) }
        let connection = Connection(uri: uri)
        try await connection.open()
        return Machine(root: root, connection: connection)
    }

    static func folder(_ place: PlaceOptions) -> StateFolder {
        StateFolder(place.stateDir ?? (place.root == "/" ? "" : place.root) + StateFolder.standard)
    }

    /// Plans for an estate.
    static func plan(_ options: EstateOptions, _ place: PlaceOptions, _ progress: Progress) async throws -> Plan {
        let answer = try await options.gather(place, progress)
        for failure in answer.failures { say("nearmetal: \(failure)") }
        progress.say(Text("planning", "正在制定计划"))
        var selection = Advice.Selection()
        selection.only = EstateOptions.names(options.only)
        selection.except = EstateOptions.names(options.except)
        selection.guests = options.guest
        let advice = Advice(selection, settings: answer.estate.settings)
        let uri = answer.estate.guests.lazy.compactMap { guest -> String? in
            if case .libvirt(let uri) = guest.origin { uri } else { nil }
        }.first
        let planner = Planner(
            advice, states: Machine(root: place.root), root: place.root, connection: uri,
            takesOver: options.takeOver, requested: Set(selection.only))
        let plan = await planner.plan(answer.estate)
        if !answer.failures.isEmpty, plan.steps.isEmpty { throw Status.failed }
        return plan
    }
}
