internal import Quantities

/// Folders of configuration fragments in which the first folder that has a file of a name hides the others' file of that name.
///
/// - Source: sysctl.d(5), tmpfiles.d(5), "Configuration directories and precedence".
struct DropIns {
    /// The fragments in the order they are read: by file name, whatever their folder.
    var paths: [String] = []
    /// Whether any of the folders is there.
    var hasFolder = false
    /// Why a folder that is there could not be listed.
    var reason: Unknown?

    /// Fragments of a kind (`sysctl.d`).
    init(_ tree: HostTree, _ kind: String) {
        var files: [String: String] = [:]
        for folder in ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"].map({ "\($0)/\(kind)" }) {
            switch tree.names(folder) {
            case .known(let names):
                hasFolder = true
                for name in names where name.hasSuffix(".conf") && files[name] == nil {
                    files[name] = "\(folder)/\(name)"
                }
            case .unknown(let why):
                if why.cause != .missing { reason = reason ?? why }
            }
        }
        paths = files.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map(\.value)
    }

    /// The bytes of a fragment; empty where the file is a link to /dev/null, which is how an administrator hides a vendor's file.
    static func bytes(_ tree: HostTree, _ path: String) -> Fact<[UInt8]> {
        if tree.link(path) == "/dev/null" { return .known([]) }
        let bytes = tree.bytes(path)
        // A link that leads nowhere is passed over by systemd too.
        return bytes.isMissing ? .known([]) : bytes
    }
}
