import ArgumentParser
import DiskImage

/// `nearmetal image resize`.
struct ImageResize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resize", abstract: "Give an image another size.",
        discussion: """
            The guest's file systems do not know of it: they are grown inside after, and made smaller inside before.

            Examples:
              nearmetal image resize disk.qcow2 +10G
              nearmetal image resize --shrink -f raw disk.img 5G
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("Format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(
        help: ArgumentHelp(
            "How much of the new space is taken at once: off, metadata, falloc or full.", valueName: "how"))
    var preallocation: String = "off"

    @Flag(help: "It may become smaller: what lies behind is lost.")
    var shrink = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    @Argument(
        parsing: .allUnrecognized, help: ArgumentHelp("Its new size, or + or - and by how much.", valueName: "size"))
    var size: [String]

    func run() throws {
        do {
            guard size.count == 1, let text = size.first else {
                throw ImageError(.invalid, "Expecting one size after the image's name")
            }
            guard let preallocation = Image.Preallocation(rawValue: preallocation) else {
                throw ImageError(.invalid, "Invalid preallocation mode '\(preallocation)'")
            }
            let number = text.hasPrefix("+") || text.hasPrefix("-") ? String(text.dropFirst()) : text
            let amount = try ImageSize.parsed(number)
            let image = try opening.open(file, format, isWritable: true)
            let old = image.size
            var new = amount
            if text.hasPrefix("+") { new = old.addingReportingOverflow(amount).overflow ? .max : old + amount }
            if text.hasPrefix("-") {
                guard amount < old else { throw ImageError(.invalid, "New image size must be positive") }
                new = old - amount
            }
            guard new > 0, new <= UInt64(Int64.max) - 511 else {
                throw ImageError(.invalid, "New image size must be positive")
            }
            guard new >= old || shrink else {
                let warning =
                    "Shrinking an image will delete all data beyond the shrunken image's end. Before performing such an operation, make sure there is no important data there."
                throw ImageError(
                    .invalid,
                    "Use the --shrink option to perform a shrink operation.\u{2028}\(ImageStatus.program): warning: \(warning)"
                )
            }
            guard preallocation == .off || new > old else {
                throw ImageError(.invalid, "Preallocation can only be used for growing images")
            }
            if new != old { try image.resize(to: new, preallocation) }
            try image.close()
            if !quiet { try print(line: "Image resized.") }
        } catch {
            throw ImageStatus.failing(error)
        }
    }
}
