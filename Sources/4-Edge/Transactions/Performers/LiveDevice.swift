internal import Changes
internal import DomainXML
internal import Libvirt

/// A device of a running guest, found by its alias.
struct LiveDevice {
    let connection: Connection
    let guest: String
    let alias: String

    /// Seconds a guest has to let a device go.
    private static let patience = 30

    /// The device as libvirt describes it.
    func xml() async throws(LibvirtError) -> String {
        guard let text = try await connection.liveDefinition(of: guest) else {
            throw LibvirtError(.failed, "virDomainGetXMLDesc", "it does not run")
        }
        guard let domain = try? DomainDefinition(xml: text, path: guest) else {
            throw LibvirtError(.failed, "virDomainGetXMLDesc", "its definition cannot be read")
        }
        return domain.device(alias: alias).map { NewElement($0).description } ?? LiveParameter.noDevice
    }

    /// Plugs it in, changes it, or has the guest let it go, which is waited for.
    func become(_ wanted: String) async throws(LibvirtError) {
        let now = try await xml()
        switch (now == LiveParameter.noDevice, wanted == LiveParameter.noDevice) {
        case (true, true): return
        case (true, false): try await connection.attach(wanted, to: guest)
        case (false, false): try await connection.update(wanted, of: guest)
        case (false, true):
            try await connection.detach(now, from: guest)
            for _ in 0..<(Self.patience * 4) {
                if try await xml() == LiveParameter.noDevice { return }
                try? await Task.sleep(for: .milliseconds(250))
            }
            throw LibvirtError(
                .timedOut, "virDomainDetachDeviceFlags",
                "the guest has not let the device \(alias) go within \(Self.patience) seconds",
                remedy: "It may be in use inside, or its system does not take devices out while it runs")
        }
    }
}
