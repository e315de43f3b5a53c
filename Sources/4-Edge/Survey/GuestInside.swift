import DomainXML
public import Inventory
import JSONText
import Libvirt
public import Quantities

/// Reads what a guest's agent tells of its inside.
public enum GuestInside {

    /// What the agent of one guest tells.
    ///
    /// - Throws: a ``SurveyError`` where there is no connection, or no such guest.
    public static func read(_ name: String, uri: String) async throws -> Fact<InsideFacts> {
        do {
            let connection = Connection(uri: uri)
            try await connection.open()
            guard try await connection.knows(name) else {
                throw SurveyError("there is no guest \"\(name.prefix(80))\"", place: uri, remedy: nil)
            }
            let live = try await connection.liveDefinition(of: name).map { try DomainDefinition(xml: $0, path: name) }
            return await read(Guest(name: name, origin: .libvirt(uri), persistent: nil, live: live), connection)
        } catch let error as LibvirtError {
            throw SurveyError(error.message, place: uri, remedy: error.remedy)
        }
    }

    /// The facts; unknown as a whole where there is no agent to ask.
    static func read(_ guest: Guest, _ connection: Connection) async -> Fact<InsideFacts> {
        guard let live = guest.live else {
            return .unknown(Unknown(.missing, source: "the inside of a guest that does not run"))
        }
        guard live.hasAgentChannel else {
            return .unknown(
                Unknown(
                    .missing, source: "a channel for a guest agent",
                    remedy: Text(
                        "Add <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>, and install qemu-guest-agent inside",
                        "添加 <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>,并在客户机内安装 qemu-guest-agent"
                    )))
        }
        return await read(through: LibvirtAgent(connection: connection, guest: guest.name))
    }

    /// The facts, asked one after the other.
    static func read(through channel: any AgentChannel) async -> Fact<InsideFacts> {
        var session = AgentSession(channel)
        let system = await session.call("guest-get-osinfo")
        if let end = session.end {
            return .unknown(
                Unknown(
                    end.cause, source: end.source,
                    remedy: Text(
                        "Start the agent inside: systemctl enable --now qemu-guest-agent (Windows: virtio-win's guest tools)",
                        "在客户机内启动代理:systemctl enable --now qemu-guest-agent(Windows:virtio-win 客户机工具)")))
        }
        let isWindows = system.value?["id"]?.text == "mswindows"
        var facts = isWindows ? await windows(&session, system) : await linux(&session, system)
        facts.diskSerials = await diskSerials(&session)
        facts.agentVersion = await session.call("guest-info").flatMap { named($0, "version", "guest-info") }
        facts.system = system.flatMap { named($0, "pretty-name", "guest-get-osinfo") }
        return .known(facts)
    }

    /// A short text of an answer.
    private static func named(_ value: JSONValue, _ key: String, _ command: String) -> Fact<String> {
        value[key]?.text.map { .known(String($0.prefix(128))) }
            ?? .unknown(Unknown(.missing, source: "guest agent: \(command), \(key)"))
    }

    /// What Windows tells: it has no files in which a kernel shows itself.
    private static func windows(_ session: inout AgentSession, _ system: Fact<JSONValue>) async -> InsideFacts {
        func has<Value>(no what: String) -> Fact<Value> { .unknown(Unknown(.missing, source: "Windows: \(what)")) }
        return InsideFacts(
            schedulers: has(no: "I/O schedulers"), virtioDrivers: await windowsDrivers(&session),
            rngCurrent: has(no: "rng_current"), rngAvailable: has(no: "rng_available"),
            kernelRelease: system.flatMap { named($0, "kernel-release", "guest-get-osinfo") },
            services: await windowsServices(&session))
    }

    /// Drivers of the PCI devices that are virtio's, with their version.
    private static func windowsDrivers(_ session: inout AgentSession) async -> Fact<[String: String]> {
        await session.call("guest-get-devices").flatMap { value in
            guard let devices = value.array else {
                return .unknown(Unknown(.malformed("no list"), source: "guest agent: guest-get-devices"))
            }
            var drivers: [String: String] = [:]
            for device in devices.prefix(256) {
                // Red Hat's number is virtio's.
                guard device["id"]?["vendor-id"]?.integer == 0x1AF4, let number = device["id"]?["device-id"]?.integer,
                    (0...0xFFFF).contains(number)
                else { continue }
                let words = [device["driver-name"]?.text, device["driver-version"]?.text].compactMap { $0 }
                drivers["1af4:" + String(number, radix: 16)] = String(words.joined(separator: " ").prefix(128))
            }
            return .known(drivers)
        }
    }

    /// Services that run.
    private static func windowsServices(_ session: inout AgentSession) async -> Fact<Set<String>> {
        await session.output(of: "sc.exe", ["query", "type=", "service"]).map { text in
            var names: Set<String> = []
            for line in text.split(whereSeparator: \.isNewline).prefix(65_536) where line.hasPrefix("SERVICE_NAME:") {
                guard names.count < 4096 else { break }
                names.insert(word(String(line.dropFirst(13).prefix(256))))
            }
            return names
        }
    }

    /// What Linux tells in files of its kernel.
    private static func linux(_ session: inout AgentSession, _ system: Fact<JSONValue>) async -> InsideFacts {
        var facts = InsideFacts(
            schedulers: await schedulers(&session), virtioDrivers: await virtioDrivers(&session),
            rngCurrent: await session.file("/sys/class/misc/hw_random/rng_current").map(word),
            rngAvailable: await session.file("/sys/class/misc/hw_random/rng_available").map(words),
            kernelRelease: system.flatMap { named($0, "kernel-release", "guest-get-osinfo") },
            services: .unknown(Unknown(.notExamined, source: "services inside")))
        facts.services = await services(&session)
        return facts
    }

    private static func word(_ text: String) -> String { words(text).first ?? "" }
    private static func words(_ text: String) -> [String] {
        text.split(whereSeparator: \.isWhitespace).prefix(64).map { String($0.prefix(128)) }
    }

    /// Chosen schedulers of the disks that `/proc/partitions` names.
    private static func schedulers(_ session: inout AgentSession) async -> Fact<[String: String]> {
        let partitions: String
        switch await session.file("/proc/partitions") {
        case .known(let text): partitions = text
        case .unknown(let reason): return .unknown(reason)
        }
        var names: [String] = []
        for line in partitions.split(separator: "\n").dropFirst() {
            guard let name = line.split(separator: " ").last, names.count < 256 else { continue }
            // Names come from the guest: only such as kernels give, so that no path can be made of them.
            guard !name.isEmpty, name.utf8.count < 32,
                name.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) })
            else { continue }
            // A partition is named after its disk.
            if names.contains(where: { name.hasPrefix($0) && name.count > $0.count }) { continue }
            names.append(String(name))
        }
        var schedulers: [String: String] = [:]
        for name in names.prefix(64) {
            switch await session.file("/sys/block/\(name)/queue/scheduler") {
            case .known(let text):
                let chosen = words(text).first { $0.hasPrefix("[") && $0.hasSuffix("]") }
                schedulers[name] = chosen.map { String($0.dropFirst().dropLast()) } ?? word(text)
            case .unknown(let reason):
                if session.end != nil { return .unknown(reason) }
            }
        }
        return .known(schedulers)
    }

    /// Drivers of virtio devices, which are numbered from 0; numbers of devices taken out are left free.
    private static func virtioDrivers(_ session: inout AgentSession) async -> Fact<[String: String]> {
        var drivers: [String: String] = [:]
        var absent = 0
        for number in 0..<128 where absent < 4 {
            let name = "virtio\(number)"
            switch await session.file("/sys/bus/virtio/devices/\(name)/uevent") {
            case .known(let text):
                absent = 0
                let line = text.split(separator: "\n").first { $0.hasPrefix("DRIVER=") }
                drivers[name] = line.map { String($0.dropFirst(7).prefix(64)) } ?? ""
            case .unknown(let reason):
                if session.end != nil || reason.cause != .missing { return .unknown(reason) }
                absent += 1
            }
        }
        return .known(drivers)
    }

    /// Serial numbers of disks; Linux and Windows tell them alike.
    private static func diskSerials(_ session: inout AgentSession) async -> Fact<[String]> {
        await session.call("guest-get-disks").flatMap { value in
            guard let disks = value.array else {
                return .unknown(Unknown(.malformed("no list"), source: "guest agent: guest-get-disks"))
            }
            return .known(
                disks.prefix(1024).compactMap { disk in
                    // Windows fills a field of fixed length with blanks.
                    disk["address"]?["serial"]?.text.flatMap { word(String($0.prefix(256))) }
                }.filter { !$0.isEmpty })
        }
    }

    /// Services that run or are enabled.
    private static func services(_ session: inout AgentSession) async -> Fact<Set<String>> {
        var names: Set<String> = []
        for arguments in [
            ["list-units", "--type=service", "--state=running", "--no-legend", "--plain", "--no-pager"],
            ["list-unit-files", "--type=service", "--state=enabled", "--no-legend", "--no-pager"],
        ] {
            switch await session.output(of: "systemctl", arguments) {
            case .unknown(let reason): return .unknown(reason)
            case .known(let text):
                for line in text.split(separator: "\n").prefix(4096) {
                    if let name = line.split(separator: " ").first { names.insert(String(name.prefix(256))) }
                }
            }
        }
        return .known(names)
    }
}
