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
        let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(temporary)/nearmetal-XXXXXX".utf8CString)
        guard let folder = mkdtemp(&template) else {
            throw Failure("no folder can be made in the temporary one: \(String(cString: strerror(errno)))")
        }
        root = String(cString: folder)
        // Its remarks are for a daemon's log, not for a person; errors come as errors.
        setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", 0)
        connection = Connection(uri: "qemu:///embed?root=\(root)")
        do { try await connection.open() } catch {
            end()
            throw error
        }
    }

    /// The folder taken away again.
    func end() { OpenFile.removeTree(root) }
}
