import ArgumentParser
import DiskImage

/// `nearmetal image bench`.
struct ImageBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Time reads or writes of an image.",
        discussion: """
            Writing destroys what the image holds.

            Examples:
              nearmetal image bench disk.qcow2
              nearmetal image bench -c 10000 -d 16 -s 64k -t none disk.qcow2
              nearmetal image bench -w --pattern 7 --flush-interval 64 scratch.qcow2
            """)

    @Option(
        name: [.customShort("c", allowingJoined: true)],
        help: ArgumentHelp("How many requests. Default: 75000.", valueName: "count"))
    var count = 75_000

    @Option(
        name: [.customShort("d", allowingJoined: true)],
        help: ArgumentHelp("How many at a time. Default: 64.", valueName: "depth"))
    var depth = 64

    @Option(
        name: [.customShort("o", allowingJoined: true)],
        help: ArgumentHelp("Where the first begins. Default: 0.", valueName: "offset"))
    var offset: String?

    @Option(
        name: [.customShort("s", allowingJoined: true)],
        help: ArgumentHelp("Bytes of a request. Default: 4k.", valueName: "size"))
    var size: String?

    @Option(
        name: [.customShort("S", allowingJoined: true)],
        help: ArgumentHelp("Bytes from one to the next. Default: those of a request.", valueName: "size"))
    var step: String?

    @Option(
        name: [.customShort("t", allowingJoined: true)],
        help: ArgumentHelp("How the image is read and written. Default: writeback.", valueName: "cache"))
    var cache: FileStorage.Caching = .writeback

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("Format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(
        name: [.customShort("i", allowingJoined: true)],
        help: ArgumentHelp("How requests reach the kernel: threads, whatever is asked for.", valueName: "aio"))
    var aio: String?

    @Flag(name: [.customShort("n")], help: "As -t none -i native.")
    var native = false

    @Flag(name: [.customShort("w")], help: "Write.")
    var write = false

    @Option(help: ArgumentHelp("The byte that is written. Default: 0.", valueName: "byte"))
    var pattern: UInt8?

    @Option(help: ArgumentHelp("Writes after which all is flushed. Default: never.", valueName: "count"))
    var flushInterval = 0

    @Flag(help: "Flush while other requests are under way; they always are here.")
    var noDrain = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        do {
            var bench = ImageBench()
            guard count > 0 else { throw ImageError(.invalid, "Invalid request count specified") }
            guard depth > 0 else { throw ImageError(.invalid, "Invalid queue depth specified") }
            guard write || flushInterval == 0 else {
                throw ImageError(.invalid, "--flush-interval is only available in write tests")
            }
            guard flushInterval == 0 || flushInterval >= depth || noDrain else {
                throw ImageError(.invalid, "Flush interval can't be smaller than depth")
            }
            bench.count = count
            bench.depth = depth
            if let size {
                let bytes = try ImageSize.parsed(size)
                guard (1...1 << 30).contains(bytes) else { throw ImageError(.invalid, "Invalid buffer size specified") }
                bench.size = Int(bytes)
            }
            bench.offset = try offset.map { text throws(ImageError) in try ImageSize.parsed(text) } ?? 0
            bench.step = try step.map { text throws(ImageError) in try ImageSize.parsed(text) } ?? 0
            if bench.step == 0 { bench.step = UInt64(bench.size) }
            bench.pattern = write ? pattern ?? 0 : nil
            bench.flushInterval = flushInterval
            let image = try opening.open(
                file, format, isWritable: write, caching: native ? FileStorage.Caching.none : cache)
            if !quiet {
                try print(
                    line:
                        "Sending \(count) \(write ? "write" : "read") requests, \(bench.size) bytes each, \(depth) in parallel (starting at offset \(bench.offset), step size \(bench.step))"
                )
                if flushInterval > 0 {
                    try print(line: "Sending flush every \(noDrain ? "" : "drained ")\(flushInterval) requests")
                }
            }
            let seconds = try bench.run(on: image)
            try image.close()
            let thousandths = Int((seconds * 1000).rounded())
            let digits = String(thousandths % 1000)
            let fraction = String(repeating: "0", count: 3 - digits.count) + digits
            if !quiet { try print(line: "Run completed in \(thousandths / 1000).\(fraction) seconds.") }
        } catch {
            throw ImageStatus.failing(error)
        }
    }
}
