import ArgumentParser
import DiskImage

/// `nearmetal image commit`.
struct ImageCommit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "commit", abstract: "Write what an image holds into the one it is backed by.",
        discussion: """
            The image is emptied then, unless told not to. Other images that are backed by the same one show what was written, and so are of no use any
            more.

            Examples:
              nearmetal image commit -p overlay.qcow2
              nearmetal image commit -d overlay.qcow2
              nearmetal image commit -b base.qcow2 top.qcow2
            """)

    @Option(
        name: [.customShort("b", allowingJoined: true)],
        help: ArgumentHelp(
            "The image further down that all above it are written into; none is emptied then.", valueName: "base"),
        completion: .file())
    var base: String?

    @Option(
        name: [.customShort("r", allowingJoined: true)],
        help: ArgumentHelp("Bytes a second, at most; with k, M or G.", valueName: "rate"))
    var rate: String?

    @Flag(name: [.customShort("d")], help: "Do not empty the image.")
    var keep = false

    @OptionGroup var changing: ImageChanging

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        do {
            let keeps = keep || base != nil
            let target = try opening.target(file, changing.format)
            let committing: ImageCommitting
            do throws(ImageError) {
                committing = try opening.committing(target, isWritable: !keeps, caching: changing.cache, into: base)
            } catch {
                throw error.what.contains("backing") ? error : ImageOpening.refusal(error, file, of: target.path)
            }
            let top = committing.top
            let below = try opening.open(
                ImageTarget(committing.base).knowing(opening.object), isWritable: true, caching: changing.cache)
            if below.size < top.size { try below.resize(to: top.size) }
            var options = ImageConversion.Options()
            options.layers = committing.layers
            options.targetIsZero = false
            let conversion = ImageConversion(top, to: below, options)
            let shown = changing.progress(of: (try? conversion.dataSize()) ?? top.size)
            let limit = try rate.map { text throws(ImageError) in RateLimit(try ImageSize.parsed(text)) }
            try conversion.run { done in
                limit?.wait(for: done)
                return shown.show(done)
            }
            try below.close()
            if !keeps {
                // In other formats it stays as it is, and shows the same.
                if top.format == .qcow2 { try top.makeEmpty() }
                try top.close()
            }
            shown.finish()
            if !changing.quiet { try print(line: "Image committed.") }
        } catch {
            throw ImageStatus.failing(error)
        }
    }
}
