internal import CLibvirt
internal import Glibc

/// `libvirt-qemu.so`, which holds the one call that guest agents are asked with; opened when the first is asked.
///
/// SAFETY: as in ``Library``.
struct QEMULibrary: Sendable {
    let agentCommand:
        @convention(c) (virDomainPtr?, UnsafePointer<CChar>?, Int32, UInt32) -> UnsafeMutablePointer<CChar>?

    static let shared: Result<QEMULibrary, LibvirtError> = {
        guard let handle = dlopen("libvirt-qemu.so.0", RTLD_NOW | RTLD_LOCAL),
            let symbol = dlsym(handle, "virDomainQemuAgentCommand")
        else {
            return .failure(
                LibvirtError(
                    .notInstalled, "virDomainQemuAgentCommand",
                    "libvirt's QEMU library is not installed (libvirt-qemu.so.0)",
                    remedy: "Install it (Debian: libvirt0, SUSE: libvirt-libs)"))
        }
        return .success(
            QEMULibrary(
                agentCommand: unsafeBitCast(
                    symbol,
                    to: (@convention(c) (virDomainPtr?, UnsafePointer<CChar>?, Int32, UInt32) -> UnsafeMutablePointer<
                        CChar
                    >?)
                    .self)))
    }()
}

extension Connection {
    /// Asks the agent inside a running guest, and gives its answer as it came: JSON that nobody has looked at.
    ///
    /// - Parameters:
    ///   - domain: the guest's name.
    ///   - command: a command of QEMU's guest agent, as JSON.
    ///   - seconds: how long the agent has to answer.
    ///
    /// - Returns: the agent's answer.
    ///
    /// - Throws: `notInstalled`; `noDomain`; `failed` where there is no agent, or it does not answer or refuses.
    public func askAgent(of domain: String, _ command: String, seconds: Int32) throws(LibvirtError) -> String {
        let qemu = try QEMULibrary.shared.get()
        return try ask("virDomainQemuAgentCommand", within: Double(seconds) + 5) { library, connection in
            guard let domain = library.lookupByName(connection, domain) else {
                return .failure(library.failure("virDomainLookupByName"))
            }
            defer { _ = library.domainFree(domain) }
            guard let answer = qemu.agentCommand(domain, command, seconds, 0) else {
                return .failure(library.failure("virDomainQemuAgentCommand"))
            }
            return .success(Self.taken(answer))
        }
    }
}
