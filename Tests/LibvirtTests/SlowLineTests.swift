import Foundation
import Libvirt
import Testing

/// The limits of calls that may take long: what gives signs of life is waited for, what gives none is not.
///
/// Limits are as long as a busy machine needs to connect.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .privateDaemon)
struct SlowLineTests {
    private let daemon: PrivateDaemon
    private let limit = 3.0

    init() throws { daemon = try #require(PrivateDaemon.current) }

    /// A line on which a list of eight guests takes longer than one call may: each costs six questions or more.
    private func slowList(_ body: (SlowLine, Connection) async throws -> Void) async throws {
        for number in 1...8 {
            let definition = """
                <domain type='qemu'>
                  <name>guest\(number)</name>
                  <uuid>5b1d2c9e-4f60-4a51-9c7e-20000000000\(number)</uuid>
                  <memory unit='MiB'>64</memory>
                  <os><type arch='x86_64' machine='q35'>hvm</type></os>
                </domain>
                """
            try await daemon.virsh("define", daemon.write(definition, as: "guest\(number)"))
        }
        let line = try SlowLine(to: daemon)
        let connection = Connection(uri: line.uri, timeout: limit)
        try await connection.open()
        line.delay(0.1)
        try await body(line, connection)
        try FileManager.default.removeItem(atPath: "\(daemon.folder)/run/slow")
    }

    /// Each domain of a list has the limit for itself.
    @Test func manyDomainsTakeLong() async throws {
        try await slowList { _, connection in
            let start = ContinuousClock.now
            let records = try await connection.domains()
            #expect(ContinuousClock.now - start > .seconds(limit))
            #expect(records.map(\.name).sorted() == (1...8).map { "guest\($0)" })
            #expect(records.allSatisfy { $0.persistent != nil && $0.state == 5 })
        }
    }

    /// Signs of life are given no credit: the limit runs anew from the last.
    @Test func aListBreaksOff() async throws {
        try await slowList { line, connection in
            line.fallSilent(after: 15)
            let start = ContinuousClock.now
            let error = await #expect(throws: LibvirtError.self) { try await connection.domains() }
            #expect(error?.kind == .timedOut)
            #expect(error?.message == "no answer within 3 seconds")
            #expect(ContinuousClock.now - start < .seconds(30))
        }
    }

    /// A daemon that has just started asks every emulator first.
    @Test func capabilitiesHaveThreeTimesTheLimit() async throws {
        let line = try SlowLine(to: daemon)
        let connection = Connection(uri: line.uri, timeout: limit)
        try await connection.open()
        line.fallSilent(after: 0)
        let start = ContinuousClock.now
        let error = await #expect(throws: LibvirtError.self) { try await connection.capabilities() }
        #expect(error?.kind == .timedOut)
        #expect(error?.message == "no answer within 9 seconds")
        #expect(ContinuousClock.now - start >= .seconds(9))
        try FileManager.default.removeItem(atPath: "\(daemon.folder)/run/slow")
    }
}
