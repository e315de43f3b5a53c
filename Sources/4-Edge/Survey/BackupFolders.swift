import Glibc
import Inventory
import Quantities

/// When guests and their disks were last backed up, as far as the names in the administrator's backup folders tell.
enum BackupFolders {
    /// The newest file whose name has the guest's, and whose name has the image's; unknown where no folder is named.
    static func read(_ folders: [String], guests: [Guest]) -> HistoryFacts {
        var history = HistoryFacts()
        guard !folders.isEmpty else { return history }
        var newest: [(name: String, modified: Int64)] = []
        for folder in folders {
            guard let directory = opendir(folder) else {
                let reason = Unknown(errno == EACCES ? .denied : .missing, source: folder)
                history.definitionBackups = .unknown(reason)
                history.diskBackups = .unknown(reason)
                return history
            }
            defer { closedir(directory) }
            while let entry = readdir(directory), newest.count < 1_000_000 {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                var status = stat()
                guard stat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0
                else { continue }
                newest.append((name, Int64(status.st_mtim.tv_sec)))
            }
        }
        var definitions: [String: Int64] = [:]
        var disks: [String: Int64] = [:]
        for guest in guests {
            definitions[guest.name] = newest.filter { $0.name.contains(guest.name) && $0.name.contains(".xml") }.map(
                \.modified
            ).max()
            for disk in guest.definition?.disks ?? [] {
                guard let path = disk.path, let base = path.split(separator: "/").last else { continue }
                disks[path] = newest.filter { $0.name.contains(base) }.map(\.modified).max()
            }
        }
        history.definitionBackups = .known(definitions)
        history.diskBackups = .known(disks)
        return history
    }
}
