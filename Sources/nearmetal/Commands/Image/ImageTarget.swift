import DiskImage

/// What the command line calls an image: a path, or QEMU's block options.
struct ImageTarget {
    /// What it is made of.
    var node: BlockNode
    /// Where the secrets are that it is opened with; `nil` reads headers alone.
    var secrets: (@Sendable (String) throws(ImageError) -> [UInt8])?
    /// What servers are spoken to with.
    var credentials: (@Sendable (String) throws(ImageError) -> TLSCredentials)?

    /// The passphrase that its top format is opened with.
    ///
    /// - Throws: an ``ImageError`` where it cannot be read.
    var secret: [UInt8]? {
        get throws(ImageError) {
            guard case .format(let format) = node, let id = format.secretID else { return nil }
            return try secrets?(id)
        }
    }

    /// What messages call it.
    var path: String { node.path ?? node.exports.first?.uri ?? "" }

    /// A path or a name in JSON, and a format as the command line has it.
    ///
    /// - Throws: what is wrong with one of them, in QEMU's words.
    init(_ name: String, _ format: String?) throws(ImageError) {
        let known = try ImageOpening.format(format, of: name)
        do throws(ImageError) { node = try BlockNode(named: ImageReference.local(name), known) } catch {
            throw ImageOpening.refusal(error, name, of: "")
        }
    }

    /// Options as `driver=qcow2,encrypt.key-secret=sec0,file.filename=disk.qcow2`.
    ///
    /// - Throws: what is wrong with one of them, in QEMU's words.
    init(options text: String) throws(ImageError) {
        do throws(ImageError) { node = try BlockNode(BlockOptions(ImageCreationOptions([text]).values)) } catch {
            throw ImageOpening.refusal(error, text, of: "")
        }
    }

    /// An image that another one names.
    init(_ node: BlockNode) { self.node = node }

    /// The same, with the objects of the command line.
    ///
    /// - Parameters:
    ///   - objects: what `--object` says.
    ///   - needsSecrets: whether more than headers is read: the secrets that it names have to be there then.
    ///
    /// - Returns: the target.
    ///
    /// - Throws: what is wrong with the objects.
    func knowing(_ objects: [String], needsSecrets: Bool = true) throws(ImageError) -> ImageTarget {
        let all = try ImageObjects(objects)
        var target = self
        target.credentials = { id throws(ImageError) in try all[credentials: id] }
        guard needsSecrets else { return target }
        for id in node.secretIDs { _ = try all[secret: id] }
        target.secrets = { id throws(ImageError) in try all[secret: id] }
        return target
    }
}
