import Foundation
import Testing
import ToolRunning

/// The peer of `nearmetal image`.
enum QemuImg {
    /// Where it is; `nil` where it is not installed.
    static let path = ["/usr/bin/qemu-img", "/usr/local/bin/qemu-img"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    /// What it does with these words.
    ///
    /// Where it makes a key it measures how fast it is, and gives up where the machine is busy: then it is asked again.
    static func run(_ words: [String], in folder: String) async throws -> Run {
        var attempts = 0
        while true {
            let run = try await RunningProgram(try #require(path), words, folder: folder).end(within: 120)
            attempts += 1
            guard run.status == 1, run.errors.contains("Unable to get accurate CPU usage"), attempts < 40 else {
                return run
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// The same, where it has to succeed.
    @discardableResult static func succeed(_ words: [String], in folder: String) async throws -> Run {
        let run = try await run(words, in: folder)
        try #require(run.status == 0, "\(words): \(run.errors)")
        return run
    }

    /// What ours, which lies in the folder by the same name, and it do with these words.
    static func both(_ words: [String], in folder: String) async throws -> (ours: Run, theirs: Run) {
        (
            try await RunningProgram("\(folder)/qemu-img", words, folder: folder).end(within: 120),
            try await run(words, in: folder)
        )
    }
}
