internal import CLibvirt

extension Connection {
    /// The command line that libvirt would start QEMU with, environment first, as one line for a shell.
    ///
    /// - Parameter xml: a definition; it need not be defined.
    ///
    /// - Returns: libvirt's own line, without the line break.
    ///
    /// - Throws: what libvirt finds wrong with it.
    /// - Source: virConnectDomainXMLToNative.
    public func commandLine(of xml: String) throws(LibvirtError) -> String {
        // A driver that just started first asks every emulator what it can do.
        try ask("virConnectDomainXMLToNative", within: 180) { library, connection in
            library.domainToNative(connection, "qemu-argv", xml, 0).map { .success(Self.taken($0)) }
                ?? .failure(library.failure("virConnectDomainXMLToNative"))
        }
    }

    /// The definition of a domain that runs, without passwords; `nil` where it does not run.
    ///
    /// - Source: virDomainGetXMLDesc.
    public func liveDefinition(of name: String) throws(LibvirtError) -> String? {
        try ask("virDomainGetXMLDesc", name) { library, domain in
            switch library.domainIsActive(domain) {
            case 0: .success(nil)
            case 1:
                library.domainXML(domain, 0).map { .success(Self.taken($0)) }
                    ?? .failure(library.failure("virDomainGetXMLDesc"))
            default: .failure(library.failure("virDomainIsActive"))
            }
        }
    }

    /// Whether a domain starts with the host.
    ///
    /// - Source: virDomainGetAutostart.
    public func isAutostart(_ name: String) throws(LibvirtError) -> Bool {
        try ask("virDomainGetAutostart", name) { library, domain in
            var value: Int32 = 0
            return library.domainAutostart(domain, &value) == 0
                ? .success(value == 1) : .failure(library.failure("virDomainGetAutostart"))
        }
    }

    /// Has a domain start with the host, or not.
    ///
    /// - Source: virDomainSetAutostart.
    public func setAutostart(_ isAutostart: Bool, of name: String) throws(LibvirtError) {
        try act("virDomainSetAutostart", name) { $0.setAutostart($1, isAutostart ? 1 : 0) }
    }
}
