import ArgumentParser
import Configuration
import Inventory
import Survey
import Transactions

/// Which host and guests a plan is about: the words of `check`.
struct EstateOptions: ParsableArguments {
    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("Definitions instead of libvirt: files or folders, which are edited.", valueName: "path"),
        completion: .file(extensions: ["xml"]))
    var xml: [String] = []

    @Option(help: ArgumentHelp("Configuration. Default: as check has it.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Only these practices; wildcards are allowed.", valueName: "id,…"))
    var only: String?

    @Option(help: ArgumentHelp("Leave these practices out.", valueName: "id,…"))
    var except: String?

    @Option(help: ArgumentHelp("Only guests of this name; wildcards are allowed.", valueName: "name"))
    var guest: [String] = []

    @Flag(help: "Change settings too that another tool owns (saptune, tuned, ksmtuned).")
    var takeOver = false

    func validate() throws {
        if !xml.isEmpty, connect != nil {
            throw ValidationError("--xml and --connect exclude each other: guests come from files or from libvirt")
        }
        if xml.contains("-") { throw ValidationError("--xml - cannot be written back: name files") }
        try PracticeNames.validate(only, except)
    }

    /// Gathers the estate.
    func gather(_ place: PlaceOptions, _ progress: Progress) async throws -> EstateSurvey.Answer {
        var request = EstateSurvey.Request()
        request.connect = connect
        // Plans name files by their whole path.
        request.xml = try xml.map(WholeFile.path)
        request.hostRoot = place.root == "/" ? nil : place.root
        return try await EstateSurvey(request, settings: try Settings.read(config)) { progress.say($0) }.gather()
    }
}

/// Where changes are made, and where their history is.
struct PlaceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Change a system below this folder: a mounted one, a container's. / is this machine.", valueName: "dir"),
        completion: .directory)
    var root: String = "/"

    @Option(
        help: ArgumentHelp(
            "Folder of journal and history. Default: var/lib/nearmetal below the root.", valueName: "dir"),
        completion: .directory)
    var stateDir: String?

    mutating func validate() throws {
        guard root != "/" else { return }
        do { root = try WholeFile.path(root) } catch { throw ValidationError("--root \(error)") }
    }

    /// The folder of journal and history.
    var state: StateFolder { StateFolder(named: stateDir, below: root) }
}

/// Text for people or JSON for programs.
enum PlainFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}
