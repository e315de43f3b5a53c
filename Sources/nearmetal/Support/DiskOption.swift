import ArgumentParser
import DiskImage
import FileWriting
import Planning
import Quantities

/// A disk on the command line, in virt-install's form: `PATH[,size=20G][,format=qcow2][,bus=virtio]…`.
struct DiskOption: ExpressibleByArgument {
    var path: String
    var format: ImageFacts.Format?
    /// Size of an image to be made; `nil` where it is there.
    var size: ByteCount?
    var wish = AddDisk.Wish()
    /// What is wrong with it.
    private(set) var problem: String?

    static let form = "path[,size=20G][,format=qcow2]"
    private static let keys =
        "size, format, device, bus, target, cache, io, discard, serial, readonly, shareable"

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        path = ""
        for (index, part) in parts.enumerated() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, !(index == 0 && part.hasPrefix("/")) else {
                if index == 0 {
                    path = String(part)
                } else {
                    problem = "\"\(part.prefix(64))\" is not written key=value"
                }
                continue
            }
            set(String(pair[0]), String(pair[1]))
        }
        if problem == nil {
            if path.isEmpty { problem = "it names no path" }
            if !path.hasPrefix("/"), !path.isEmpty {
                problem = "\"\(path.prefix(200))\" is not absolute: libvirt starts guests from another folder"
            }
        }
    }

    private mutating func set(_ key: String, _ value: String) {
        func oneOf(_ allowed: [String]) -> String? {
            if allowed.contains(value) { return value }
            problem = "\(key)=\(value.prefix(64)): one of \(allowed.joined(separator: ", ")) is meant"
            return nil
        }
        func flag() -> Bool {
            oneOf(["on", "yes", "true", "off", "no", "false"]).map { ["on", "yes", "true"].contains($0) } ?? false
        }
        switch key {
        case "path": path = value
        case "size":
            // virt-install takes a bare number for GiB.
            size = Int(value) != nil ? ByteCount(UInt64(value) ?? 0, unit: "GiB") : Size.parsed(value)
            if size == nil || size == .zero { problem = "size=\(value.prefix(64)) is no size: write 20G" }
        case "format":
            format = ImageFacts.Format(rawValue: value)
            if format == nil { problem = "format=\(value.prefix(64)): there is no such format" }
        case "device": wish.device = oneOf(["disk", "cdrom"]) ?? "disk"
        case "bus": wish.bus = oneOf(["virtio", "scsi", "sata", "ide", "usb"])
        case "target":
            let isName = (1...16).contains(value.utf8.count) && value.utf8.allSatisfy { (0x61...0x7A).contains($0) }
            if isName { wish.target = value } else { problem = "target=\(value.prefix(64)): a name as vdb is meant" }
        case "cache": wish.cache = oneOf(["none", "writeback", "writethrough", "directsync", "unsafe"])
        case "io": wish.io = oneOf(["native", "io_uring", "threads"])
        case "discard": wish.discard = oneOf(["unmap", "ignore"])
        case "serial": wish.serial = value
        case "readonly": wish.isReadOnly = flag()
        case "shareable": wish.isShareable = flag()
        default: problem = "there is no \"\(key.prefix(64))\": there are \(Self.keys)"
        }
    }

    /// Throws what is wrong with it as the command line's fault.
    func validate() throws {
        if let problem { throw ValidationError("The disk: \(problem)") }
    }

    /// What there is, or what is going to be made.
    ///
    /// - Throws: where it cannot be read, or its format is not what was said.
    func image() throws -> ImageFacts {
        switch ImageFacts.read(path: path) {
        case .unknown(let reason):
            guard reason.cause == .missing else { throw Failure("\(path): \(reason.why.english)") }
            guard let size else {
                throw Failure("\(path) does not exist. To have it made, give its size: \(path),size=20G")
            }
            var image = ImageFacts(path: path, format: newFormat, virtualSize: .known(size))
            image.isPreallocated = false
            guard NewImage.Format(rawValue: image.format.rawValue) != nil else {
                throw Failure("\(path): only raw and qcow2 images are made. Give format=qcow2")
            }
            return image
        case .known(var image):
            guard size == nil else { throw Failure("\(path) exists: leave size= out to use it as it is") }
            if let malformed = image.malformed { throw Failure("\(path): \(malformed)") }
            // A guest may write any header into a raw image: what is raw is said, or has nothing that could be taken for a header.
            let isQcow2 = path.hasSuffix(".qcow2") || path.hasSuffix(".qcow")
            if let format {
                guard format == image.format || format == .raw else {
                    throw Failure("\(path) is \(image.format.rawValue), not \(format.rawValue)")
                }
            } else if image.format != .raw, !(image.format == .qcow2 && isQcow2) {
                throw Failure(
                    "\(path) begins as \(image.format.rawValue) does. Say what it is: format=\(image.format.rawValue), or format=raw"
                )
            } else if image.format == .raw, isQcow2 {
                throw Failure("\(path) is named as qcow2, and is not. Say what it is: format=raw")
            }
            image.format = format ?? image.format
            return image
        }
    }

    private var newFormat: ImageFacts.Format {
        format ?? ([".raw", ".img"].contains { path.hasSuffix($0) } ? .raw : .qcow2)
    }

    /// The image that has to be made; `nil` where there is one.
    var imageToMake: ImageToMake? {
        guard let size, let kind = NewImage.Format(rawValue: newFormat.rawValue) else { return nil }
        return ImageToMake(path: path, format: kind, size: size)
    }
}

/// An image that a guest is going to use, and that does not exist yet.
struct ImageToMake: Sendable {
    let path: String
    let format: NewImage.Format
    let size: ByteCount
}

/// Sizes on the command line.
enum Size {
    /// virsh takes a bare number for KiB, virt-install for MiB: here it has neither of the two.
    static func parsed(_ text: String) -> ByteCount? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let number = UInt64(digits), number > 0, !unit.isEmpty else { return nil }
        return ByteCount(number, unit: String(unit))
    }

    /// A size that was given, or a complaint.
    static func required(_ text: String) throws -> ByteCount {
        guard let size = parsed(text) else {
            throw ValidationError(
                "\"\(text.prefix(64))\" is no size: write a whole number and its unit, as 2GiB or 512MiB")
        }
        return size
    }
}
