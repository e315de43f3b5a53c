import ArgumentParser
import Configuration
import Glibc
import Inventory
import Practices
import Quantities
import Survey

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
        for id in Self.names(only) + Self.names(except)
        where !Practices.all.contains(where: { Wildcard(id).matches($0.about.id) || $0.about.aliases.contains(id) }) {
            let nearest = Spelling.nearest(to: id, among: Practices.all.map(\.about.id))
            throw ValidationError(
                "There is no practice \"\(id)\". "
                    + (nearest.map { "Did you mean \"\($0)\"?" } ?? "`nearmetal practices` lists them"))
        }
    }

    static func names(_ list: String?) -> [String] {
        list?.split(separator: ",").map { String($0).trimmingSpaces } ?? []
    }

    /// Gathers the estate.
    func gather(_ place: PlaceOptions, _ progress: Progress) async throws -> EstateSurvey.Answer {
        var request = EstateSurvey.Request()
        request.connect = connect
        request.xml = try xml.map(Self.absolute)
        request.hostRoot = place.root == "/" ? nil : place.root
        return try await EstateSurvey(request, settings: try Settings.read(config)) { progress.say($0) }.gather()
    }

    /// Plans name files by their whole path.
    private static func absolute(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else {
            throw Failure("\(path): \(String(cString: strerror(errno)))")
        }
        defer { free(resolved) }
        return String(cString: resolved)
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
        guard let resolved = realpath(root, nil) else {
            throw ValidationError("--root \(root): \(String(cString: strerror(errno)))")
        }
        defer { free(resolved) }
        root = String(cString: resolved)
    }
}

/// Text for people or JSON for programs.
enum PlainFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}
