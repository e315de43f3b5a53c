import JSONText

extension BlockNode {
    /// What block options ask for.
    ///
    /// - Parameter options: of the whole tree.
    ///
    /// - Throws: an ``ImageError`` in QEMU's words: about an option that is not known, or a node that is not there.
    public init(_ options: BlockOptions) throws(ImageError) {
        self = try Reader(caching: nil, depth: 0).node(options, isProtocol: false)
    }

    /// Reads one node and those below it.
    private struct Reader {
        /// How the node above is read and written: what is below follows it.
        var caching: FileStorage.Caching?
        var depth: Int

        func node(_ options: BlockOptions, isProtocol: Bool) throws(ImageError) -> BlockNode {
            guard depth < ImageChain.deepest else {
                throw ImageError(.malformed, "more than \(ImageChain.deepest) nodes lie on one another")
            }
            var options = options
            var next = self
            let isReadOnly = try next.takeCommon(&options)
            let driver = options.take("driver")?.text
            switch driver {
            case "file"?, "host_device"?, "host_cdrom"?: return try next.file(&options, driver ?? "file")
            case "null-co"?, "null-aio"?: return try next.null(&options, driver ?? "null-co")
            case "nbd"?: return try next.nbd(&options)
            case nil where isProtocol: return try next.file(&options, "file")
            default: return try next.format(&options, driver, isReadOnly: isReadOnly)
            }
        }

        /// What every node has (`bdrv_runtime_opts`).
        private mutating func takeCommon(_ options: inout BlockOptions) throws(ImageError) -> Bool {
            for key in ["node-name", "discard", "detect-zeroes"] { _ = options.take(key) }
            for key in ["auto-read-only", "force-share", "cache.writeback"] { _ = try options.takeFlag(key) }
            let isDirect = try options.takeFlag("cache.direct")
            let isUnsafe = try options.takeFlag("cache.no-flush")
            if isDirect != nil || isUnsafe != nil {
                caching = isUnsafe == true ? .unsafe : isDirect == true ? FileStorage.Caching.none : .writeback
            }
            return try options.takeFlag("read-only") ?? false
        }

        private func refuse(_ options: BlockOptions, _ driver: String, isProtocol: Bool) throws(ImageError) {
            guard let key = options.values.keys.min() else { return }
            throw ImageError(
                .unsupported,
                isProtocol
                    ? "Block protocol '\(driver)' doesn't support the option '\(key)'"
                    : "Block format '\(driver)' does not support the option '\(key)'")
        }

        private func file(_ options: inout BlockOptions, _ driver: String) throws(ImageError) -> BlockNode {
            guard let path = options.take("filename")?.text, !path.isEmpty else {
                throw ImageError(.invalid, "The '\(driver)' block driver requires a file name")
            }
            var file = File(ImageReference.local(path))
            file.driver = driver
            file.caching = caching
            switch options.take("locking") {
            case nil, .string("auto")?: break
            case .string("on")?, .bool(true)?: file.isLocked = true
            case .string("off")?, .bool(false)?: file.isLocked = false
            default: throw ImageError(.invalid, "'locking' is on, off or auto")
            }
            for key in ["aio", "aio-max-batch", "drop-cache", "x-check-cache-dropped"] { _ = options.take(key) }
            try refuse(options, driver, isProtocol: true)
            return .file(file)
        }

        /// The server is said as `server.type` with its kind's own options, or, as long ago, by `host` and `port` or `path`.
        private func nbd(_ options: inout BlockOptions) throws(ImageError) -> BlockNode {
            let path = options.take("path")?.text
            let host = options.take("host")?.text
            let port = options.take("port")?.text
            guard path == nil || host == nil else {
                throw ImageError(.invalid, "path and host may not be used at the same time")
            }
            let server: NBDExport.Server
            let kind = options.take("server.type")?.text
            switch kind {
            case "inet"?:
                guard let host = options.take("server.host")?.text, let port = options.take("server.port")?.text else {
                    throw ImageError(.invalid, "Parameter 'server.host' or 'server.port' is missing")
                }
                for key in ["to", "ipv4", "ipv6", "keep-alive", "mptcp", "numeric"] {
                    _ = options.take("server.\(key)")
                }
                server = .tcp(host: host, port: port)
            case "unix"?:
                guard let path = options.take("server.path")?.text, !path.isEmpty else {
                    throw ImageError(.invalid, "Parameter 'server.path' is missing")
                }
                server = .unix(path: path)
            case let kind?: throw ImageError(.unsupported, "NBD servers of the type '\(kind)' are not known")
            case nil:
                if let path, !path.isEmpty {
                    guard port == nil else {
                        throw ImageError(.invalid, "port may not be used without host")
                    }
                    server = .unix(path: path)
                } else if let host, !host.isEmpty {
                    server = .tcp(host: host, port: port ?? NBDExport.port)
                } else {
                    throw ImageError(.invalid, "NBD server address missing")
                }
            }
            var export = NBDExport(server, name: options.take("export")?.text)
            export.credentials = options.take("tls-creds")?.text
            export.caching = caching
            for key in ["reconnect-delay", "open-timeout"] { _ = options.take(key) }
            try refuse(options, "nbd", isProtocol: true)
            return .nbd(export)
        }

        private func null(_ options: inout BlockOptions, _ driver: String) throws(ImageError) -> BlockNode {
            var null = Null()
            for key in ["size", "read-zeroes"] { null.said[key] = options[key] }
            null.said["driver"] = .string(driver)
            if let size = try options.takeSize("size") { null.size = size }
            _ = try options.takeFlag("read-zeroes")
            for key in ["filename", "latency-ns"] { _ = options.take(key) }
            try refuse(options, driver, isProtocol: true)
            return .null(null)
        }

        private func format(
            _ options: inout BlockOptions, _ driver: String?, isReadOnly: Bool
        ) throws(ImageError) -> BlockNode {
            var known: ImageFacts.Format?
            if let driver {
                known = ImageFacts.Format(rawValue: driver)
                if known == nil { throw ImageError(.unsupported, "Unknown driver '\(driver)'") }
            }
            guard let file = try child("file", &options, isProtocol: true) else {
                throw ImageError(
                    .invalid,
                    driver == nil
                        ? "Must specify either driver or file" : "A block device must be specified for \"file\"")
            }
            var format = Format(known, on: file)
            format.isReadOnly = isReadOnly
            if options["backing"] == .null || options["backing"] == .string("") {
                _ = options.take("backing")
                format.backing = .none
            } else if let below = try child("backing", &options, isProtocol: false) {
                format.backing = .node(below)
            }
            format.dataFile = try child("data-file", &options, isProtocol: true)
            for key in known.map(Self.strong) ?? [] { format.said[key] = options[key] }
            if known == .raw, options["offset"] != nil || options["size"] != nil {
                format.window = RawDriver.Window(
                    offset: try options.takeSize("offset") ?? 0, size: try options.takeSize("size"))
            }
            if known == .luks { format.secretID = options.take("key-secret")?.text }
            if known == .qcow2 || known == .qcow {
                _ = options.take("encrypt.format")
                format.secretID = options.take("encrypt.key-secret")?.text
            }
            if known == .qcow2 { format.cacheSize = try options.takeSize("l2-cache-size").flatMap(Int.init(exactly:)) }
            for key in known.map(Self.weak) ?? [] { _ = options.take(key) }
            if known == .qcow2 { _ = options.take(child: "overlap-check") }
            try refuse(options, driver ?? "raw", isProtocol: false)
            return .format(format)
        }

        /// What a node lies on; `nil` where it says nothing of it.
        private func child(
            _ name: String, _ options: inout BlockOptions, isProtocol: Bool
        ) throws(ImageError) -> BlockNode? {
            if let other = options[name]?.text {
                throw ImageError(.unsupported, "Cannot find device='\(other)' nor node-name='\(other)'")
            }
            let inner = options.take(child: name)
            guard !inner.isEmpty else { return nil }
            var next = self
            next.depth += 1
            return try next.node(inner, isProtocol: isProtocol)
        }

        /// Options that decide what an image shows: they are a part of its name.
        private static func strong(_ format: ImageFacts.Format) -> [String] {
            switch format {
            case .raw: ["offset", "size"]
            case .luks: ["key-secret"]
            case .qcow2, .qcow: ["encrypt.format", "encrypt.key-secret"]
            default: []
            }
        }

        /// Options that change how fast something goes, or what happens to space that is given back.
        private static func weak(_ format: ImageFacts.Format) -> [String] {
            switch format {
            case .qcow2:
                [
                    "lazy-refcounts", "pass-discard-request", "pass-discard-snapshot", "pass-discard-other",
                    "discard-no-unref", "overlap-check", "cache-size", "l2-cache-entry-size", "refcount-cache-size",
                    "cache-clean-interval",
                ]
            case .parallels: ["prealloc-size", "prealloc-mode"]
            default: []
            }
        }
    }
}
