import ArgumentParser
import DiskImage

/// `nearmetal image dd`.
struct ImageDD: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dd", abstract: "Copy a part of an image into another one.",
        discussion: """
            Operands are dd's: if=INPUT, of=OUTPUT, bs=BYTES (512 without), count=BLOCKS, skip=BLOCKS. As with qemu-img, count is counted from the
            input's start: of its blocks, those from skip up to count are copied.

            Examples:
              nearmetal image dd if=disk.qcow2 of=start.raw bs=1M count=16
              nearmetal image dd -f qcow2 -O qcow2 bs=64k skip=10 if=disk.qcow2 of=rest.qcow2
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("The input's format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(
        name: [.customShort("O", allowingJoined: true)],
        help: ArgumentHelp("The output's format. Default: raw.", valueName: "fmt"))
    var outputFormat = "raw"

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("if=, of=, bs=, count=, skip=.", valueName: "operand"))
    var operands: [String] = []

    func run() throws {
        do { try copy() } catch { throw ImageStatus.failing(error) }
    }

    private func copy() throws(ImageError) {
        var values: [Substring: String] = [:]
        for operand in operands {
            let parts = operand.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, ["if", "of", "bs", "count", "skip"].contains(parts[0]) else {
                throw ImageError(.invalid, "unrecognized operand \(parts.first ?? "")")
            }
            values[parts[0]] = String(parts[1])
        }
        func number(_ key: Substring) throws(ImageError) -> UInt64? {
            guard let text = values[key] else { return nil }
            guard let number = ImageSize.bytes(text) else {
                throw ImageError(
                    .invalid,
                    "Invalid \(key) specified. You may use k, M, G, T, P or E suffixes for kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes."
                )
            }
            return number
        }
        let block = try number("bs") ?? 512
        guard (1...UInt64(Int32.max)).contains(block) else {
            throw ImageError(.invalid, "Invalid bs specified. Must be between 1 and 2147483647.")
        }
        let (count, skip) = (try number("count"), try number("skip") ?? 0)
        guard let input = values["if"], let output = values["of"] else {
            throw ImageError(.invalid, "Must specify both input and output files")
        }
        guard let target = ImageFacts.Format(rawValue: outputFormat) else {
            throw ImageError(.unsupported, "Unknown file format '\(outputFormat)'")
        }
        let source = try opening.open(input, format)
        var end = source.size
        if let count, case let (bytes, overflow) = count.multipliedReportingOverflow(by: block), !overflow {
            end = min(end, bytes)
        }
        let (first, overflow) = skip.multipliedReportingOverflow(by: block)
        let isBehind = overflow || first > end
        if isBehind { say("\(ImageStatus.program): \(input): cannot skip to specified offset") }
        let range = isBehind ? end..<end : first..<end
        try source.refuse(asTarget: output)
        var creation = Image.Creation(target, size: range.upperBound - range.lowerBound)
        creation.gate = opening.gate
        let image = try Image.create(output, creation)
        try source.copy(range, to: image)
        try image.close()
    }
}
