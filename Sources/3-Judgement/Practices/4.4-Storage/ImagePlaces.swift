import HostFacts
import Inventory
import Quantities

/// The folders and devices guests' images lie on.
///
/// Folders stand for all their files, so that thousands of guests cost little.
struct ImagePlaces: Sendable {
    /// libvirt's own folder for images: that of its default pool.
    static let defaultPool = "/var/lib/libvirt/images"

    /// Folders (or devices below /dev) with one of the images there and the guest that uses it, in order.
    let places: [(folder: String, path: String, guest: String)]

    /// The places of an estate.
    init(of estate: Estate) {
        var found: [String: (path: String, guest: String)] = [:]
        for (path, users) in estate.relations.imageUsers where path.hasPrefix("/") {
            var folder = path[...]
            if !path.hasPrefix("/dev/"), let slash = path.lastIndex(of: "/"), slash > path.startIndex {
                folder = path[..<slash]
            }
            let key = String(folder)
            if let known = found[key], known.path <= path { continue }
            found[key] = (path, users.first?.guest ?? "")
        }
        places = found.sorted { $0.key < $1.key }.map { ($0.key, $0.value.path, $0.value.guest) }
    }
}
