import Foundation

/// The built binary beside the tests.
public enum Nearmetal {
    /// Its path: built with the tests, it lies in their folder.
    public static let path: String = {
        var path = [CChar](repeating: 0, count: 4097)
        let count = max(0, readlink("/proc/self/exe", &path, path.count - 1))
        let tests = String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for program in [tests, CommandLine.arguments[0]] {
            let beside = URL(filePath: program).deletingLastPathComponent().appending(path: "nearmetal").path
            if FileManager.default.isExecutableFile(atPath: beside) { return beside }
        }
        return "nearmetal"
    }()

    /// Another program built with the tests, which lies beside it.
    public static func builtProgram(named name: String) -> String {
        URL(filePath: path).deletingLastPathComponent().appending(path: name).path
    }

    /// Runs it to its end.
    public static func run(
        _ arguments: String..., input: RunningProgram.Input = .none, environment: [String: String] = [:],
        folder: String = "/",
        output: RunningProgram.Output = .kept, within limit: Double = 60
    ) async throws -> Run {
        try await start(arguments, input: input, environment: environment, folder: folder, output: output)
            .end(within: limit)
    }

    /// Starts it.
    public static func start(
        _ arguments: [String], input: RunningProgram.Input = .none, environment: [String: String] = [:],
        folder: String = "/",
        output: RunningProgram.Output = .kept
    ) throws -> RunningProgram {
        try RunningProgram(
            path, arguments, input: input,
            environment: RunningProgram.plainEnvironment.merging(environment) { $1 }, folder: folder, output: output)
    }
}

/// Where tests have folders of many files: in memory where there is room for them, since a disk takes a minute for what takes a second there.
public let roomyFolder: String = {
    var status = statvfs()
    let memory = "/dev/shm/"
    guard FileManager.default.isWritableFile(atPath: memory), statvfs(memory, &status) == 0,
        UInt64(status.f_bavail) * UInt64(status.f_frsize) >= 2 << 30
    else { return NSTemporaryDirectory() }
    return memory
}()

/// A folder of its own, gone when the test ends.
///
/// - Parameters:
///   - isRoomy: whether it is in memory if it can be.
///   - body: what is done with its path.
///
/// - Returns: what that returns.
///
/// - Throws: what that throws, or that there can be no folder.
public func inTemporaryFolder<Result>(
    isRoomy: Bool = false, _ body: (String) async throws -> Result
) async throws -> Result {
    let folder = (isRoomy ? roomyFolder : NSTemporaryDirectory()) + "nearmetal-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}

/// Writes a file of a test.
public func put(_ text: String, _ path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
}
