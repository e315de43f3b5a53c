import FileWriting
import Glibc
import Libvirt

/// libvirt's QEMU driver inside this process, in a folder of its own that shares nothing with the system's.
struct PrivateDriver {
    /// An open connection to it.
    let connection: Connection
    private let root: String

    /// Makes the folder and opens the driver.
    init() async throws {
        if geteuid() == 0, !Self.hasUserForQEMU, !Self.becomeNobody() {
            throw Failure("this process cannot become nobody: \(String(cString: strerror(errno)))")
        }
        root = try Self.folder()
        // What an ordinary user's driver keeps at home is to be in the folder, too.
        for name in ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
            setenv(name, root, 1)
        }
        // Its remarks are for a daemon's log, not for a person; errors come as errors.
        setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", 0)
        connection = Connection(uri: "qemu:///embed?root=\(root)")
        do { try await connection.open() } catch {
            end()
            throw error
        }
    }

    /// Whether there is the user that root's driver wants for QEMU (Debian, Arch; SUSE, Red Hat): only the daemon's packages make it.
    private static var hasUserForQEMU: Bool { getpwnam("libvirt-qemu") != nil || getpwnam("qemu") != nil }

    /// Gives root up for good, since libvirt serves nobody who could take it back; nothing but the answer comes after.
    private static func becomeNobody() -> Bool {
        let nobody: uid_t = 65_534
        var device = stat()
        // Whoever may use KVM may ask QEMU about it.
        let group = stat("/dev/kvm", &device) == 0 && device.st_gid != 0 ? device.st_gid : nobody
        return setgroups(0, nil) == 0 && setgid(group) == 0 && setuid(nobody) == 0
    }

    /// A new folder in the temporary one; a temporary folder of root's own is closed to nobody.
    private static func folder() throws -> String {
        for place in [getenv("TMPDIR").map { String(cString: $0) }, "/tmp"].compactMap({ $0 }) {
            var template = Array("\(place)/nearmetal-XXXXXX".utf8CString)
            if let folder = mkdtemp(&template) { return String(cString: folder) }
        }
        throw Failure("no folder can be made in the temporary one: \(String(cString: strerror(errno)))")
    }

    /// The folder taken away again.
    func end() { OpenFile.removeTree(root) }
}
