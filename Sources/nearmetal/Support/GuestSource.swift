import ArgumentParser
import Configuration
import Inventory
import Quantities
import Survey

/// Where a command finds the guests it shows.
struct GuestSource: ParsableArguments {
    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("Definitions instead of libvirt: files or folders.", valueName: "path"),
        completion: .file(extensions: ["xml"]))
    var xml: [String] = []

    func validate() throws {
        if !xml.isEmpty, connect != nil {
            throw ValidationError("--xml and --connect exclude each other: guests come from files or from libvirt")
        }
    }

    /// Gathers them.
    func gather(_ progress: Progress) async throws -> EstateSurvey.Answer {
        if xml.isEmpty { return try await Self.gather(from: connect, progress) }
        var request = EstateSurvey.Request()
        request.xml = xml
        return try await EstateSurvey(request, settings: try Settings.read(nil)) { progress.say($0) }.gather()
    }

    /// Gathers those of a connection; nothing because libvirt is away would look like a host without guests.
    static func gather(from connect: String?, _ progress: Progress) async throws -> EstateSurvey.Answer {
        var request = EstateSurvey.Request()
        request.connect = connect ?? "qemu:///system"
        return try await EstateSurvey(request, settings: try Settings.read(nil)) { progress.say($0) }.gather()
    }
}
