/// Has runs of whole clusters of one image in another one without reading them: the file systems share their blocks, or the kernel copies.
struct ImageSharing {
    private let target: Image
    private let file: FileStorage
    /// The source's layers, top down, each with the file its data lie in.
    private let layers: [FileStorage?]
    private let source: Image
    private let qcow2: Qcow2Driver?
    private let unit: UInt64
    private let way: FileStorage.Sharing
    /// Whether it has not failed.
    private(set) var isOfUse = true
    /// Whether it has worked once.
    private var isProven = false
    /// Bytes that were shared.
    private(set) var done: UInt64 = 0

    /// Sharing between two images; `nil` where it cannot be, or is not wanted.
    init?(_ source: Image, _ target: Image, _ options: ImageConversion.Options) {
        let qcow2 = target.driver as? Qcow2Driver
        guard options.sharesBlocks || options.copiesInKernel, !options.isCompressed, options.layers == nil,
            options.sparseSize > 0 || options.copiesInKernel, options.isTargetNew,
            target.format == .raw || qcow2 != nil,
            let file = target.driver.dataStorage as? FileStorage, !file.isBlockDevice || options.copiesInKernel
        else { return nil }
        var layers: [FileStorage?] = []
        var layer: Image? = source
        while let image = layer {
            // Where there are several files, each place is in another one.
            let isAlone = image.driver.storages.count == 1 || image.format == .qcow2
            layers.append(isAlone ? image.driver.dataStorage as? FileStorage : nil)
            layer = image.below
        }
        unit = max(qcow2?.geometry.clusterSize ?? 0, FileStorage.blockSize)
        guard unit == qcow2?.geometry.clusterSize ?? unit, layers.contains(where: { $0 != nil }) else { return nil }
        self.layers = layers
        self.source = source
        self.target = target
        self.file = file
        self.qcow2 = qcow2
        way = options.copiesInKernel ? .copy : .clone
    }

    /// Shares what can be of a range.
    ///
    /// - Returns: what is left to copy.
    ///
    /// - Throws: an ``ImageError``.
    mutating func share(_ range: Range<UInt64>) throws(ImageError) -> [Range<UInt64>] {
        var rest: [Range<UInt64>] = []
        func leave(_ from: UInt64, _ to: UInt64) {
            guard from < to else { return }
            if let last = rest.last, last.upperBound == from {
                rest[rest.count - 1] = last.lowerBound..<to
            } else {
                rest.append(from..<to)
            }
        }
        var place = range.lowerBound
        while place < range.upperBound {
            let status = try source.statusThrough(at: place, limit: range.upperBound - place)
            let end = place + status.length
            let first = place.dividedUp(by: unit) * unit
            let last = end / unit * unit
            guard isOfUse, case .data(let host?) = status.kind, let depth = status.depth, let from = layers[depth],
                first < last, (host + first - place) % FileStorage.blockSize == 0
            else {
                leave(place, end)
                place = end
                continue
            }
            leave(place, first)
            let reached = try share(from, at: host + first - place, to: first..<last)
            done += reached - first
            leave(reached, end)
            place = end
        }
        return rest
    }

    /// Shares one run; where in the guest it got to.
    private mutating func share(_ from: FileStorage, at place: UInt64, to guest: Range<UInt64>) throws(ImageError)
        -> UInt64
    {
        guard let qcow2 else {
            isOfUse = file.share(from, at: place, to: guest.lowerBound, count: guest.upperBound - guest.lowerBound, way)
            return isOfUse ? guest.upperBound : guest.lowerBound
        }
        var done = guest.lowerBound
        // One cluster shows whether it can be done at all, before many have places that are not filled.
        let ends = isProven ? [guest.upperBound] : [guest.lowerBound + unit, guest.upperBound]
        for end in ends where done < end && isOfUse {
            for run in try qcow2.claim(done, clusters: (end - done) / unit) {
                let count = run.clusters * unit
                let from = (file: from, place: place + done - guest.lowerBound)
                if file.share(from.file, at: from.place, to: run.place, count: count, way) {
                    isProven = true
                } else {
                    isOfUse = false
                    try copy(from.file, from.place, run.place, count)
                }
                done += count
            }
        }
        return done
    }

    /// Copies what has a place already.
    private func copy(_ from: FileStorage, _ place: UInt64, _ target: UInt64, _ count: UInt64) throws(ImageError) {
        var done: UInt64 = 0
        while done < count {
            let bytes = try from.bytes(at: place + done, count: Int(min(count - done, 1 << 20)))
            try file.write(bytes, at: target + done)
            done += UInt64(bytes.count)
        }
    }
}
