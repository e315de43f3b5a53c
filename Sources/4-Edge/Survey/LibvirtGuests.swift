import DomainXML
import Glibc
import Inventory
import Libvirt
import Quantities

/// Guests as libvirt knows them.
struct LibvirtGuests: Sendable {
    var guests: [Guest]
    var capabilities: Fact<HypervisorCapabilities>
    var failures: [any Error] = []
    var uri: String

    /// The connection virsh would take: its own variable, then libvirt's; `nil` leaves the choice to libvirt.
    static var defaultURI: String? {
        for name in ["VIRSH_DEFAULT_CONNECT_URI", "LIBVIRT_DEFAULT_URI"] {
            if let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty { return value }
        }
        return nil
    }

    /// Whether a connection leads to this machine: no host in it, and not the mock driver.
    static func isLocal(_ uri: String?) -> Bool {
        guard let uri else { return true }
        guard let scheme = uri.range(of: "://") else { return true }
        let rest = uri[scheme.upperBound...]
        return !uri.hasPrefix("test") && (rest.isEmpty || rest.hasPrefix("/"))
    }

    /// Asks a connection for everything: one call for the list, one for the statistics of all.
    static func read(uri: String?, settings: Settings, request: EstateSurvey.Request) async throws(SurveyError)
        -> LibvirtGuests
    {
        // virsh takes the system's daemon where nothing is said; libvirt itself would take the user's for an ordinary user.
        let connection = Connection(uri: uri ?? "qemu:///system")
        let place = uri ?? "qemu:///system"
        do throws(LibvirtError) {
            try await connection.open()
            let uri = try await connection.uri()
            let records = try await connection.domains()
            var statistics = try await Result<[StatisticsRecord], LibvirtError>.of { () async throws(LibvirtError) in
                try await connection.statistics()
            }
            var loads: [String: Double] = [:]
            if let seconds = request.observe, case .success(let before) = statistics {
                try await Self.wait(seconds, connection)
                let after = try await connection.statistics()
                loads = Self.loads(before, after, seconds: seconds)
                statistics = .success(after)
            }
            let capabilities = try await Self.capabilities(connection)
            var answer = LibvirtGuests(records, statistics, loads, capabilities, uri: uri, settings)
            if request.asksAgents {
                for index in answer.guests.indices where answer.guests[index].isActive {
                    answer.guests[index].inside = await GuestInside.read(answer.guests[index], connection)
                }
            }
            return answer
        } catch {
            throw SurveyError(error.message, place: place, remedy: error.remedy)
        }
    }

    private init(
        _ records: [DomainRecord], _ statistics: Result<[StatisticsRecord], LibvirtError>, _ loads: [String: Double],
        _ capabilities: Fact<HypervisorCapabilities>, uri: String, _ settings: Settings
    ) {
        let rules = settings.workloads.map { (Wildcard($0.pattern), $0.workload) }
        var byName: [String: StatisticsRecord] = [:]
        if case .success(let records) = statistics { for record in records { byName[record.name] = record } }
        self.uri = uri
        self.capabilities = capabilities
        guests = []
        for record in records {
            do {
                let place = "\(uri): \(record.name)"
                var guest = Guest(
                    name: record.name, origin: .libvirt(uri),
                    persistent: try record.persistent.map { try DomainDefinition(xml: $0, path: place) },
                    live: try record.live.map { try DomainDefinition(xml: $0, path: place) })
                guest.state =
                    record.state.flatMap(Self.state).map(Fact.known)
                    ?? .unknown(Unknown(.missing, source: "virDomainGetState"))
                guest.isAutostart =
                    record.isAutostart.map(Fact.known) ?? .unknown(Unknown(.missing, source: "virDomainGetAutostart"))
                guest.messages =
                    record.messages.map(Fact.known) ?? .unknown(Unknown(.missing, source: "virDomainGetMessages"))
                switch statistics {
                case .failure(let error):
                    guest.statistics = .unknown(Unknown(.failed(error.message), source: error.function))
                case .success:
                    if let record = byName[record.name] {
                        var values = Self.statistics(record)
                        values.load = loads[record.name]
                        guest.statistics = .known(values)
                    } else {
                        guest.statistics = .unknown(
                            Unknown(.missing, source: "statistics of a guest that does not run"))
                    }
                }
                if let definition = guest.definition {
                    guest.workload = GuestFiles.workload(definition, name: guest.name, rules)
                }
                guests.append(guest)
            } catch {
                failures.append(error)
            }
        }
    }

    /// - Source: libvirt `virDomainState`.
    private static func state(_ number: Int32) -> Guest.State? {
        switch number {
        case 1: .running
        case 2: .blocked
        case 3: .paused
        case 4: .shuttingDown
        case 5: .shutOff
        case 6: .crashed
        case 7: .suspended
        default: nil
        }
    }

    private static func statistics(_ record: StatisticsRecord) -> GuestStatistics {
        var values = GuestStatistics()
        let numbers = record.numbers
        func kibibytes(_ name: String) -> ByteCount? { numbers[name].map { ByteCount(kibibytes: $0) } }
        values.cpuTime = numbers["cpu.time"]
        values.vcpus = numbers["vcpu.current"].flatMap { Int(exactly: $0) }
        values.balloonCurrent = kibibytes("balloon.current")
        values.resident = kibibytes("balloon.rss")
        values.usable = kibibytes("balloon.usable")
        values.unused = kibibytes("balloon.unused")
        for index in 0..<min(Int(clamping: numbers["block.count"] ?? 0), 4096) {
            guard let target = record.texts["block.\(index).name"] else { continue }
            var disk = GuestStatistics.DiskStatistics(target: target, path: record.texts["block.\(index).path"])
            disk.reads = numbers["block.\(index).rd.reqs"]
            disk.writes = numbers["block.\(index).wr.reqs"]
            disk.bytesRead = numbers["block.\(index).rd.bytes"]
            disk.bytesWritten = numbers["block.\(index).wr.bytes"]
            disk.capacity = numbers["block.\(index).capacity"].map { ByteCount(bytes: $0) }
            disk.allocation = numbers["block.\(index).allocation"].map { ByteCount(bytes: $0) }
            values.disks.append(disk)
        }
        return values
    }

    /// Lets time pass, and looks now and then whether the daemon is still there: nobody should watch a dead one for an hour.
    private static func wait(_ seconds: Double, _ connection: Connection) async throws(LibvirtError) {
        let end = ContinuousClock.now + .seconds(seconds)
        while true {
            let rest = end - ContinuousClock.now
            try? await Task.sleep(for: min(rest, .seconds(1)))
            guard ContinuousClock.now < end else { return }
            try await connection.ping()
        }
    }

    /// Mean load of each guest's vCPUs between two bulk calls, from 0 to 1.
    private static func loads(_ before: [StatisticsRecord], _ after: [StatisticsRecord], seconds: Double) -> [String:
        Double]
    {
        var loads: [String: Double] = [:]
        let earlier = Dictionary(before.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for record in after {
            guard let start = earlier[record.name] else { continue }
            var spent = 0.0
            var count = 0
            for index in 0..<Int(clamping: record.numbers["vcpu.maximum"] ?? 0) {
                guard let one = start.numbers["vcpu.\(index).time"], let two = record.numbers["vcpu.\(index).time"],
                    two >= one
                else { continue }
                spent += Double(two - one) / 1e9
                count += 1
            }
            if count > 0 { loads[record.name] = min(1, spent / seconds / Double(count)) }
        }
        return loads
    }

    /// What the host can do.
    ///
    /// That takes long where many emulators are asked: if too long, it is unknown, and nothing more is asked.
    private static func capabilities(_ connection: Connection) async throws(LibvirtError)
        -> Fact<HypervisorCapabilities>
    {
        let document: String
        do throws(LibvirtError) {
            document = try await connection.capabilities()
        } catch {
            if error.kind == .noConnection { throw error }
            return .unknown(Unknown(.failed(error.message), source: error.function))
        }
        do throws(XMLError) {
            var capabilities = try HypervisorCapabilities(capabilities: document, path: "capabilities")
            if let more = try? await connection.domainCapabilities() {
                try? capabilities.add(domainCapabilities: more, path: "domain capabilities")
            }
            if let versions = try? await connection.versions() {
                capabilities.driver = versions.driver
                capabilities.hypervisorVersion = versions.hypervisor.map { SoftwareVersion(encoded: $0) }
                capabilities.libvirtVersion = versions.libvirt.map { SoftwareVersion(encoded: $0) }
            }
            return .known(capabilities)
        } catch {
            return .unknown(Unknown(.failed("\(error)"), source: "virConnectGetCapabilities"))
        }
    }
}

extension Result where Failure == LibvirtError {
    /// The outcome of a call that may not be there on this driver; a connection that is lost is thrown on.
    static func of(_ call: () async throws(LibvirtError) -> Success) async throws(LibvirtError) -> Self {
        do {
            return .success(try await call())
        } catch {
            if error.kind == .noConnection || error.kind == .timedOut { throw error }
            return .failure(error)
        }
    }
}

extension String {
    /// Where a text stands in this one.
    func range(of text: String) -> Range<String.Index>? {
        guard let first = text.first else { return nil }
        var start = startIndex
        while let found = self[start...].firstIndex(of: first) {
            if self[found...].hasPrefix(text) { return found..<index(found, offsetBy: text.count) }
            start = index(after: found)
        }
        return nil
    }
}
