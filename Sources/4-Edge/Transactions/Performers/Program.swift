internal import CLinux
internal import Glibc

/// Runs another program and waits for it.
enum Program {
    /// How it ended, and what it printed.
    struct Outcome {
        var status: Int32
        var output: String
    }

    /// Most bytes of output that are kept.
    private static let outputLimit = 1 << 20

    /// Runs a program found in PATH, without a shell, with nothing on its standard input.
    ///
    /// - Returns: `nil` where it cannot be started.
    static func run(_ arguments: [String]) -> Outcome? {
        var ends: [Int32] = [0, 0]
        guard let name = arguments.first, nearmetal_pipe(&ends) == 0 else { return nil }
        defer { close(ends[0]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        let failure = posix_spawnp(&process, name, &actions, nil, &words, environ)
        close(ends[1])
        guard failure == 0 else { return nil }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            if output.count < outputLimit { output += buffer[..<count] }
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 { guard errno == EINTR else { return nil } }
        let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        return Outcome(status: code, output: String(decoding: output, as: UTF8.self))
    }
}
