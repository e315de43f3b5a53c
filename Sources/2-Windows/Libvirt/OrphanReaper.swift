internal import CLinux
internal import Dispatch
internal import Glibc

/// Takes in programs that an embedded driver has left to the init process.
///
/// The driver asks each emulator what it can do, and waits until it is gone for good. In a container whose first process is no init, nobody
/// would ever see to that, and each question would take half a minute.
enum OrphanReaper {
    static func start() {
        guard nearmetal_become_reaper() == 0 else { return }
        DispatchQueue(label: "nearmetal.libvirt.orphans").async {
            let own = getsid(0)
            while true {
                for child in children() where getsid(child) != own {
                    // Those that the driver itself waits for are of this process's session.
                    var status: Int32 = 0
                    waitpid(child, &status, WNOHANG)
                }
                usleep(20_000)
            }
        }
    }

    /// Children of the process; orphans become its first thread's.
    private static func children() -> [pid_t] {
        let descriptor = open("/proc/self/task/\(getpid())/children", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return [] }
        return String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
    }
}
