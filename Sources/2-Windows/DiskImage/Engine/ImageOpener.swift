/// Opens an image node by node, from its files up.
struct ImageOpener {
    var options: Image.Options
    /// The files that are open above: none of them may come again.
    var seen: [String] = []

    /// Opens an image, and what it is backed by.
    ///
    /// - Throws: an ``ImageError`` that names the file it is about.
    func image(_ node: BlockNode) throws(ImageError) -> Image {
        // A file by itself is a raw image.
        let format = if case .format(let format) = node { format } else { BlockNode.Format(.raw, on: node) }
        let path = node.path ?? node.fileName(.raw)
        guard !options.isWritable || !format.isReadOnly else {
            throw ImageError(.denied, "Block node is read-only", path: path)
        }
        let file = try storage(format.file)
        let files = Image.files(of: file)
        for file in files where seen.contains(file.identity) {
            throw ImageError(.malformed, "Backing file '\(path)' creates an infinite loop.")
        }
        guard seen.count < ImageChain.deepest else {
            throw ImageError(.malformed, "more than \(ImageChain.deepest) images lie on one another", path: path)
        }
        let driver: any ImageDriver
        do throws(ImageError) { driver = try self.driver(for: file, format, path) } catch { throw error.at(path) }
        var below = self
        below.seen += files.map(\.identity)
        below.options.isWritable = false
        below.options.format = nil
        return Image(
            driver, path: path, below: try below.backing(of: driver, format, path), isWritable: options.isWritable,
            node: node)
    }

    private func driver(
        for file: any BlockStorage, _ format: BlockNode.Format, _ path: String
    ) throws(ImageError) -> any ImageDriver {
        if let window = format.window { return try RawDriver(file, window) }
        var options = try self.options(for: format)
        if let size = format.cacheSize { options.cacheSize = size }
        var data: (any BlockStorage)?
        if let node = format.dataFile { data = try storage(node) }
        return try Image.driver(for: file, path, options, data: data)
    }

    /// How an image of a format is opened: with the passphrase that it names.
    func options(for format: BlockNode.Format) throws(ImageError) -> Image.Options {
        var options = options
        options.format = format.format
        if let id = format.secretID, let secrets = options.secrets { options.secret = try secrets(id) }
        return options
    }

    private func backing(
        of driver: any ImageDriver, _ format: BlockNode.Format, _ path: String
    ) throws(ImageError) -> Image? {
        guard options.opensBacking else { return nil }
        switch format.backing {
        case .none: return nil
        case .node(let node): return try image(node)
        case .asItSays:
            guard let backing = driver.backing else { return nil }
            return try image(backing, of: path)
        }
    }

    /// Opens what an image is backed by, as it names it.
    func image(_ backing: BackingName, of path: String) throws(ImageError) -> Image {
        let node = try backing.node(of: path, options.gate)
        do throws(ImageError) { return try image(node) } catch {
            if error.isLoop { throw error }
            throw ImageError(
                error.kind, "Could not open backing file: \(error.what)", path: error.path, remedy: error.remedy)
        }
    }

    /// Opens what a format lies on.
    func storage(_ node: BlockNode) throws(ImageError) -> any BlockStorage {
        switch node {
        case .file(let file):
            let storage = try FileStorage(
                file.path, isWritable: options.isWritable, caching: file.caching ?? options.caching)
            if !options.forcesShare, file.isLocked != false { try storage.lock() }
            return storage
        case .nbd(let export):
            var credentials: TLSCredentials?
            if let id = export.credentials {
                guard let known = options.credentials else {
                    throw ImageError(.invalid, "No TLS credentials with id '\(id)'")
                }
                credentials = try known(id)
            }
            return try NBDStorage(
                export, isWritable: options.isWritable, credentials, caching: export.caching ?? options.caching)
        case .null(let null): return NullStorage(null.size, isWritable: options.isWritable)
        case .format: return ImageStorage(try image(node))
        }
    }
}

extension BackingName {
    /// The node it stands for, where a gate lets all of it be opened.
    ///
    /// - Parameters:
    ///   - path: the image that has the name.
    ///   - gate: which files may be opened because an image names them.
    ///
    /// - Returns: the node.
    ///
    /// - Throws: an ``ImageError`` where it is nothing that can be opened here, or may not be.
    public func node(of path: String, _ gate: ImageChain.Gate) throws(ImageError) -> BlockNode {
        var declared: ImageFacts.Format?
        if let format {
            declared = ImageFacts.Format(qemuName: format)
            guard declared != nil else {
                throw ImageError(.unsupported, "the format \"\(format)\" of its backing file is not known", path: path)
            }
        }
        let described: BlockNode?
        do throws(ImageError) { described = try BlockNode(describedBy: name, declared) } catch {
            throw ImageError(
                error.kind, "its backing file \"\(name)\" is nothing that can be opened here: \(error.what)", path: path
            )
        }
        if let node = described {
            let refused =
                node.files.map(Image.absolute).first { !gate.allows($0, path) }
                ?? (gate.allowsServers ? nil : node.exports.first?.uri)
            if let refused {
                throw ImageError(.denied, "its backing file \(refused) may not be opened", path: path)
            }
            return node.withoutChoices
        }
        let place = try ImageReference.path(name, called: "backing file", of: path, gate)
        return .format(BlockNode.Format(declared, on: .file(BlockNode.File(place))))
    }
}
