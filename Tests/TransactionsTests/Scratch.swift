import Changes
import Foundation
import JSONText
import ToolRunning
import Transactions

/// A folder that stands for a system's root, with its journal beside it; gone at the end.
final class Scratch {
    let folder: String
    var root: String { folder + "/root" }
    var state: String { folder + "/state" }
    /// Files below the root, settings in files that stand for the kernel's.
    var machine: Machine { Machine(root: root, kernel: root + "/kernel") }
    var engine: Engine { Engine(machine, StateFolder(state), tool: "test") }

    /// A scratch root; in memory where its files need not come to a disk: a process that is killed leaves the system's caches alone.
    init(isInMemory: Bool = false) throws {
        folder =
            (isInMemory ? roomyFolder : NSTemporaryDirectory())
            + "nearmetal-transactions-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: root + "/etc", withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func put(_ text: String, _ path: String, mode: Int = 0o644) throws {
        let folder = (root + path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: root + path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: root + path)
    }

    func text(_ path: String) -> String? { try? String(contentsOfFile: root + path, encoding: .utf8) }

    /// Everything below the root: kind, mode, owner, link's target or bytes, by path.
    func picture() throws -> [String: String] {
        var picture: [String: String] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: root) {
            let whole = root + "/" + path
            let attributes = try FileManager.default.attributesOfItem(atPath: whole)
            let kind = attributes[.type] as? FileAttributeType
            let mode = attributes[.posixPermissions] ?? ""
            var words = "\(kind?.rawValue ?? "?") \(mode) \(attributes[.ownerAccountID] ?? "")"
            if kind == .typeRegular {
                words += " " + (try Data(contentsOf: URL(fileURLWithPath: whole))).base64EncodedString()
            }
            if kind == .typeSymbolicLink {
                words += " " + (try FileManager.default.destinationOfSymbolicLink(atPath: whole))
            }
            picture[path] = words
        }
        return picture
    }

    /// A plan that gives files new texts; `nil` takes one away.
    func plan(_ changes: [(path: String, text: String?)]) async throws -> Plan {
        var plan = Plan(root: root)
        let machine = machine
        for change in changes {
            let resource = Resource(.file, change.path)
            let before = try await machine.state(of: resource)
            let after = change.text.map { ResourceState(Array($0.utf8)) } ?? .absent
            plan.steps.append(Step(resource, from: before, to: after, reasons: [], disrupts: .nothing))
        }
        return plan
    }

    /// Steps that give settings new values.
    func steps(_ changes: [(path: String, value: String)]) async throws -> [Step] {
        var steps: [Step] = []
        for change in changes {
            let resource = Resource(.setting, change.path)
            let before = try await machine.state(of: resource)
            steps.append(
                Step(resource, from: before, to: ResourceState(text: change.value), reasons: [], disrupts: .nothing))
        }
        return steps
    }

    /// A plan as a file.
    func write(_ plan: Plan, _ name: String = "plan.json") throws -> String {
        var json = JSONWriter()
        PlanJSON.write(plan, .english, diff: { _ in "" }, &json)
        let path = folder + "/" + name
        try Data(json.finished()).write(to: URL(fileURLWithPath: path))
        return path
    }
}
