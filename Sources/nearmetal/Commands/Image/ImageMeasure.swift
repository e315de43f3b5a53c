import ArgumentParser
import DiskImage
import JSONText

/// `nearmetal image measure`.
struct ImageMeasure: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure", abstract: "Tell how much space an image would take.",
        discussion: """
            Examples:
              nearmetal image measure -O qcow2 disk.raw
              nearmetal image measure -O qcow2 --size 100G -o cluster_size=128k
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)], help: ArgumentHelp("The image's format.", valueName: "fmt"))
    var format: String?

    @Option(
        name: [.customShort("O", allowingJoined: true)],
        help: ArgumentHelp("The new one's format. Default: raw.", valueName: "fmt"))
    var outputFormat = "raw"

    @Option(help: ArgumentHelp("human or json.", valueName: "form"))
    var output: ImageOutput = .human

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The size of an empty image, rather than an image.", valueName: "size"))
    var size: String?

    @Option(
        name: [.customShort("l", allowingJoined: true)],
        help: ArgumentHelp(
            "The snapshot inside the image: its name or number, snapshot.id=ID or snapshot.name=NAME.",
            valueName: "snapshot"))
    var snapshot: String?

    @Option(
        name: [.customShort("o", allowingJoined: true)],
        help: ArgumentHelp("Options of the new format.", valueName: "options"))
    var options: [String] = []

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var files: [String] = []

    func run() throws {
        do {
            guard files.count <= 1 else { throw ImageError(.invalid, "At most one filename argument is allowed.") }
            if let snapshot { try Self.check(snapshot: snapshot) }
            let file = files.first
            guard file != nil || !(opening.imageOpts || self.format != nil || snapshot != nil) else {
                throw ImageError(.invalid, "--image-opts, -f, and -l require a filename argument.")
            }
            let options = try ImageCreationOptions(lists: options)
            guard (size == nil) != (file == nil) else {
                throw ImageError(
                    .invalid,
                    size == nil
                        ? "Either --size N or one filename must be specified."
                        : "--size N cannot be used together with a filename.")
            }
            guard let format = ImageFacts.Format(rawValue: outputFormat) else {
                throw ImageError(.unsupported, "Unknown file format '\(outputFormat)'")
            }
            let image = try file.map { file throws(ImageError) in try opening.open(file, self.format) }
            if let snapshot { try image?.show(snapshot: snapshot) }
            var creation = Image.Creation(
                format, size: try size.map { text throws(ImageError) in try ImageSize.parsed(text) } ?? 0)
            try options.apply(to: &creation, try ImageObjects(opening.object))
            let result = try ImageMeasurement(creation, of: image)
            switch output {
            case .human:
                try print(line: "required size: \(result.required)")
                try print(line: "fully allocated size: \(result.fullyAllocated)")
                if let bitmaps = result.bitmaps { try print(line: "bitmaps size: \(bitmaps)") }
            case .json:
                var json = JSONWriter(indent: 4)
                json.object { json in
                    if let bitmaps = result.bitmaps { json.member("bitmaps", bitmaps) }
                    json.member("required", result.required)
                    json.member("fully-allocated", result.fullyAllocated)
                }
                try print(json.finished())
            }
        } catch {
            throw ImageStatus.failing(error)
        }
    }

    /// Whether a snapshot is named as qemu-img has it.
    private static func check(snapshot text: String) throws(ImageError) {
        guard text.hasPrefix("snapshot.") else { return }
        for part in text.split(separator: ",") {
            let key = part.prefix { $0 != "=" }
            guard key == "snapshot.id" || key == "snapshot.name" else {
                throw ImageError(
                    .invalid,
                    "Invalid parameter '\(key)'\u{2028}\(ImageStatus.program): Failed in parsing snapshot param '\(text)'"
                )
            }
        }
    }
}
