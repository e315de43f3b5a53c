import Foundation
import Inventory
import Quantities
import Survey
import Testing
import ToolRunning

/// A guest with a kernel and an agent inside, asked by `--inside`.
@Suite(
    .serialized, .enabled(if: PrivateDaemon.isInstalled, "libvirtd, virsh and qemu-system-x86_64 are not installed"),
    .enabled(if: TinyGuest.folder != nil, "scripts/tiny-guest cannot make one here"),
    .privateDaemon)
struct RealAgentTests {
    private let daemon: PrivateDaemon

    init() throws { daemon = try #require(PrivateDaemon.current) }

    @Test(.timeLimit(.minutes(5))) func tellsOfTheInside() async throws {
        try await TinyGuest.start("agent", on: daemon)
        var request = EstateSurvey.Request()
        request.connect = daemon.uri
        request.asksAgents = true
        let answer = try await EstateSurvey(request, settings: Settings()).gather()
        let guest = try #require(answer.estate.guests.first { $0.name == "agent" })
        let inside = try #require(guest.inside.value, "\(String(describing: guest.inside.reason))")
        #expect(inside.kernelRelease.value?.contains("amd64") == true)
        #expect(inside.schedulers.value?["vda"] != nil)
        #expect(inside.virtioDrivers.value?.values.contains("virtio_blk") == true)
        #expect(inside.rngAvailable.value?.contains { $0.hasPrefix("virtio_rng") } == true)

        let run = try await Nearmetal.run(
            "check", "--connect", daemon.uri, "--inside", "--only", "guest-io-scheduler", "--fail-on", "never",
            "--verbose")
        #expect(run.status == 0, "\(run.errors)")
        #expect(!run.text.contains("not examined"), "\(run.text)")
        try await daemon.virsh("destroy", "agent")
        try await daemon.virsh("undefine", "agent")
    }
}
