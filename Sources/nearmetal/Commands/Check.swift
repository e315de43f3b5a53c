import Advisor
public import ArgumentParser
import Configuration
import ExampleEstate
import Foresight
import Glibc
import HostFacts
import Inventory
import Practices
import Quantities
public import Reports
import Survey

extension ReportFormat: ExpressibleByArgument {}

/// `nearmetal check`.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Audit a host and its guests against the guide.",
        discussion: """
            Without options it judges this machine and the guests libvirt knows.

            Examples:
              nearmetal check --verbose
              nearmetal check --example
              nearmetal check --after-reboot
              nearmetal check --target sles-16
              nearmetal check --connect qemu+ssh://root@kvm2/system
              nearmetal check --xml guests/ --format sarif --output nearmetal.sarif
              virsh dumpxml web1 | nearmetal check --xml -
              nearmetal check --root captured/ --lang zh
              nearmetal check --only 'huge-pages-*' --fail-on warning

            Exit status: 0 nothing at or above --fail-on, 1 findings, 2 it could not run (or something is unknown, with --strict), 64 usage.
            """)

    /// The severity that fails a run.
    enum FailOn: String, ExpressibleByArgument, CaseIterable {
        case error, warning, advice, info, never
        var severity: Severity? { Severity(rawValue: rawValue) }
    }

    @Option(
        name: [.short, .long], help: ArgumentHelp("libvirt connection. Default: as virsh has it.", valueName: "uri"))
    var connect: String?

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "Definitions instead of libvirt: files, folders, or - for standard input.", valueName: "path"),
        completion: .file(extensions: ["xml"]))
    var xml: [String] = []

    @Option(
        name: [.customLong("root"), .long],
        help: ArgumentHelp("Read host facts below this folder, a captured tree. / is this machine.", valueName: "dir"),
        completion: .directory)
    var hostRoot: String?

    @Option(
        help: ArgumentHelp(
            "Configuration. Default: ./nearmetal.yaml, then /etc/nearmetal/nearmetal.yaml.", valueName: "file"))
    var config: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("text, json, sarif, junit, markdown or prometheus.", valueName: "format"))
    var format: ReportFormat = .text

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Write the report to a file; it appears whole or not at all.", valueName: "file"))
    var output: String?

    @Option(help: ArgumentHelp("Judge only these practices; wildcards are allowed.", valueName: "id,…"))
    var only: String?

    @Option(help: ArgumentHelp("Leave these practices out.", valueName: "id,…"))
    var except: String?

    @Option(help: ArgumentHelp("Judge only guests of this name; wildcards are allowed.", valueName: "name"))
    var guest: [String] = []

    @Option(
        help: ArgumentHelp(
            "Severity from which the exit status is 1: error, warning, advice, info or never.", valueName: "severity"))
    var failOn: FailOn = .error

    @Flag(help: "Exit with 2 if anything is unknown.")
    var strict = false

    @Flag(name: [.short, .long], help: "Tell reasons, trade-offs and evidence too.")
    var verbose = false

    @Option(help: ArgumentHelp("Observe running guests for so long, to know their load.", valueName: "seconds"))
    var observe: Double?

    @Flag(help: "Ask the agents inside running guests too: schedulers, drivers, services.")
    var inside = false

    @Flag(help: "Walk the metadata of qcow2 images too, which reads much.")
    var checkImages = false

    @Flag(help: "Answer for each guest whether it would start if the host rebooted now.")
    var afterReboot = false

    @Option(
        help: ArgumentHelp(
            "Judge readiness for a release (sles-16) or a host (its capabilities.xml).", valueName: "target"))
    var target: String?

    @Flag(help: "Judge the example that is built in: a four-node host with a dozen guests.")
    var example = false

    @OptionGroup var display: OutputOptions

    func validate() throws {
        if example, !xml.isEmpty || connect != nil || hostRoot != nil {
            throw ValidationError(
                "--example brings its own host and guests: leave --xml, --connect and --root out")
        }
        if !xml.isEmpty, connect != nil {
            throw ValidationError("--xml and --connect exclude each other: guests come from files or from libvirt")
        }
        if inside, example || !xml.isEmpty {
            throw ValidationError("--inside asks the agents of running guests: leave --xml and --example out")
        }
        if let observe, !(observe > 0 && observe <= 3600) { throw ValidationError("--observe takes 0 to 3600 seconds") }
        try PracticeNames.validate(only, except)
    }

    func run() async throws {
        let progress = Progress(language: display.language)
        let answer: EstateSurvey.Answer
        do {
            let settings = try Settings.read(config)
            var request = EstateSurvey.Request()
            request.connect = connect
            request.xml = xml
            request.hostRoot = hostRoot
            request.observe = observe
            request.asksAgents = inside
            request.checksImages = checkImages
            answer =
                example
                ? ExampleEstate.answer(settings)
                : try await EstateSurvey(request, settings: settings) { progress.say($0) }.gather()
        } catch {
            progress.finish()
            throw failing(error)
        }
        let estate = answer.estate
        // A report on nothing would look like one without findings.
        if !answer.failures.isEmpty, estate.guests.isEmpty, !estate.hasHost {
            progress.finish()
            for failure in answer.failures { say("nearmetal: \(failure)") }
            throw Status.failed
        }
        progress.say(Text("judging", "正在检查"))
        let selection = Advice.Selection(only: only, except: except, guests: guest)
        let asksFuture = afterReboot || target != nil
        let audit =
            asksFuture
            ? Audit(practices: [], results: []) : await Advice(selection, settings: estate.settings).audit(estate)
        var readiness: ReadinessReport?
        if let target {
            do { readiness = Readiness.judge(estate, for: try Self.readinessTarget(target)) } catch {
                progress.finish()
                throw failing(error)
            }
        }
        progress.finish()
        for failure in answer.failures { say("nearmetal: \(failure)") }
        if !asksFuture, !guest.isEmpty, !audit.results.contains(where: { $0.subject.kind == .guest }) {
            throw failing(
                Failure(
                    "there is no guest \(guest.joined(separator: ", ")); there are \(estate.guests.map(\.name).prefix(20).joined(separator: ", "))"
                ))
        }
        var report = Report(
            audit, language: display.language, version: Version.text, moment: estate.now,
            host: estate.hasHost ? heading(estate.host) : nil,
            notes: answer.notes, failOn: failOn.severity)
        report.afterReboot = afterReboot ? WouldStart.predict(estate) : nil
        report.readiness = readiness
        let pieces =
            format == .text && output == nil
            ? [TextReport(style: display.style(verbose: verbose)).bytes(report)] : format.pieces(report)
        if let output {
            do { try WholeFile.write(pieces, to: output) } catch { throw failing(error) }
        } else {
            for piece in pieces { try print(piece) }
        }
        let status: ExitCode =
            if !answer.failures.isEmpty {
                Status.failed
            } else if report.fails {
                Status.findings
            } else {
                strict && report.hasUnknowns ? Status.failed : Status.clean
            }
        // The process ends while all is still held: taking a large estate apart piece by piece would take longer than writing its report.
        withExtendedLifetime((answer, audit, report)) { Glibc.exit(status.rawValue) }
    }

    /// A release by name, or a host by its capabilities.
    private static func readinessTarget(_ name: String) throws -> ReadinessTarget {
        if let target = ReadinessTarget(releaseNamed: name) { return target }
        guard name.hasSuffix(".xml") || name.contains("/") else {
            let releases = ReleaseData.releases.map(\.id).joined(separator: ", ")
            throw Failure(
                "there is no release \"\(name)\" in the table. Known are \(releases); or name a capabilities.xml")
        }
        return ReadinessTarget(try EstateSurvey.capabilities(inFile: name), name: name)
    }

    /// Name, distribution and kernel of the host in a line.
    private func heading(_ host: HostFacts) -> String {
        [
            host.system.hostName.value, host.system.distribution.value?.name,
            host.kernel.release.value.map { "Linux \($0)" }, host.cpu.model.value,
        ]
        .compactMap { $0 }.joined(separator: " · ")
    }
}

/// A failure in words.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
