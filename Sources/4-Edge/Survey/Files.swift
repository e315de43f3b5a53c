import DomainXML
import Glibc

/// Files and folders of definitions.
enum Files {
    /// The bytes of a file, or of standard input for `-`; at most what a document may have, so that a mistaken name costs nothing.
    static func read(_ path: String) throws(SurveyError) -> [UInt8] {
        let isInput = path == "-"
        let descriptor = isInput ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw SurveyError(String(cString: strerror(errno)), place: path) }
        defer { if !isInput { close(descriptor) } }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SurveyError(String(cString: strerror(errno)), place: path) }
        guard isInput || status.st_mode & S_IFMT == S_IFREG else {
            throw SurveyError(
                "this is not a regular file", place: path, remedy: "Name a domain definition, or a folder of them")
        }
        let limit = XMLDocument.Limit.bytes
        guard status.st_size <= limit else { throw tooLarge(path, Int(status.st_size), limit) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(isInput ? 1 << 16 : Int(status.st_size) + 1)
        var failure: Int32 = 0
        while bytes.count <= limit {
            let chunk = isInput ? 1 << 16 : max(1, Int(status.st_size) - bytes.count + 1)
            let filled = bytes.count
            let more = [UInt8](unsafeUninitializedCapacity: chunk) { buffer, count in
                let got = Glibc.read(descriptor, buffer.baseAddress, chunk)
                failure = got < 0 ? errno : 0
                count = max(0, got)
            }
            if failure == EINTR || (failure == EAGAIN && isInput) { continue }
            guard failure == 0 else { throw SurveyError(String(cString: strerror(failure)), place: path) }
            bytes += more
            if bytes.count == filled { return bytes }
        }
        throw tooLarge(path, bytes.count, limit)
    }

    private static func tooLarge(_ path: String, _ size: Int, _ limit: Int) -> SurveyError {
        SurveyError(
            "the file has \(size) bytes or more; at most \(limit) are read", place: path,
            remedy: "libvirt definitions have some kilobytes: is this the right file?")
    }

    /// Whether a path is a folder; `nil` if it does not exist.
    static func isFolder(_ path: String) -> Bool? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// The `.xml` files in a folder and those below it, in order of path.
    ///
    /// Links are followed to files, not to folders, so that no loop is walked.
    static func definitions(in folder: String, isDeep: Bool = true) throws(SurveyError) -> [String] {
        var found: [String] = []
        var waiting = [folder]
        while let current = waiting.popLast() {
            guard let directory = opendir(current) else {
                if current == folder { throw SurveyError(String(cString: strerror(errno)), place: folder) }
                continue
            }
            defer { closedir(directory) }
            while let entry = readdir(directory) {
                let type = Int(entry.pointee.d_type)
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                guard name != ".", name != ".." else { continue }
                let path = current.hasSuffix("/") ? current + name : current + "/" + name
                if type == DT_DIR || (type == DT_UNKNOWN && isFolder(path) == true) {
                    if isDeep { waiting.append(path) }
                } else if name.hasSuffix(".xml") {
                    found.append(path)
                }
            }
        }
        return found.sorted()
    }
}

/// One file with a document.
public enum DefinitionFile {
    /// Its bytes; `-` reads standard input.
    ///
    /// - Throws: a ``SurveyError`` for what is no readable regular file, or larger than any document may be.
    public static func read(_ path: String) throws(SurveyError) -> [UInt8] { try Files.read(path) }
}
