import Foundation
import Testing
import ToolRunning

/// Real captures of hosts.
enum Corpus {
    static let hosts: [URL] = {
        guard let folder = Corpora.folder.map({ URL(filePath: "\($0)/hosts") }) else { return [] }
        let files =
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        return files.filter { $0.lastPathComponent.hasSuffix(".facts.json") }.sorted { $0.path < $1.path }
    }()

    @discardableResult
    static func run(_ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Unpacks the tree that belongs to a file of facts, for as long as it is needed.
    static func unpacked<Result>(_ facts: URL, _ body: (URL) throws -> Result) throws -> Result {
        let stem = String(facts.lastPathComponent.dropLast(".facts.json".count))
        let scratch = URL(filePath: "\(roomyFolder)nearmetal-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let archive = facts.deletingLastPathComponent().appending(path: "\(stem).tar.zst").path
        try #require(run(["tar", "--zstd", "-xf", archive, "-C", scratch.path]) == 0)
        return try body(scratch.appending(path: stem))
    }
}
