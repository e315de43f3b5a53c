import Foundation
import Testing

/// Real captures and definitions, where they are: `NEARMETAL_SHARED`, else `shared/` beside the checkout.
enum Corpus {
    static let folder: URL? = {
        var candidates: [URL] = []
        if let path = ProcessInfo.processInfo.environment["NEARMETAL_SHARED"] { candidates.append(URL(filePath: path)) }
        var up = URL(filePath: #filePath).deletingLastPathComponent()
        for _ in 0..<5 {
            up = up.deletingLastPathComponent()
            candidates.append(up.appending(path: "shared"))
        }
        return candidates.map { $0.appending(path: "corpora") }.first {
            FileManager.default.fileExists(atPath: $0.path)
        }
    }()

    static let hosts: [URL] = {
        guard let folder = folder?.appending(path: "hosts") else { return [] }
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
        let scratch = FileManager.default.temporaryDirectory.appending(path: "nearmetal-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let archive = facts.deletingLastPathComponent().appending(path: "\(stem).tar.zst").path
        try #require(run(["tar", "--zstd", "-xf", archive, "-C", scratch.path]) == 0)
        return try body(scratch.appending(path: stem))
    }
}
