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
            "A secret: secret,id=NAME,file=FILE or secret,id=NAME,data=TEXT; format=base64 where it is written so.",
            valueName: "definition"))
    var object: [String] = []

    @Flag(
        help: "Images are named by QEMU's options: driver=qcow2,encrypt.key-secret=NAME,file.filename=PATH.")
    var imageOpts = false

    /// What an image is called on the command line.
    ///
    /// - Throws: what is wrong with it.
    func target(_ text: String, _ format: String?) throws(ImageError) -> ImageTarget {
        guard imageOpts else { return try ImageTarget(text, format) }
        guard format == nil else { throw ImageError(.invalid, "--image-opts and --format are mutually exclusive") }
        return try ImageTarget(options: text, try ImageSecrets(object))
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
        var options = Image.Options(format: target.format, gate: gate)
        options.isWritable = isWritable
        options.opensBacking = opensBacking
        options.caching = caching ?? sourceCache
        options.forcesShare = forceShare
        options.secret = target.secret
        do throws(ImageError) {
            let image = try Image.open(target.path, options)
            if image.isEncryptedTheOldWay {
                say(
                    "\(ImageStatus.program): warning: AES encryption of qcow2 is not safe; convert \(target.path) into an image with encrypt.format=luks"
                )
            }
            return image
        } catch { throw Self.refusal(error, name ?? target.path, of: target.path) }
    }

    /// Why an image cannot be opened, in qemu-img's words: scripts look for them.
    static func refusal(_ error: ImageError, _ name: String, of path: String) -> ImageError {
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

    /// Takes an option of a ``PlainCommand``.
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
        say("\(program): \(error)")
        return ExitCode(status)
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

    /// Takes what a ``PlainCommand`` names.
    mutating func take(_ name: String?) -> Bool {
        guard let output = name.flatMap(Self.init(rawValue:)) else { return false }
        self = output
        return true
    }
}

/// Sizes as qemu-img reads them: bytes, or k, M, G, T, P, E.
enum ImageSize {
    /// A size, or a complaint in qemu-img's words.
    static func parsed(_ text: String) throws(ImageError) -> UInt64 {
        guard let size = bytes(text) else {
            throw ImageError(
                .invalid,
                "Invalid image size specified. You may use k, M, G, T, P or E suffixes for kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes"
            )
        }
        return size
    }

    static func bytes(_ text: String) -> UInt64? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let suffix = text.dropFirst(number.count)
        let scale: UInt64
        switch suffix.lowercased() {
        case "", "b": scale = 1
        case "k": scale = 1 << 10
        case "m": scale = 1 << 20
        case "g": scale = 1 << 30
        case "t": scale = 1 << 40
        case "p": scale = 1 << 50
        case "e": scale = 1 << 60
        default: return nil
        }
        if let whole = UInt64(number) {
            let (product, overflow) = whole.multipliedReportingOverflow(by: scale)
            return overflow || product > UInt64(Int64.max) ? nil : product
        }
        guard number.contains("."), scale > 1, let value = Double(number), value >= 0, value * Double(scale) < 9e18
        else {
            return nil
        }
        return UInt64(value * Double(scale))
    }
}
