/// What a new VMware image is to be.
public struct VmdkOptions: Sendable, Hashable {
    /// How it lies in files.
    public enum Subformat: String, Sendable, Hashable, CaseIterable {
        /// One file that grows.
        case monolithicSparse
        /// One file as long as the disk, and a text that names it.
        case monolithicFlat
        /// Files of 2 GiB that grow.
        case twoGbMaxExtentSparse
        /// Files of 2 GiB.
        case twoGbMaxExtentFlat
        /// One file of packed grains, each written once.
        case streamOptimized
    }
    /// How it lies in files.
    public var subformat = Subformat.monolithicSparse
    /// The controller it is for: `ide`, `buslogic`, `lsilogic` or `legacyESX`.
    public var adapter = "ide"
    /// The version of VMware's hardware.
    public var hardware = "4"
    /// Whether grains may be marked as zeros.
    public var hasZeroGrains = false
    /// QEMU's defaults.
    public init() {}
}

/// Writes a VMware image without data.
///
/// - Source: QEMU block/vmdk.c `vmdk_co_do_create`, `vmdk_init_extent`.
enum VmdkCreation {
    private static let largest: UInt64 = 2 << 30
    private static let grain: UInt64 = 65_536

    /// Writes it.
    ///
    /// - Parameters:
    ///   - file: the file that is named.
    ///   - path: its path.
    ///   - creation: what it is to be.
    ///   - parentID: the content id of what it is backed by.
    ///
    /// - Throws: an ``ImageError``.
    static func write(
        to file: any BlockStorage, _ path: String, _ creation: Image.Creation, parentID: UInt32?
    ) throws(ImageError) {
        let options = creation.vmdk
        guard ["ide", "buslogic", "lsilogic", "legacyESX"].contains(options.adapter) else {
            throw ImageError(.invalid, "Unknown adapter type: '\(options.adapter)'")
        }
        let isFlat = options.subformat == .monolithicFlat || options.subformat == .twoGbMaxExtentFlat
        let isSplit = options.subformat == .twoGbMaxExtentSparse || options.subformat == .twoGbMaxExtentFlat
        guard creation.backing == nil || !isFlat else {
            throw ImageError(.unsupported, "Flat image can't have backing file")
        }
        guard !isFlat || !options.hasZeroGrains else {
            throw ImageError(.invalid, "Flat image can't enable zeroed grain")
        }
        var lines = ""
        if isFlat || isSplit {
            let (folder, stem, suffix) = names(path)
            var start: UInt64 = 0
            var number = 1
            repeat {
                let length = isSplit ? min(largest, creation.size - start) : creation.size
                let digits = String(number)
                let name =
                    isSplit
                    ? "\(stem)-\(isFlat ? "f" : "s")\(String(repeating: "0", count: max(0, 3 - digits.count)))\(digits)\(suffix)"
                    : "\(stem)-flat\(suffix)"
                guard creation.gate.allows(ImageReference.tidied(Image.absolute(folder + name)), path) else {
                    throw ImageError(.denied, "its extent \(folder + name) may not be made")
                }
                let extent = try FileStorage(creating: folder + name, caching: creation.caching)
                try extent.lock()
                guard extent.identity != (file as? FileStorage)?.identity else {
                    throw ImageError(.invalid, "it would be its own extent")
                }
                try extent.empty()
                if isFlat {
                    try extent.resize(to: length)
                    try extent.takeFirstBlock(of: length)
                } else {
                    try writeSparse(to: extent, length, options, "")
                }
                lines += "RW \(length / 512) \(isFlat ? "FLAT" : "SPARSE") \"\(name)\"\(isFlat ? " 0" : "")\n"
                start += length
                number += 1
            } while start < creation.size
        } else {
            lines = "RW \(creation.size / 512) SPARSE \"\(path.split(separator: "/").last ?? "")\"\n"
        }
        let text = descriptor(creation, lines, parentID)
        guard text.utf8.count <= (isFlat || isSplit ? VmdkDescriptor.fileLimit : VmdkDescriptor.limit - 512) else {
            throw ImageError(.invalid, "the descriptor is too long")
        }
        if isFlat || isSplit {
            try file.write(Array(text.utf8), at: 0)
        } else {
            try writeSparse(to: file, creation.size, options, text)
        }
    }

    /// A path's folder, and its name up to the last dot and from there on: names of extents go between.
    private static func names(_ path: String) -> (folder: String, stem: String, suffix: String) {
        let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let name = path[start...]
        let dot = name.lastIndex(of: ".") ?? name.endIndex
        return (String(path[..<start]), String(name[..<dot]), String(name[dot...]))
    }

    private static func descriptor(_ creation: Image.Creation, _ extents: String, _ parentID: UInt32?) -> String {
        func hex(_ number: UInt32) -> String {
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }
        let heads: UInt64 = creation.vmdk.adapter == "ide" ? 16 : 255
        let hint = creation.backing.map { "parentFileNameHint=\"\($0.name)\"\n" } ?? ""
        return """
            # Disk DescriptorFile
            version=1
            CID=\(hex(.random(in: 1..<UInt32.max - 1)))
            parentCID=\(hex(parentID ?? .max))
            createType="\(creation.vmdk.subformat.rawValue)"
            \(hint)
            # Extent description
            \(extents)
            # The Disk Data Base
            #DDB

            ddb.virtualHWVersion = "\(creation.vmdk.hardware)"
            ddb.geometry.cylinders = "\(creation.size / (63 * heads * 512))"
            ddb.geometry.heads = "\(heads)"
            ddb.geometry.sectors = "63"
            ddb.adapterType = "\(creation.vmdk.adapter)"
            ddb.toolsVersion = "2147483647"

            """
    }

    /// Writes a header, both grain directories, and all tables, empty.
    private static func writeSparse(
        to file: any BlockStorage, _ size: UInt64, _ options: VmdkOptions, _ descriptor: String
    ) throws(ImageError) {
        let isPacked = options.subformat == .streamOptimized
        let tables = size.dividedUp(by: grain).dividedUp(by: 512)
        let directorySectors = (tables * 4).dividedUp(by: 512)
        let copy = directorySectors + tables * 4
        let spare: UInt64 = 21
        let directory = spare + copy
        let data = (directory + copy).dividedUp(by: 128) * 128
        guard data <= UInt64(UInt32.max) else { throw ImageError(.invalid, "it is too large") }
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ value: UInt64, _ width: Int, at place: Int) {
            header.replaceSubrange(place..<place + width, with: QedCreation.bytes(value)[..<width])
        }
        header.replaceSubrange(0..<4, with: Array("KDMV".utf8))
        put(isPacked ? 3 : options.hasZeroGrains ? 2 : 1, 4, at: 4)
        put(3 | (options.hasZeroGrains ? 4 : 0) | (isPacked ? 3 << 16 : 0), 4, at: 8)
        put(size / 512, 8, at: 12)
        put(128, 8, at: 20)
        put(1, 8, at: 28)
        put(20, 8, at: 36)
        put(512, 4, at: 44)
        put(spare, 8, at: 48)
        put(directory, 8, at: 56)
        put(data, 8, at: 64)
        // A copy in text mode would change these.
        header.replaceSubrange(73..<77, with: [0x0A, 0x20, 0x0D, 0x0A])
        put(isPacked ? 1 : 0, 2, at: 77)
        try file.clear(to: data * 512)
        try file.write(header, at: 0)
        if !descriptor.isEmpty { try file.write(Array(descriptor.utf8), at: 512) }
        for start in [spare, directory] {
            var entries: [UInt8] = []
            for number in 0..<tables { entries += QedCreation.bytes(start + directorySectors + number * 4)[..<4] }
            if !entries.isEmpty { try file.write(entries, at: start * 512) }
        }
    }
}
