import ArgumentParser
import DiskImage
import JSONText

/// `nearmetal image check`.
struct ImageCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check an image's tables, and repair them.",
        discussion: """
            Exit status: 0 nothing found, 1 it could not be checked, 2 contradictions, 3 leaked clusters alone, 63 the format has nothing to check.

            Leaked clusters are kept while contradictions are left: they may be what cannot be found.

            Examples:
              nearmetal image check disk.qcow2
              nearmetal image check -r leaks disk.qcow2
              nearmetal image check -r all --output=json disk.qcow2
            """)

    @Option(
        name: [.customShort("f", allowingJoined: true)],
        help: ArgumentHelp("Format. Default: by its content.", valueName: "fmt"))
    var format: String?

    @Option(help: ArgumentHelp("human or json.", valueName: "form"))
    var output: ImageOutput = .human

    @Option(
        name: [.customShort("r", allowingJoined: true), .customLong("repair")],
        help: ArgumentHelp("Put right what is wrong: leaks, or all.", valueName: "what"))
    var repair: String?

    @Flag(name: [.customShort("q"), .long], help: "Say nothing.")
    var quiet = false

    @OptionGroup var opening: ImageOpening

    @Argument(help: ArgumentHelp("The image.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
        let format: ImageFacts.Format
        let check: ImageCheck
        do {
            var wanted: ImageRepair?
            if let repair {
                guard let kind = ImageRepair(rawValue: repair) else {
                    throw ImageError(
                        .invalid, "Unknown option value for -r (expecting 'leaks' or 'all'): \(repair)")
                }
                wanted = kind
            }
            (format, check) = try opening.check(file, self.format, repair: wanted)
        } catch {
            guard let fault = error as? ImageError, fault.what == "This image format does not support checks" else {
                throw ImageStatus.failing(error)
            }
            throw ImageStatus.failing(ImageError(.unsupported, fault.what), status: 63)
        }
        if !quiet || output == .json {
            try print(Array((output == .json ? json(format, check) : Self.words(check)).utf8))
        }
        if check.errors > 0 { throw ImageStatus.failing(ImageError(.failed, "Check failed")) }
        if check.corruptions > 0 { throw ExitCode(2) }
        if check.leaks > 0 { throw ExitCode(3) }
    }

    /// In qemu-img's words.
    static func words(_ check: ImageCheck) -> String {
        var text = ""
        if check.corruptionsFixed > 0 || check.leaksFixed > 0 {
            text += """
                The following inconsistencies were found and repaired:

                    \(check.leaksFixed) leaked clusters
                    \(check.corruptionsFixed) corruptions

                Double checking the fixed image now...

                """
        }
        if check.corruptions == 0, check.leaks == 0, check.errors == 0 {
            text += "No errors were found on the image.\n"
        }
        if check.corruptions > 0 {
            text +=
                "\n\(check.corruptions) errors were found on the image.\nData may be corrupted, or further writes to the image may corrupt it.\n"
        }
        if check.leaks > 0 {
            text +=
                "\n\(check.leaks) leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n"
        }
        if check.errors > 0 { text += "\n\(check.errors) internal errors have occurred during the check.\n" }
        if check.totalClusters > 0, check.allocatedClusters > 0 {
            text += "\(check.allocatedClusters)/\(check.totalClusters) = "
            text += "\(percent(check.allocatedClusters, check.totalClusters))% allocated, "
            text += "\(percent(check.fragmentedClusters, check.allocatedClusters))% fragmented, "
            text += "\(percent(check.compressedClusters, check.allocatedClusters))% compressed clusters\n"
        }
        if check.imageEnd > 0 { text += "Image end offset: \(check.imageEnd)\n" }
        return text
    }

    /// A percentage as C's `%.2f` writes it: of a number that lies in the middle of two, the even one.
    private static func percent(_ part: UInt64, _ whole: UInt64) -> String {
        let value = Double(part) * 100 / Double(whole)
        var exact = (value * 100).rounded(.toNearestOrEven)
        let lower = (value * 100).rounded(.down)
        // What the multiplication lost tells on which side of the middle it lies.
        let lost = (-value * 100).addingProduct(value, 100)
        if value * 100 - lower == 0.5, lost != 0 { exact = lost > 0 ? lower + 1 : lower }
        let hundredths = UInt64(exact)
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }

    private func json(_ format: ImageFacts.Format, _ check: ImageCheck) -> String {
        var json = JSONWriter(indent: 4)
        json.object { json in
            func member(_ name: String, _ value: UInt64, _ json: inout JSONWriter) {
                if value > 0 { json.member(name, value) }
            }
            member("image-end-offset", check.imageEnd, &json)
            member("compressed-clusters", check.compressedClusters, &json)
            member("total-clusters", check.totalClusters, &json)
            member("corruptions", UInt64(check.corruptions), &json)
            member("corruptions-fixed", UInt64(check.corruptionsFixed), &json)
            json.member("check-errors", UInt64(check.errors))
            member("leaks", UInt64(check.leaks), &json)
            member("leaks-fixed", UInt64(check.leaksFixed), &json)
            member("allocated-clusters", check.allocatedClusters, &json)
            json.member("filename", file)
            json.member("format", format.rawValue)
            member("fragmented-clusters", check.fragmentedClusters, &json)
        }
        return String(decoding: json.finished(), as: UTF8.self)
    }
}

extension ImageOpening {
    /// Checks an image, and says each contradiction.
    func check(_ path: String, _ format: String?, repair: ImageRepair?) throws(ImageError) -> (
        format: ImageFacts.Format, check: ImageCheck
    ) {
        let target = try target(path, format)
        do throws(ImageError) {
            return try Image.check(target.node, options(target, isWritable: false), repair: repair) { say($0) }
        } catch {
            guard error.what != "This image format does not support checks" else { throw error }
            guard error.kind != .notChecked else {
                throw ImageError(.notChecked, "Check failed: \(error.what)", path: error.path, remedy: error.remedy)
            }
            throw Self.refusal(error, path, of: target.path)
        }
    }
}

extension ImageCheckCommand: PlainImageCommand {
    mutating func setOwnDefaults() { (repair, quiet) = (nil, false) }

    mutating func takeOwn(_ name: String, _ value: () -> String?) -> Bool {
        switch name {
        case "-r", "--repair": repair = value()
        case "-q", "--quiet": quiet = true
        default: return false
        }
        return true
    }
}
