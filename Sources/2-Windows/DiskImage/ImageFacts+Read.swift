import Glibc
public import Quantities

extension ImageFacts {
    /// Reads what an image says of itself.
    ///
    /// It reads a few pages of the file, writes nothing, and opens nothing the image refers to.
    ///
    /// - Parameters:
    ///   - path: absolute, as a definition or a backing file names it.
    ///   - root: `/` for the live machine, else a captured tree below which the path lies; links lead inside it only.
    ///
    /// - Returns: the facts, with ``malformed`` set where the header contradicts itself; unknown where the file is missing, may not be read, or is
    ///   neither a regular file nor a block device.
    public static func read(path: String, root: String = "/") -> Fact<ImageFacts> {
        guard let place = RootedPath.resolve(path, root: root) else {
            return .unknown(Unknown(.malformed("symbolic links go in circles"), source: path))
        }
        do {
            let file = try ImageFile(place, named: path)
            return .known(facts(of: file, path: path))
        } catch {
            return .unknown(error)
        }
    }

    private static func facts(of file: ImageFile, path: String) -> ImageFacts {
        var facts = ImageFacts(path: path, format: .raw)
        let size = ByteCount(bytes: file.size)
        facts.fileSize = .known(size)
        facts.isBlockDevice = file.isBlockDevice
        facts.modified = .known(Int64(file.status.st_mtim.tv_sec))
        if file.isBlockDevice {
            facts.identity = "block:\(file.status.st_rdev)"
            facts.allocated = .known(size)
        } else {
            facts.identity = "file:\(file.status.st_dev):\(file.status.st_ino)"
            facts.allocated = .known(ByteCount(bytes: UInt64(max(0, file.status.st_blocks))) * 512)
        }
        facts.isOpenForWriting = file.isOpenForWriting
        FileSystem.describe(file, into: &facts)
        do {
            facts.format = Probe.format(try file.available(at: 0, count: Probe.length), name: path)
            try header(of: file, into: &facts)
            facts.takeFormatOfBackingDescription()
        } catch {
            facts.malformed = error.what
            facts.virtualSize = .unknown(Unknown(.malformed(error.what), source: path))
        }
        return facts
    }

    private static func header(of file: ImageFile, into facts: inout ImageFacts) throws(Malformed) {
        switch facts.format {
        case .raw: RawImage.read(file, into: &facts)
        case .qcow: try QcowHeader.read(file, into: &facts)
        case .qcow2: try Qcow2Header.read(file, into: &facts)
        case .qed: try QedHeader.read(file, into: &facts)
        case .vmdk: try VmdkHeader.read(file, into: &facts)
        case .vdi: try VdiHeader.read(file, into: &facts)
        case .vhdx: try VhdxHeader.read(file, into: &facts)
        case .vpc: try VpcHeader.read(file, into: &facts)
        case .luks: try LuksHeader.read(file, into: &facts)
        case .parallels: try ParallelsHeader.read(file, into: &facts)
        case .dmg: try DmgTrailer.read(file, into: &facts)
        case .bochs: try BochsHeader.read(file, into: &facts)
        case .cloop: try CloopHeader.read(file, into: &facts)
        }
    }
}

/// A raw image: the file is the disk.
enum RawImage {
    static func read(_ file: ImageFile, into facts: inout ImageFacts) {
        // QEMU counts sectors, and shows the last one whole.
        let size = file.size
        let rest = size % 512
        facts.virtualSize = .known(ByteCount(bytes: rest == 0 ? size : size.saturated(adding: 512 - rest)))
        if !file.isBlockDevice, let allocated = facts.allocated.value {
            facts.isPreallocated = allocated.rawValue >= size
        }
    }
}

extension UInt64 {
    func saturated(adding other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
