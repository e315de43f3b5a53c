import DomainXML
public import Inventory
import Quantities

/// Guests read from files, and what was left out.
public struct GuestFiles: Sendable {
    /// The guests, in order of path.
    public var guests: [Guest] = []
    /// Well-formed documents that are no domain definitions (networks, pools …).
    public var skipped = 0
    /// Files that could not be read or understood, in order of path.
    public var failures: [any Error] = []

    /// Reads definitions.
    ///
    /// A folder is searched with all below it for `*.xml`; documents of another kind are skipped there, but are an error where they were named
    /// themselves. Files are read and parsed on all CPUs.
    ///
    /// - Parameters:
    ///   - paths: files, folders, or `-` for standard input.
    ///   - settings: for the workloads.
    /// - Returns: the guests read, how many documents were skipped, and the error of each that failed.
    /// - Throws: a path that does not exist, or a folder that may not be read.
    public static func read(_ paths: [String], settings: Settings) async throws(SurveyError) -> GuestFiles {
        var files: [(path: String, isNamed: Bool)] = []
        for path in paths {
            switch path == "-" ? false : Files.isFolder(path) {
            case nil: throw SurveyError("there is no such file or folder", place: path)
            case true?: files += try Files.definitions(in: path).map { ($0, false) }
            case false?: files.append((path, true))
            }
        }
        return await read(files, settings: settings)
    }

    static func read(_ files: [(path: String, isNamed: Bool)], settings: Settings) async -> GuestFiles {
        let rules = settings.workloads.map { (Wildcard($0.pattern), $0.workload) }
        let parts = await Blocking.map(files, chunk: 32) { part($0, rules) }
        var sum = GuestFiles()
        for part in parts {
            sum.guests += part.guests
            sum.skipped += part.skipped
            sum.failures += part.failures
        }
        sum.makeNamesUnique()
        return sum
    }

    private static func part(_ files: ArraySlice<(path: String, isNamed: Bool)>, _ rules: [(Wildcard, Workload)])
        -> GuestFiles
    {
        var result = GuestFiles()
        for file in files {
            do {
                let document = try XMLDocument(Files.read(file.path), path: file.path)
                if !file.isNamed, !["domain", "domstatus"].contains(document.root.name) {
                    result.skipped += 1
                    continue
                }
                result.guests.append(try guest(document, rules))
            } catch {
                result.failures.append(error)
            }
        }
        return result
    }

    private static func guest(_ document: XMLDocument, _ rules: [(Wildcard, Workload)]) throws(XMLError) -> Guest {
        let definition = try DomainDefinition(document)
        var name = definition.name
        if name.isEmpty {
            name = document.path.split(separator: "/").last.map(String.init) ?? document.path
            if name.hasSuffix(".xml") { name = String(name.dropLast(4)) }
        }
        // libvirt's status files hold what runs; definitions hold the next start.
        let isLive = document.root.name == "domstatus"
        var guest = Guest(
            name: name, origin: .file(document.path), persistent: isLive ? nil : definition,
            live: isLive ? definition : nil)
        if isLive { guest.state = .known(.running) }
        guest.workload = Self.workload(definition, name: name, rules)
        return guest
    }

    /// Metadata in the definition wins over patterns in the configuration.
    static func workload(_ definition: DomainDefinition, name: String, _ rules: [(Wildcard, Workload)]) -> Workload {
        if let declared = definition.declaredWorkload.flatMap(Workload.init(rawValue:)) { return declared }
        return rules.first { $0.0.matches(name) }?.1 ?? .general
    }

    /// Two files may define guests of one name (a repository with several hosts): the later ones get their path beside the name.
    private mutating func makeNamesUnique() {
        var seen = Set<String>()
        for index in guests.indices where !seen.insert(guests[index].name).inserted {
            if case .file(let path) = guests[index].origin { guests[index].name += " (\(path))" }
            _ = seen.insert(guests[index].name)
        }
    }
}
