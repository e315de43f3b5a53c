import Glibc
public import Quantities

extension ImageFacts {
    /// Walks the metadata of a qcow2 image and counts contradictions and clusters nobody refers to.
    ///
    /// It reads all tables and writes nothing.
    ///
    /// - Parameters:
    ///   - path: absolute.
    ///   - root: `/`, or a captured tree.
    ///   - seconds: how long it may take.
    ///
    /// - Returns: the counts, in the sense of `qemu-img check`; unknown where the image is open for writing, cannot be understood, is of a format without
    ///   reference counts, or is too large for the time or memory allowed.
    public static func check(path: String, root: String = "/", seconds: Double = 60) -> Fact<CheckResult> {
        guard let place = RootedPath.resolve(path, root: root) else {
            return .unknown(Unknown(.malformed("symbolic links go in circles"), source: path))
        }
        do {
            let file = try ImageFile(place, named: path)
            guard Probe.format(try file.available(at: 0, count: Probe.length), name: path) == .qcow2 else {
                return .unknown(Unknown(.notExamined, source: "metadata of \(path)"))
            }
            guard !file.isOpenForWriting else {
                return .unknown(
                    Unknown(
                        .failed("it is open for writing, and would be half-way"), source: "check of \(path)",
                        remedy: Text("Check it while its guest is off", "在客户机关闭时检查")))
            }
            var facts = ImageFacts(path: path, format: .qcow2)
            let header = try Qcow2Header.parse(file, into: &facts)
            var check = Qcow2Check(file, header, until: Qcow2Check.now() + seconds)
            try check.run()
            return .known(CheckResult(corruptions: check.result.corruptions, leaks: check.result.leaks))
        } catch let reason as Unknown {
            return .unknown(reason)
        } catch let fault as Malformed {
            return .unknown(Unknown(.malformed(fault.what), source: path))
        } catch let limit as Qcow2Check.Limit {
            return .unknown(Unknown(.failed(limit.what), source: "check of \(path)"))
        } catch {
            return .unknown(Unknown(.failed("\(error)"), source: "check of \(path)"))
        }
    }
}

extension ImageFile {
    /// Whether a QEMU has the image open for writing, by its locks; `false` also where QEMU was told not to lock.
    ///
    /// - Source: QEMU block/file-posix.c: byte 100 + n of the file is locked for the permission n a process has; 1 is writing.
    var isOpenForWriting: Bool {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = 101
        lock.l_len = 1
        // SAFETY: the kernel writes one struct flock, which the variable is.
        guard fcntl(descriptor, Self.getOpenFileLock, &lock) == 0 else { return false }
        return lock.l_type != Int16(F_UNLCK)
    }

    /// `F_OFD_GETLK`, which headers give only with `_GNU_SOURCE`.
    private static let getOpenFileLock: CInt = 36
}
