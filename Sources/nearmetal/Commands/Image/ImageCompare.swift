import ArgumentParser
import DiskImage

/// `nearmetal image compare`.
struct ImageCompare: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Tell whether two images show the same.",
        discussion: """
            Examples:
              nearmetal image compare disk.raw disk.qcow2

            Exit status: 0 they do, 1 they do not, 2 one cannot be opened, 3 one cannot be looked through, 4 one cannot be read.
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)], help: ArgumentHelp("The first one's format.", valueName: "fmt")
    )
    var format: String?

    @Option(
        name: [.customShort("F", allowingJoined: true)],
        help: ArgumentHelp("The second one's format.", valueName: "fmt"))
    var secondFormat: String?

    @Flag(name: [.customShort("s")], help: "Images of different sizes differ.")
    var strict = false

    @Flag(name: [.customShort("p")], help: "Show progress.")
    var progress = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("An image.", valueName: "file1"), completion: .file())
    var first: String

    @Argument(help: ArgumentHelp("Another.", valueName: "file2"), completion: .file())
    var second: String

    func run() throws {
        let (one, other): (Image, Image)
        do { (one, other) = (try opening.open(first, format), try opening.open(second, secondFormat)) } catch {
            throw ImageStatus.failing(error, status: 2)
        }
        if one.size != other.size, strict {
            if !quiet { try print(line: "Strict mode: Image size mismatch!") }
            throw ExitCode(1)
        }
        let shown = ImageProgress(isShown: progress && !quiet, total: max(one.size, other.size))
        let result: ImageComparison
        do { result = try ImageComparison.compare(one, other, shown.show) } catch {
            throw ImageStatus.failing(error, status: 4)
        }
        var hasCommonPart = true
        if case .differs(let place) = result { hasCommonPart = place >= min(one.size, other.size) }
        // It is told once what both have has been looked at.
        if one.size != other.size, hasCommonPart, !quiet { try print(line: "Warning: Image size mismatch!") }
        if case .differs(let place) = result {
            if !quiet { try print(line: "Content mismatch at offset \(place)!") }
            throw ExitCode(1)
        }
        shown.finish()
        if !quiet { try print(line: "Images are identical.") }
    }
}
