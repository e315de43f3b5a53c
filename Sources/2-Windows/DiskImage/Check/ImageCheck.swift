/// What a check of an image found, in the sense of `qemu-img check`.
public struct ImageCheck: Sendable, Hashable {
    /// Contradictions: data may be wrong, or become so by writing.
    public var corruptions = 0
    /// Clusters that are counted and that nothing refers to.
    public var leaks = 0
    /// Contradictions that were put right.
    public var corruptionsFixed = 0
    /// Leaks that were put right.
    public var leaksFixed = 0
    /// What could not be checked, or not be put right for another reason than what it is.
    public var errors = 0
    /// Clusters the guest sees; 0 where the format does not count them.
    public var totalClusters: UInt64 = 0
    /// Clusters that have a place.
    public var allocatedClusters: UInt64 = 0
    /// Clusters that do not follow the one before them.
    public var fragmentedClusters: UInt64 = 0
    /// Clusters that are packed.
    public var compressedClusters: UInt64 = 0
    /// Where the last cluster in use ends; 0 where that is not known.
    public var imageEnd: UInt64 = 0
    /// Nothing found.
    public init() {}
}

/// What a repair may put right.
public enum ImageRepair: String, Sendable, Hashable, CaseIterable {
    /// Clusters that nothing refers to.
    case leaks
    /// Contradictions, too: this may choose wrongly where there is something to choose.
    case all
}

extension Image {
    /// Checks an image's tables, and puts them right where that is asked for; data are not read.
    ///
    /// - Parameters:
    ///   - path: where it is.
    ///   - options: how it is opened.
    ///   - repair: what to put right; `nil` writes nothing.
    ///   - report: told of each contradiction.
    ///
    /// - Returns: what was found, and what was put right.
    ///
    /// - Throws: an ``ImageError`` where it cannot be opened or read, or its format has nothing to check.
    public static func check(
        _ path: String, _ options: Options, repair: ImageRepair? = nil, report: @escaping (String) -> Void = { _ in }
    ) throws(ImageError) -> (format: ImageFacts.Format, check: ImageCheck) {
        try check(BlockNode(named: path, options.format), options, repair: repair, report: report)
    }

    /// Checks what block options ask for.
    ///
    /// - Parameters:
    ///   - node: what it is made of.
    ///   - options: how it is opened; a format is the node's.
    ///   - repair: what to put right; `nil` writes nothing.
    ///   - report: told of each contradiction.
    ///
    /// - Returns: what was found, and what was put right.
    ///
    /// - Throws: an ``ImageError`` where it cannot be opened or read, or its format has nothing to check.
    public static func check(
        _ node: BlockNode, _ options: Options, repair: ImageRepair? = nil,
        report: @escaping (String) -> Void = { _ in }
    ) throws(ImageError) -> (format: ImageFacts.Format, check: ImageCheck) {
        guard case .format(let described) = node else {
            throw ImageError(.unsupported, "This image format does not support checks")
        }
        let path = node.path ?? node.fileName(.raw)
        var opener = ImageOpener(options: options)
        opener.options.isWritable = repair != nil
        let file = try opener.storage(described.file)
        do throws(ImageError) {
            var options = try opener.options(for: described)
            if options.format == nil { options.format = try probe(file, path) }
            if case .asItSays = described.backing {} else { options.opensBacking = false }
            let format = options.format ?? .raw
            return (format, try check(file, format, options, path, repair: repair, report))
        } catch { throw error.at(path) }
    }

    /// The same for an image in a storage of the caller's.
    ///
    /// - Throws: an ``ImageError``.
    public static func check(
        on storage: any BlockStorage, _ format: ImageFacts.Format, repair: ImageRepair? = nil
    ) throws(ImageError) -> ImageCheck {
        var options = Options(format: format, gate: .closed)
        options.opensBacking = false
        return try check(storage, format, options, storage.name, repair: repair) { _ in }
    }

    /// What the content of a file looks like.
    static func probe(_ file: any BlockStorage, _ path: String) throws(ImageError) -> ImageFacts.Format {
        let start = try file.bytes(at: 0, count: Int(min(try file.length(), UInt64(Probe.length))))
        return Probe.format(HeaderBytes(start), name: path)
    }

    private static func check(
        _ file: any BlockStorage, _ format: ImageFacts.Format, _ options: Options, _ path: String, repair: ImageRepair?,
        _ report: @escaping (String) -> Void
    ) throws(ImageError) -> ImageCheck {
        switch format {
        case .qcow2:
            let result = try Qcow2Repair(file, report: report).run(repair)
            var facts = ImageFacts(path: path, format: .qcow2)
            let source = try StorageHeader(file)
            do throws(Malformed) { _ = try Qcow2Header.parse(source, into: &facts, isChecked: true) } catch {
                throw ImageError(error)
            }
            // What it lies on belongs to it: without, it is of no use.
            if options.opensBacking, let name = facts.backingFile {
                _ = try openBacking(
                    BackingName(name, format: facts.backingFormat), of: path, options,
                    seen: files(of: file).map(\.identity))
            }
            return result
        default:
            let driver = try driver(for: file, path, options)
            guard let result = try driver.check(report) else {
                throw ImageError(.unsupported, "This image format does not support checks")
            }
            guard repair == nil || result.corruptions == 0 && result.leaks == 0 else {
                throw ImageError(.unsupported, "\(format.rawValue) images cannot be repaired")
            }
            return result
        }
    }
}
