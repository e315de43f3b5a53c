import Foundation
import HostFacts
import ToolRunning

/// A captured tree made for one test.
final class TreeFolder {
    let url = URL(filePath: "\(roomyFolder)nearmetal-tree-\(UUID().uuidString)")
    var path: String { url.path }

    init(_ files: [String: String] = [:]) throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        for (name, text) in files { try write(name, text) }
    }

    /// What a host with these files says of itself.
    static func read(_ files: [String: String] = [:]) throws -> HostFacts {
        let tree = try TreeFolder(files)
        return withExtendedLifetime(tree) { HostFacts.read(root: tree.path) }
    }

    func write(_ name: String, _ text: String) throws {
        let file = url.appending(path: name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    func link(_ name: String, to target: String) throws {
        let file = url.appending(path: name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: target)
    }

    func folder(_ name: String) throws {
        try FileManager.default.createDirectory(at: url.appending(path: name), withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}
