import Changes
import Foundation
import Synchronization
import Transactions

// usage: crash-child ROOT STATE apply PLAN | rollback NUMBER | recover   [BOUNDARY]
// Does it, and ends by SIGKILL at the boundary of that number, from 1; 0 never.
let words = CommandLine.arguments
guard words.count >= 4 else { exit(64) }
let countdown = Countdown(Int(words.last ?? "") ?? 0)
// Settings are files below the root that stand for the kernel's.
let machine = Machine(root: words[1], kernel: words[1] + "/kernel")
let engine = Engine(machine, StateFolder(words[2]), tool: "crash-child") { _ in countdown.step() }
do {
    switch words[3] {
    case "apply":
        let text = try String(contentsOfFile: words[4], encoding: .utf8)
        let record = try await engine.apply(PlanJSON.read(text))
        print(record.id)
    case "rollback": print(try await engine.rollBack(Int64(words[4]) ?? 0).id)
    case "recover": print(try await engine.recover().map(\.id))
    default: exit(64)
    }
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(2)
}

/// Kills the process when it has been stepped often enough.
final class Countdown: Sendable {
    private let left: Mutex<Int>
    init(_ left: Int) { self.left = Mutex(left) }
    func step() {
        left.withLock { left in
            left -= 1
            if left == 0 { kill(getpid(), SIGKILL) }
        }
    }
}
