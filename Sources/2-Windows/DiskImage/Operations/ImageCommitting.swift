/// What is written into an image further down its chain: the layers above it, and where that one is.
public struct ImageCommitting: Sendable {
    /// The layers that are written, the top one first; what is below them is not open.
    public let top: Image
    /// How many layers that are.
    public let layers: Int
    /// Where the layer is that they are written into, as the image was named.
    public let basePath: String
    /// Its format, as the image above it says; `nil` where that is of a format that cannot say it.
    public let baseFormat: ImageFacts.Format?

    /// Opens the layers above one.
    ///
    /// - Parameters:
    ///   - path: the top image.
    ///   - options: how that is opened; the others are opened for reading.
    ///   - base: the layer that is written into, as an image names it; `nil` is the first one below the top.
    ///
    /// - Throws: an ``ImageError``, also where the chain has no such layer.
    public init(_ path: String, _ options: Image.Options, into base: String?) throws(ImageError) {
        var opened: [Image] = []
        var next = path
        var settings = options
        settings.opensBacking = false
        while true {
            let layer = try Image.open(next, settings)
            opened.append(layer)
            guard let backing = layer.backing, opened.count < ImageChain.deepest else {
                throw ImageError(
                    .invalid,
                    base.map { "Did not find '\($0)' in the backing chain of '\(path)'" }
                        ?? "Image does not have a backing file")
            }
            guard case .file(let place) = ImageReference(backing.name, in: Image.absolute(layer.path)) else {
                throw ImageError(
                    .unsupported, "its backing file \"\(backing.name)\" is no file of this host", path: next)
            }
            guard options.gate.allows(place, layer.path) else {
                throw ImageError(.denied, "its backing file \(place) may not be opened", path: next)
            }
            let format = backing.format.flatMap(ImageFacts.Format.init(qemuName:))
            guard format != nil || layer.format != .qcow2 else {
                throw ImageError(
                    .invalid, "it does not say which format its backing file has", path: next,
                    remedy: "Say it: rebase -u -b \(backing.name) -F FORMAT")
            }
            next = ImageReference.combined(ImageReference.withoutScheme(backing.name), with: layer.path)
            let isWanted =
                base.map { base in
                    base == backing.name
                        || ImageReference(base, in: Image.absolute(path)).path.flatMap(FileStorage.identity)
                            == FileStorage.identity(of: place)
                } ?? true
            if isWanted {
                (basePath, baseFormat) = (next, format)
                break
            }
            settings = options
            settings.opensBacking = false
            settings.isWritable = false
            settings.secret = nil
            settings.format = format
        }
        layers = opened.count
        top = opened.dropLast().reversed().reduce(opened[opened.count - 1]) { below, layer in
            Image(layer.driver, path: layer.path, below: below, isWritable: layer.isWritable)
        }
    }
}
