import ArgumentParser
import DiskImage
import Glibc
import Reports

/// `nearmetal image tree`.
struct ImageTree: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tree", abstract: "Draw the backing chains of the images below a folder.",
        discussion: """
            Headers alone are read, and nothing outside of the folder unless --allow-named says so.

            Examples:
              nearmetal image tree /var/lib/libvirt/images
              nearmetal image tree --allow-named /srv/base --output=json .
            """)

    @Option(help: ArgumentHelp("human or json.", valueName: "form"))
    var output: ImageOutput = .human

    @Option(
        help: ArgumentHelp(
            "Which files outside of the folder an image may name: any, none, or a folder; may be given again. Default: none.",
            valueName: "which"), completion: .directory)
    var allowNamed: [String] = []

    @OptionGroup var display: OutputOptions

    @Argument(help: ArgumentHelp("The folder. Default: this one.", valueName: "folder"), completion: .directory)
    var folder = "."

    func run() throws {
        do {
            let top = realPath(absolutePath(folder))
            let gate =
                allowNamed == ["any"]
                ? ImageChain.Gate.open
                : .folders([top] + allowNamed.filter { $0 != "none" }.map { realPath(absolutePath($0)) })
            let forest = try ImageForest.read(top, gate: gate)
            switch output {
            case .json: try print(ImageTreeReport.json(forest))
            case .human:
                let text = ImageTreeReport.text(
                    forest, in: top, isASCII: !Self.drawsLines, language: display.language, style: display.style())
                try print(Array(text.utf8))
            }
        } catch { throw ImageStatus.failing(error) }
    }

    private func realPath(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// Whether the locale has characters that draw lines.
    private static var drawsLines: Bool {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { continue }
            return value.uppercased().contains("UTF-8") || value.uppercased().contains("UTF8")
        }
        return false
    }
}
