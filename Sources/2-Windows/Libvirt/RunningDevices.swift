internal import CLibvirt

/// Devices of a running domain.
extension Connection {
    /// A running domain's definition as it is now.
    ///
    /// - Throws: `failed` where it does not run.
    /// - Source: virDomainGetXMLDesc.
    public func runningDefinition(of name: String) throws(LibvirtError) -> String {
        try ask("virDomainGetXMLDesc", name) { library, domain in
            guard library.domainIsActive(domain) == 1 else {
                return .failure(LibvirtError(.failed, "virDomainGetXMLDesc", "it does not run"))
            }
            return library.domainXML(domain, 0).map { .success(Self.taken($0)) }
                ?? .failure(library.failure("virDomainGetXMLDesc"))
        }
    }

    /// Plugs a device into a running domain.
    ///
    /// - Source: virDomainAttachDeviceFlags.
    public func attach(_ device: String, to name: String) throws(LibvirtError) {
        try act("virDomainAttachDeviceFlags", name, within: 120) {
            $0.attachDevice($1, device, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }

    /// Changes a device of a running domain: a medium, a link, how much memory is asked for.
    ///
    /// - Source: virDomainUpdateDeviceFlags.
    public func update(_ device: String, of name: String) throws(LibvirtError) {
        try act("virDomainUpdateDeviceFlags", name, within: 120) {
            $0.updateDevice($1, device, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }

    /// Asks a running domain to let a device go; the guest may take its time, or never do it.
    ///
    /// - Source: virDomainDetachDeviceFlags.
    public func detach(_ device: String, from name: String) throws(LibvirtError) {
        try act("virDomainDetachDeviceFlags", name, within: 120) {
            $0.detachDevice($1, device, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }
}
