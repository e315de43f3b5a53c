import HostFacts
import Quantities

extension HostFacts {
    /// What a file below /sys will hold after the next boot, as far as files say so: a line of tmpfiles.d, else a parameter of the kernel's next
    /// command line; `nil` where neither names it.
    ///
    /// Scripts and units of the administrator are not seen.
    func valueAtBoot(of path: String, parameter: String?) -> Fact<String?> {
        switch boot.tmpfiles {
        case .known(let lines): if let line = lines[path] { return .known(line.value) }
        case .unknown(let reason): if reason.cause != .missing { return .unknown(reason) }
        }
        guard let parameter else { return .known(nil) }
        switch boot.nextCommandLine {
        case .known(let line): return .known(line.value(parameter))
        // Without a boot loader (a container, a machine booted from outside) no file says anything.
        case .unknown(let reason): return reason.cause == .missing ? .known(nil) : .unknown(reason)
        }
    }
}
