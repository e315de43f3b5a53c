import JSONText
import Libvirt
import Quantities

/// A way to the agent inside a guest.
protocol AgentChannel: Sendable {
    /// Sends a command, and gives the agent's whole answer as JSON text.
    func answer(to command: String) async throws(LibvirtError) -> String
}

/// The agent of a guest that libvirt runs.
struct LibvirtAgent: AgentChannel {
    let connection: Connection
    let guest: String
    /// An agent that lives answers in milliseconds; one that hangs must not hold up the audit.
    static let seconds: Int32 = 5

    func answer(to command: String) async throws(LibvirtError) -> String {
        try await connection.askAgent(of: guest, command, seconds: Self.seconds)
    }
}

/// Commands of QEMU's guest agent, and what they answer.
///
/// Nothing an agent says is trusted: answers are bounded, and what does not look as promised is malformed.
///
/// - Source: QEMU qga/qapi-schema.json.
struct AgentSession {
    private let channel: any AgentChannel
    /// Why the agent is not asked any more: it does not answer, or the connection is gone.
    private(set) var end: Unknown?
    /// Most bytes of one file or program that are looked at.
    private static let limit = 64 * 1024

    init(_ channel: any AgentChannel) { self.channel = channel }

    /// What a command returns.
    mutating func call(_ name: String, _ arguments: String = "") async -> Fact<JSONValue> {
        if let end { return .unknown(end) }
        let command =
            arguments.isEmpty ? "{\"execute\":\"\(name)\"}" : "{\"execute\":\"\(name)\",\"arguments\":{\(arguments)}}"
        do throws(LibvirtError) {
            let answer = try await channel.answer(to: command)
            guard answer.utf8.count <= 4 * Self.limit else {
                return .unknown(Unknown(.malformed("\(answer.utf8.count) bytes"), source: "guest agent: \(name)"))
            }
            do throws(JSONError) {
                guard let value = try JSONValue(answer)["return"] else {
                    return .unknown(Unknown(.malformed("no return value"), source: "guest agent: \(name)"))
                }
                return .known(value)
            } catch {
                return .unknown(Unknown(.malformed("\(error)"), source: "guest agent: \(name)"))
            }
        } catch {
            let reason = Unknown(.failed(error.message), source: "guest agent: \(name)")
            // An agent that refuses a command answers the next; one that hangs, or is gone, does not.
            if !error.isRefusal { end = reason }
            return .unknown(reason)
        }
    }

    /// The text of a file inside, up to a bound; `missing` where it cannot be opened.
    mutating func file(_ path: String) async -> Fact<String> {
        var quoted = JSONWriter(indent: 0)
        quoted.string(path)
        let opened = await call(
            "guest-file-open", "\"path\":\(String(decoding: quoted.written, as: UTF8.self)),\"mode\":\"r\"")
        guard let handle = opened.value?.integer else {
            if end == nil, case .failed? = opened.reason?.cause {
                return .unknown(Unknown(.missing, source: "inside: \(path)"))
            }
            return .unknown(opened.reason ?? Unknown(.malformed("no handle"), source: "inside: \(path)"))
        }
        let read = await call("guest-file-read", "\"handle\":\(handle),\"count\":\(Self.limit)")
        _ = await call("guest-file-close", "\"handle\":\(handle)")
        guard let answer = read.value else {
            return .unknown(read.reason ?? Unknown(.missing, source: "inside: \(path)"))
        }
        guard let text = answer["buf-b64"]?.text, let bytes = Base64.decode(Array(text.utf8)) else {
            return .unknown(Unknown(.malformed("no base64"), source: "inside: \(path)"))
        }
        return .known(String(decoding: bytes, as: UTF8.self))
    }

    /// What a program inside prints.
    mutating func output(of program: String, _ arguments: [String]) async -> Fact<String> {
        let list = arguments.map { "\"\($0)\"" }.joined(separator: ",")
        let started = await call("guest-exec", "\"path\":\"\(program)\",\"arg\":[\(list)],\"capture-output\":true")
        guard let process = started.value?["pid"]?.integer else {
            return .unknown(started.reason ?? Unknown(.malformed("no process number"), source: "inside: \(program)"))
        }
        for attempt in 0..<20 {
            try? await Task.sleep(for: .milliseconds(attempt < 5 ? 50 : 200))
            let status = await call("guest-exec-status", "\"pid\":\(process)")
            guard let status = status.value else {
                return .unknown(status.reason ?? Unknown(.missing, source: "inside: \(program)"))
            }
            guard status["exited"]?.bool == true else { continue }
            guard status["exitcode"]?.integer == 0 else {
                return .unknown(
                    Unknown(.failed("exit status \(status["exitcode"]?.integer ?? -1)"), source: "inside: \(program)"))
            }
            let bytes = Base64.decode(Array((status["out-data"]?.text ?? "").utf8)) ?? []
            return .known(String(decoding: bytes, as: UTF8.self))
        }
        return .unknown(Unknown(.failed("it did not end within 4 seconds"), source: "inside: \(program)"))
    }
}
