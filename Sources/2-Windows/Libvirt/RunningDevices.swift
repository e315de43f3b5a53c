internal import CLibvirt

/// Devices of a running domain.
extension Connection {
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
