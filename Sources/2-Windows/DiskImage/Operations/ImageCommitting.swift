/// What is written into an image further down its chain: the layers above it, and where that one is.
public struct ImageCommitting: Sendable {
    /// The layers that are written, the top one first; what is below them is not open.
    public let top: Image
    /// How many layers that are.
    public let layers: Int
    /// The layer that they are written into; its format is not said where the image above it is of a format that cannot say it.
    public let base: BlockNode

    /// Opens the layers above one.
    ///
    /// - Parameters:
    ///   - node: the top image.
    ///   - options: how that is opened; the others are opened for reading.
    ///   - base: the layer that is written into, as an image names it; `nil` is the first one below the top.
    ///
    /// - Throws: an ``ImageError``, also where the chain has no such layer.
    public init(_ node: BlockNode, _ options: Image.Options, into base: String?) throws(ImageError) {
        let path = node.path ?? node.fileName(.raw)
        var opened: [Image] = []
        var next = node
        var settings = options
        settings.opensBacking = false
        while true {
            let layer = try Image.open(next, settings)
            opened.append(layer)
            guard opened.count < ImageChain.deepest, let below = try Self.below(layer, next, options.gate) else {
                throw ImageError(
                    .invalid,
                    base.map { "Did not find '\($0)' in the backing chain of '\(path)'" }
                        ?? "Image does not have a backing file")
            }
            next = below
            let isWanted =
                base.map { base in
                    let wanted = ImageReference(base, in: Image.absolute(path)).path.flatMap(FileStorage.identity)
                    return base == layer.backing?.name
                        || wanted != nil && wanted == below.path.flatMap(FileStorage.identity)
                } ?? true
            if isWanted {
                self.base = next
                break
            }
            settings = options
            settings.opensBacking = false
            settings.isWritable = false
            settings.secret = nil
            settings.format = nil
        }
        layers = opened.count
        top = opened.dropLast().reversed().reduce(opened[opened.count - 1]) { below, layer in
            Image(layer.driver, path: layer.path, below: below, isWritable: layer.isWritable, node: layer.node)
        }
    }

    /// What a layer is backed by; `nil` where it stands alone.
    private static func below(
        _ layer: Image, _ node: BlockNode, _ gate: ImageChain.Gate
    ) throws(ImageError) -> BlockNode? {
        if case .format(let format) = node {
            switch format.backing {
            case .none: return nil
            case .node(let below): return below
            case .asItSays: break
            }
        }
        guard let backing = layer.backing else { return nil }
        let below = try backing.node(of: layer.path, gate)
        guard below.declaredFormat != nil || layer.format != .qcow2 else {
            throw ImageError(
                .invalid, "it does not say which format its backing file has", path: layer.path,
                remedy: "Say it: rebase -u -b \(backing.name) -F FORMAT")
        }
        return below
    }
}
