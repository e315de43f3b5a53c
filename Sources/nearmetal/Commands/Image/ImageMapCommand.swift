import ArgumentParser
import DiskImage
import JSONText

/// `nearmetal image map`.
struct ImageMapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "map", abstract: "Tell where an image's data lie.",
        discussion: """
            Examples:
              nearmetal image map disk.qcow2
              nearmetal image map --output=json overlay.qcow2
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("Format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(help: ArgumentHelp("human or json.", valueName: "form"))
    var output: ImageOutput = .human

    @Option(
        name: [.customShort("s", allowingJoined: true), .long],
        help: ArgumentHelp("The first byte.", valueName: "offset"))
    var startOffset: String?

    @Option(
        name: [.customShort("l", allowingJoined: true), .long],
        help: ArgumentHelp("How many bytes.", valueName: "length"))
    var maxLength: String?

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        do {
            let image = try opening.open(file, format)
            let start = try startOffset.map { text throws(ImageError) in try ImageSize.parsed(text) } ?? 0
            let length = try maxLength.map { text throws(ImageError) in try ImageSize.parsed(text) }
            switch output {
            case .human: try human(image, start, length)
            case .json: try json(image, start, length)
            }
        } catch {
            throw ImageStatus.failing(error)
        }
    }

    private func human(_ image: Image, _ start: UInt64, _ length: UInt64?) throws {
        func column(_ text: String) -> String { text + String(repeating: " ", count: max(0, 16 - text.count)) }
        var text = column("Offset") + column("Length") + column("Mapped to") + "File\n"
        var failure: ImageError?
        try image.map(from: start, length: length) { entry in
            guard failure == nil, entry.isData, !entry.isZero else { return }
            guard let offset = entry.offset, let file = entry.file else {
                failure = ImageError(.unsupported, "File contains external, encrypted or compressed clusters.")
                return
            }
            func hex(_ value: UInt64) -> String { column(value == 0 ? "0" : "0x" + String(value, radix: 16)) }
            text += hex(entry.start) + hex(entry.length) + hex(offset) + file + "\n"
        }
        try print(Array(text.utf8))
        if let failure { throw failure }
    }

    private func json(_ image: Image, _ start: UInt64, _ length: UInt64?) throws {
        var text = "["
        var isFirst = true
        try image.map(from: start, length: length) { entry in
            text += isFirst ? "" : ",\n"
            isFirst = false
            text +=
                "{ \"start\": \(entry.start), \"length\": \(entry.length), \"depth\": \(entry.depth), \"present\": \(entry.isPresent), \"zero\": \(entry.isZero), \"data\": \(entry.isData)"
            if let offset = entry.offset { text += ", \"offset\": \(offset)" }
            text += "}"
        }
        try print(Array((text + "]\n").utf8))
    }
}

extension ImageMapCommand: PlainImageCommand {
    mutating func setOwnDefaults() { (startOffset, maxLength) = (nil, nil) }

    mutating func takeOwn(_ name: String, _ value: () -> String?) -> Bool {
        switch name {
        case "-s", "--start-offset": startOffset = value()
        case "-l", "--max-length": maxLength = value()
        default: return false
        }
        return true
    }
}
