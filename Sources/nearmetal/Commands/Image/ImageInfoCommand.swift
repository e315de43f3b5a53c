import ArgumentParser
import DiskImage
import Glibc
import Reports

/// `nearmetal image info`.
struct ImageInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Tell what an image says of itself.",
        discussion: """
            Examples:
              nearmetal image info disk.qcow2
              nearmetal image info --backing-chain --output=json overlay.qcow2
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("Format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(help: ArgumentHelp("human or json.", valueName: "form"))
    var output: ImageOutput = .human

    @Flag(help: "And of all images below it.")
    var backingChain = false

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        do {
            // What is told stands in the header, which is open to all.
            let target = try opening.target(file, format, needsSecrets: false)
            let image = try opening.open(target, opensBacking: backingChain, called: file)
            var infos: [ImageInfo] = []
            var next: Image? = image
            while let layer = next {
                infos.append(try layer.info())
                next = layer.below
            }
            switch output {
            case .human: try print(Array(ImageInfoReport.text(infos).utf8))
            case .json: try print(ImageInfoReport.json(infos, asList: backingChain))
            }
        } catch {
            throw ImageStatus.failing(error)
        }
    }
}

/// A path from the root.
func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
    defer { free(folder) }
    return String(cString: folder) + "/" + path
}

extension ImageInfoCommand: PlainImageCommand {
    mutating func setOwnDefaults() { backingChain = false }

    mutating func takeOwn(_ name: String, _ value: () -> String?) -> Bool {
        guard name == "--backing-chain" else { return false }
        backingChain = true
        return true
    }
}
