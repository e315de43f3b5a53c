import ArgumentParser
import FileWriting
import Glibc
import Quantities
import Reports

/// How the program ends; one table for all commands.
enum Status {
    /// Nothing at or above `--fail-on`.
    static let clean = ExitCode(0)
    /// Findings at or above `--fail-on`.
    static let findings = ExitCode(1)
    /// It could not run, or not to the end; or something is unknown under `--strict`.
    static let failed = ExitCode(2)
    /// The command line is wrong.
    static let usage = ExitCode(64)
}

/// Says on stderr what went wrong, and ends with status 2; where that was done already, its status stays.
func failing(_ error: any Error) -> ExitCode {
    if let status = error as? ExitCode { return status }
    say("nearmetal: \(error)")
    return Status.failed
}

/// A line on stderr; whatever a file is called, or an error quotes, it stays one line and commands no terminal.
func say(_ line: String) { write([UInt8]((Columns.plain(line) + "\n").utf8), to: STDERR_FILENO) }

/// Writes what a command is for to standard output; a full disk is an error in words.
func print(_ bytes: [UInt8]) throws(ExitCode) {
    guard write(bytes, to: STDOUT_FILENO) else {
        throw failing(Failure("standard output: \(String(cString: strerror(errno)))"))
    }
}

/// Writes a line to standard output.
func print(line: String) throws(ExitCode) { try print(Array((line + "\n").utf8)) }

/// Writes all bytes; a reader that has gone away (`| head`) ends the program quietly, as other tools do.
@discardableResult
func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    guard let failure = OpenFile.write(bytes, to: descriptor) else { return true }
    if failure == EPIPE { exit(0) }
    errno = failure
    return false
}

/// Options of every command that prints for people.
struct OutputOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Language of the texts: en or zh. Default: the locale's.", valueName: "en|zh"))
    var lang: String?

    @Option(help: ArgumentHelp("When to use colours: auto, always or never. NO_COLOR is heeded.", valueName: "when"))
    var color: ColorChoice = .auto

    func validate() throws {
        guard let lang else { return }
        guard Language(rawValue: lang) != nil else {
            throw ValidationError("There is no language \"\(lang)\". Write --lang en or --lang zh")
        }
    }

    /// The language asked for, else the locale's.
    var language: Language {
        if let lang, let language = Language(rawValue: lang) { return language }
        for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
            if let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty { return Language(locale: value) }
        }
        return .english
    }

    /// How text is laid out on the terminal (or elsewhere: 80 columns, no colours).
    func style(verbose: Bool = false) -> TextStyle {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        var width = 80
        var size = winsize()
        if isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
            width = Int(size.ws_col)
        } else if let columns = getenv("COLUMNS").flatMap({ Int(String(cString: $0)) }), columns > 0 {
            width = columns
        }
        let isPlain = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
        let coloured =
            switch color {
            case .always: true
            case .never: false
            case .auto: isTerminal && !isPlain && !isDumb
            }
        return TextStyle(width: min(width, 160), isColoured: coloured, isVerbose: verbose)
    }
}

/// When to use colours.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, always, never
}
