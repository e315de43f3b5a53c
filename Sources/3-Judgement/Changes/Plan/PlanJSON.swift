public import JSONText
public import Quantities

/// A plan as JSON: `Schemas/plan-1.schema.json`.
public enum PlanJSON {
    /// The version of the schema; fields never change their meaning.
    public static let schemaVersion = 1

    /// Writes a plan.
    public static func write(_ plan: Plan, _ language: Language, diff: (Step) -> String, _ json: inout JSONWriter) {
        json.object { json in
            json.member("schemaVersion", schemaVersion)
            json.member("root", plan.root)
            json.member("connection", plan.connection)
            json.member("disrupts", plan.disruption.rawValue)
            json.member("steps", array: plan.steps) { json, step in
                json.object { json in
                    json.member("kind", step.resource.kind.rawValue)
                    json.member("target", step.resource.name)
                    json.member("disrupts", step.disruption.rawValue)
                    json.key("before")
                    write(step.before, &json)
                    json.key("after")
                    if let after = step.after { write(after, &json) } else { json.null() }
                    json.member("command", array: step.command) { $0.string($1) }
                    json.member("diff", diff(step))
                    json.member("reasons", array: step.reasons) { json, reason in
                        json.object { json in
                            json.member("practice", reason.practice)
                            json.member("subject", reason.subject)
                            json.member("what", reason.what[language])
                            json.member("tradeOff", reason.tradeOff[language])
                        }
                    }
                    json.member("notes", array: step.notes) { $0.string($1[language]) }
                    json.member("source", step.source)
                }
            }
            json.member("leftOut", array: plan.leftOut) { json, remedy in
                json.object { json in
                    json.member("practice", remedy.practice)
                    json.member("subject", remedy.subject)
                    json.member("why", remedy.why[language])
                    json.member("commands", array: remedy.commands) { $0.string($1) }
                }
            }
            json.member("settled", array: plan.settled) { json, conflict in
                json.object { json in
                    json.member("target", conflict.target)
                    json.member("chosen", conflict.chosen)
                    json.member("value", conflict.value)
                    json.member("refused", conflict.refused)
                    json.member("refusedValue", conflict.refusedValue)
                }
            }
        }
    }

    /// Writes a state; bytes that are not UTF-8 as hexadecimal digits.
    public static func write(_ state: ResourceState, _ json: inout JSONWriter) {
        json.object { json in
            if let bytes = state.bytes {
                if let text = String(validating: bytes, as: UTF8.self) {
                    json.member("text", text)
                } else {
                    json.member("hex", hex(bytes))
                }
            } else {
                json.member("text", String?.none)
            }
            if let attributes = state.attributes {
                json.member("mode", attributes.mode)
                json.member("owner", attributes.owner)
                json.member("group", attributes.group)
                json.member("extended") { json in
                    for (name, value) in attributes.extended.sorted(by: { $0.key < $1.key }) {
                        json.member(name, hex(value))
                    }
                }
            }
            if !state.missingFolders.isEmpty {
                json.member("missingFolders", array: state.missingFolders) { $0.string($1) }
            }
        }
    }

    /// Reads a state that ``write(_:_:)-(ResourceState,_)`` wrote; `nil` where it is none.
    public static func state(_ json: JSONValue?) -> ResourceState? {
        guard let json, case .object = json else { return nil }
        var state = ResourceState.absent
        if let text = json["text"]?.text {
            state.bytes = Array(text.utf8)
        } else if let digits = json["hex"]?.text {
            guard let bytes = bytes(hex: digits) else { return nil }
            state.bytes = bytes
        }
        if let mode = json["mode"]?.integer, let owner = json["owner"]?.integer, let group = json["group"]?.integer {
            guard let mode = UInt32(exactly: mode), mode <= 0o7777, let owner = UInt32(exactly: owner),
                let group = UInt32(exactly: group)
            else { return nil }
            var attributes = FileAttributes(mode: mode, owner: owner, group: group)
            if case .object(let extended)? = json["extended"] {
                for (name, value) in extended {
                    guard let digits = value.text, let bytes = bytes(hex: digits) else { return nil }
                    attributes.extended[name] = bytes
                }
            }
            state.attributes = attributes
        }
        state.missingFolders = (json["missingFolders"]?.array ?? []).compactMap(\.text)
        return state
    }

    /// Reads a plan.
    ///
    /// - Throws: a ``PlanError`` that names the member which is wrong.
    public static func read(_ text: String) throws(PlanError) -> Plan {
        let json: JSONValue
        do throws(JSONError) { json = try JSONValue(text) } catch { throw PlanError("this is no JSON: \(error)") }
        guard let version = json["schemaVersion"]?.integer, let list = json["steps"]?.array,
            let root = json["root"]?.text
        else { throw PlanError("this is no plan: it needs schemaVersion, root and steps") }
        guard version == schemaVersion else {
            throw PlanError("this plan has version \(version); this nearmetal reads version \(schemaVersion)")
        }
        guard root.hasPrefix("/") else { throw PlanError("root: \"\(root)\" is no absolute path") }
        var plan = Plan(root: root, connection: json["connection"]?.text)
        for (index, entry) in list.enumerated() {
            func fail(_ what: String) -> PlanError { PlanError("steps[\(index)]: \(what)") }
            guard let kind = entry["kind"]?.text.flatMap(Resource.Kind.init) else {
                throw fail("there is no such kind of step: \(entry["kind"]?.text ?? "(none)")")
            }
            guard let target = entry["target"]?.text, !target.isEmpty else { throw fail("target is missing") }
            guard let before = state(entry["before"]) else { throw fail("before is not a state") }
            let command = (entry["command"]?.array ?? []).compactMap(\.text)
            var after: ResourceState?
            if kind != .bootMenu {
                guard let state = state(entry["after"]) else { throw fail("after is not a state") }
                after = state
            }
            let resource = Resource(kind, target)
            if let problem = resource.problem(command: command) { throw fail(problem) }
            for text in [before.text, after?.text].compactMap({ $0 })
            where resource.live?.parameter.allows(text) == false {
                throw fail("\"\(text)\" is no value of \(target)")
            }
            let reasons = (entry["reasons"]?.array ?? []).map { reason in
                func text(_ name: String) -> String { reason[name]?.text ?? "" }
                return Step.Reason(
                    practice: text("practice"), subject: text("subject"), what: Text(text("what"), text("what")),
                    tradeOff: Text(text("tradeOff"), text("tradeOff")))
            }
            let notes = (entry["notes"]?.array ?? []).compactMap(\.text).map { Text($0, $0) }
            let disruption = entry["disrupts"]?.text.flatMap(Disruption.init) ?? .nothing
            plan.steps.append(
                Step(
                    resource, from: before, to: after, command: command, reasons: reasons, disrupts: disruption,
                    notes: notes, source: entry["source"]?.text))
        }
        return plan
    }

    static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    static func bytes(hex text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index..<(index + 2)], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        return bytes
    }
}

/// Why a plan cannot be read.
public struct PlanError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, and where in it.
    public let description: String
    init(_ description: String) { self.description = description }
}

extension Resource {
    /// Programs that make a boot menu; a plan from a file runs no others.
    public static let menuMakers: Set<String> = ["grub2-mkconfig", "grub-mkconfig", "update-grub"]

    /// What is wrong with a resource that came from outside; `nil` if nothing is.
    func problem(command: [String]) -> String? {
        func isPath(below folders: [String]) -> Bool {
            let parts = name.split(separator: "/", omittingEmptySubsequences: false)
            return folders.contains(where: name.hasPrefix) && !parts.contains("..") && !parts.contains(".")
                && !parts.dropFirst().contains("") && !name.utf8.contains(0)
        }
        switch kind {
        case .file: return isPath(below: ["/"]) ? nil : "target \"\(name)\" is no plain absolute path"
        case .setting:
            return isPath(below: ["/proc/sys/", "/sys/"]) ? nil : "target \"\(name)\" is not below /proc/sys or /sys"
        case .bootMenu:
            guard isPath(below: ["/boot/"]) else { return "target \"\(name)\" is not below /boot" }
            guard let program = command.first, Self.menuMakers.contains(program) else {
                return "\"\(command.first ?? "(none)")\" is no program that makes a boot menu"
            }
            return nil
        case .unit:
            let isName = name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || ":-_.\\@".utf8.contains($0)
            }
            return isName && !name.hasPrefix("-") ? nil : "target \"\(name)\" is no unit's name"
        case .domain, .autostart: return name.utf8.contains(0) ? "target holds a NUL" : nil
        case .live:
            return live == nil || name.utf8.contains(0)
                ? "target \"\(name)\" is not GUEST/PARAMETER (\(LiveParameter.names))" : nil
        }
    }
}
