import Advisor
import ArgumentParser
import Changes
import FileWriting
import Glibc
import Inventory
import Libvirt
import Planning
import Quantities
import Reports
import Survey
import Transactions

/// What the commands that change things share.
enum Changing {
    /// The machine that resources are of, connected where libvirt keeps some of them.
    static func machine(root: String, connection uri: String?, for resources: [Resource]) async throws -> Machine {
        guard resources.contains(where: { $0.kind.isLibvirts }) else { return Machine(root: root) }
        let connection = Connection(uri: uri)
        try await connection.open()
        return Machine(root: root, connection: connection)
    }

    /// The machine that transactions changed.
    static func machine(root: String, of records: [TransactionRecord]) async throws -> Machine {
        try await machine(
            root: root, connection: records.lazy.compactMap(\.connection).first,
            for: records.flatMap(\.steps).map(\.resource))
    }

    /// Plans for an estate.
    static func plan(_ options: EstateOptions, _ place: PlaceOptions, _ progress: Progress) async throws -> Plan {
        let answer = try await options.gather(place, progress)
        for failure in answer.failures { say("nearmetal: \(failure)") }
        progress.say(Text("planning", "正在制定计划"))
        let selection = Advice.Selection(only: options.only, except: options.except, guests: options.guest)
        let advice = Advice(selection, settings: answer.estate.settings)
        let uri = answer.estate.guests.lazy.compactMap { guest -> String? in
            if case .libvirt(let uri) = guest.origin { uri } else { nil }
        }.first
        // Only a running guest has values that have to be asked for.
        var connection: Connection?
        if let uri, answer.estate.guests.contains(where: \.isActive) {
            connection = Connection(uri: uri)
            try? await connection?.open()
        }
        let planner = Planner(
            advice, states: Machine(root: place.root, connection: connection), root: place.root, connection: uri,
            takesOver: options.takeOver, requested: Set(selection.only))
        let plan = await planner.plan(answer.estate)
        if !answer.failures.isEmpty, plan.steps.isEmpty { throw Status.failed }
        return plan
    }

    /// Shows a plan that was asked for, asks, carries it out, and tells how it is undone.
    ///
    /// - Throws: the exit status, once why was said.
    static func carryOut(
        _ plan: Changes.Plan, on machine: Machine, _ folder: StateFolder, making images: [ImageToMake] = [],
        dryRun: Bool, yes: Bool, _ format: PlainFormat, _ display: OutputOptions
    ) async throws {
        let language = display.language
        if format == .text || dryRun {
            switch format {
            case .text: try print(PlanText.bytes(plan, display.style(), language))
            case .json: try print(MakePlan.json(plan, display))
            }
        }
        guard !dryRun, !plan.steps.isEmpty else {
            if !dryRun, format == .json { try print(line: "null") }
            return
        }
        try Consent.require(Text("Make this change?", "进行此更改?"), language, isGiven: yes)
        let record = try await apply(plan, on: machine, folder, making: images, language)
        switch format {
        case .json: try print(HistoryReport.json(record))
        case .text: try tellApplied(record, language)
        }
    }

    /// Carries out a plan of one guest, with the images it needs; they are taken away again where it fails.
    ///
    /// - Throws: the exit status, once why was said.
    static func apply(
        _ plan: Changes.Plan, on machine: Machine, _ folder: StateFolder, making images: [ImageToMake],
        _ language: Language
    ) async throws -> TransactionRecord {
        var made: [NewImage] = []
        do {
            for image in images { made.append(try NewImage(image.path, image.format, size: image.size.rawValue)) }
            let progress = Progress(language: language)
            defer { progress.finish() }
            return try await Engine(machine, folder, tool: Version.text).apply(plan) { _, step in
                progress.say(Text(verbatim: step.resource.name))
            }
        } catch {
            for image in made { image.takeAway() }
            throw failing(error)
        }
    }

    /// Tells that a plan was carried out, and how it is undone.
    static func tellApplied(_ record: TransactionRecord, _ language: Language) throws(ExitCode) {
        let text = Text(
            "Transaction \(record.id) is applied; `nearmetal rollback \(record.id)` puts all back.",
            "事务 \(record.id) 已应用;`nearmetal rollback \(record.id)` 可全部还原。")
        try print(line: text[language])
    }
}

extension StateFolder {
    /// The folder that was named, else the usual one below a root.
    init(named path: String?, below root: String) { self.init(path ?? (root == "/" ? "" : root) + Self.standard) }
}
