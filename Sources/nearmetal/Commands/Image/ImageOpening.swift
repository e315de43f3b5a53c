import ArgumentParser
import DiskImage
import Glibc

/// Options of every command that opens an image.
struct ImageOpening: ParsableArguments {
    @Flag(name: [.customShort("U"), .long], help: "Open the image though another process uses it, for reading.")
    var forceShare = false

    @Option(
        name: [.customShort("T", allowingJoined: true)],
        help: ArgumentHelp(
            "How the image is read: writeback, none, writethrough, directsync or unsafe.", valueName: "cache"))
    var sourceCache: FileStorage.Caching = .writeback

    @Option(
        help: ArgumentHelp(
            "Which files an image may name for itself: any, none, or a folder below which they lie; may be given again.",
            valueName: "which"), completion: .directory)
    var allowNamed: [String] = []

    /// Which files may be opened because an image names them.
    var gate: ImageChain.Gate {
        if allowNamed.isEmpty || allowNamed == ["any"] { return .open }
        if allowNamed == ["none"] { return .closed }
        return .folders(allowNamed)
    }

    @Option(
        help: ArgumentHelp(
            "A secret: secret,id=NAME,file=FILE or secret,id=NAME,data=TEXT, format=base64 where it is written so; or what a server is spoken to with: tls-creds-x509,id=NAME,endpoint=client,dir=FOLDER or tls-creds-psk.",
            valueName: "definition"))
    var object: [String] = []

    @Flag(
        help: "Images are named by QEMU's options: driver=qcow2,encrypt.key-secret=NAME,file.filename=PATH.")
    var imageOpts = false

    /// What an image is called on the command line.
    ///
    /// - Parameters:
    ///   - text: a path or a name in JSON, or options.
    ///   - format: its format; `nil` where the command line does not say it.
    ///   - needsSecrets: whether more than headers is read.
    ///
    /// - Returns: what it stands for.
    ///
    /// - Throws: what is wrong with it.
    func target(_ text: String, _ format: String?, needsSecrets: Bool = true) throws(ImageError) -> ImageTarget {
        guard !imageOpts || format == nil else {
            throw ImageError(.invalid, "--image-opts and --format are mutually exclusive")
        }
        let target = imageOpts ? try ImageTarget(options: text) : try ImageTarget(text, format)
        return try target.knowing(object, needsSecrets: needsSecrets)
    }

    /// Opens an image.
    ///
    /// - Parameters:
    ///   - path: where it is, or its options.
    ///   - format: as the command line has it; `nil` tells it by its content, as qemu-img does.
    ///   - isWritable: whether to write.
    ///   - opensBacking: whether to open what it is backed by.
    ///   - caching: how what is written gets to the disk.
    ///
    /// - Returns: the image.
    ///
    /// - Throws: an ``ImageError`` in qemu-img's words.
    func open(
        _ path: String, _ format: String?, isWritable: Bool = false, opensBacking: Bool = true,
        caching: FileStorage.Caching? = nil
    ) throws(ImageError) -> Image {
        try open(
            try target(path, format), isWritable: isWritable, opensBacking: opensBacking, caching: caching,
            called: path)
    }

    /// Opens what the command line, or an image, names.
    func open(
        _ target: ImageTarget, isWritable: Bool = false, opensBacking: Bool = true,
        caching: FileStorage.Caching? = nil, called name: String? = nil
    ) throws(ImageError) -> Image {
        do throws(ImageError) {
            let image = try Image.open(
                target.node, options(target, isWritable: isWritable, opensBacking: opensBacking, caching: caching))
            if image.isEncryptedTheOldWay {
                say(
                    "\(ImageStatus.program): warning: AES encryption of qcow2 is not safe; convert \(target.path) into an image with encrypt.format=luks"
                )
            }
            return image
        } catch { throw Self.refusal(error, name ?? target.path, of: target.path) }
    }

    func options(
        _ target: ImageTarget, isWritable: Bool, opensBacking: Bool = true, caching: FileStorage.Caching? = nil
    ) -> Image.Options {
        var options = Image.Options(format: nil, gate: gate)
        options.isWritable = isWritable
        options.opensBacking = opensBacking
        options.caching = caching ?? sourceCache
        options.forcesShare = forceShare
        options.secrets = target.secrets
        options.credentials = target.credentials
        return options
    }

    /// Opens what is written into an image further down.
    func committing(
        _ target: ImageTarget, isWritable: Bool, caching: FileStorage.Caching, into base: String?
    ) throws(ImageError) -> ImageCommitting {
        try ImageCommitting(target.node, options(target, isWritable: isWritable, caching: caching), into: base)
    }

    /// Opens what an image is backed by, or is to be, as it names it.
    ///
    /// - Parameters:
    ///   - backing: the name; without a format its content tells it.
    ///   - path: where the image is, or is to be.
    ///   - isWritable: whether to write.
    ///   - caching: how what is written gets to the disk.
    ///
    /// - Returns: the image.
    ///
    /// - Throws: an ``ImageError`` in qemu-img's words.
    func open(
        _ backing: BackingName, of path: String, isWritable: Bool = false, caching: FileStorage.Caching? = nil
    ) throws(ImageError) -> Image {
        let node: BlockNode
        do throws(ImageError) { node = try backing.node(of: path, gate) } catch {
            throw ImageError(error.kind, "Could not open '\(backing.name)': \(error.what)", remedy: "Use -u")
        }
        let shown = node.path ?? backing.name
        do throws(ImageError) {
            return try open(
                try ImageTarget(node).knowing(object), isWritable: isWritable, caching: caching, called: shown)
        } catch {
            // Once is enough.
            let twice = "Could not open '\(shown)': Could not open '\(shown)': "
            guard error.what.hasPrefix(twice) else { throw error }
            throw ImageError(error.kind, "Could not open '\(shown)': \(error.what.dropFirst(twice.count))")
        }
    }

    /// Why an image cannot be opened, in qemu-img's words: scripts look for them.
    static func refusal(_ error: ImageError, _ name: String, of path: String) -> ImageError {
        guard !error.isLoop else { return error }
        var what = "Could not open '\(name)': "
        if error.kind == .missing, error.path == path { what += "Could not open '\(path)': " }
        return ImageError(
            error.kind, what + (error.path.isEmpty || error.path == path ? "" : "\(error.path): ") + error.what,
            remedy: error.remedy)
    }

    static func format(_ name: String?, of path: String) throws(ImageError) -> ImageFacts.Format? {
        guard let name else { return nil }
        guard let format = ImageFacts.Format(qemuName: name) else {
            throw ImageError(.unsupported, "Could not open '\(path)': Unknown driver '\(name)'")
        }
        return format
    }
}

extension ImageOpening {
    /// The options with nothing but their defaults.
    static var plain: Self {
        var opening = Self()
        (opening.forceShare, opening.imageOpts, opening.sourceCache) = (false, false, .writeback)
        (opening.allowNamed, opening.object) = ([], [])
        return opening
    }

    /// Takes an option of a ``PlainImageCommand``.
    mutating func take(_ name: String, _ value: () -> String?) -> Bool {
        switch name {
        case "-U", "--force-share": forceShare = true
        case "--image-opts": imageOpts = true
        case "--object": value().map { object.append($0) }
        case "--allow-named": value().map { allowNamed.append($0) }
        default: return false
        }
        return true
    }
}

/// How image commands end: qemu-img's status is 1 for whatever goes wrong.
enum ImageStatus {
    /// Says what went wrong, and gives the status to end with.
    static func failing(_ error: any Error, status: Int32 = 1) -> ExitCode {
        if let status = error as? ExitCode { return status }
        for line in "\(program): \(error)".split(separator: "\u{2028}") { say(String(line)) }
        return ExitCode(status)
    }

    /// Without the image's path, where the program was started as qemu-img: a command of one image says nothing of it there.
    static func inQemusWords(_ error: any Error) -> any Error {
        guard isQemuImg, let fault = error as? ImageError, !fault.what.hasPrefix("Could not open") else { return error }
        return ImageError(fault.kind, fault.what, remedy: fault.remedy)
    }

    /// The name that messages begin with.
    static var program: String { isQemuImg ? "qemu-img" : "nearmetal" }

    /// Whether the program was started as qemu-img.
    static var isQemuImg: Bool {
        CommandLine.arguments.first.map { $0.split(separator: "/").last ?? "" }?.hasPrefix("qemu-img") ?? false
    }
}

/// Text or JSON, as qemu-img has it.
enum ImageOutput: String, ExpressibleByArgument, CaseIterable {
    case human, json

    /// Takes what a ``PlainImageCommand`` names.
    mutating func take(_ name: String?) -> Bool {
        guard let output = name.flatMap(Self.init(rawValue:)) else { return false }
        self = output
        return true
    }
}
