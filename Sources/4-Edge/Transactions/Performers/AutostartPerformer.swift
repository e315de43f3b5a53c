internal import Changes
internal import Libvirt

/// Whether guests start with the host, through libvirt.
struct AutostartPerformer: Performer {
    let connection: Connection

    func read(_ name: String) async throws(TransactionError) -> ResourceState {
        do throws(LibvirtError) {
            guard try await connection.knows(name) else { return .absent }
            return ResourceState(text: try await connection.isAutostart(name) ? "on" : "off")
        } catch {
            throw TransactionError(error, guest: name)
        }
    }

    func write(_ state: ResourceState, to name: String) async throws(TransactionError) {
        // There was no guest then: with it this goes, too.
        guard let text = state.text else { return }
        guard text == "on" || text == "off" else {
            throw TransactionError(.failed, "autostart is on or off, not \(text.prefix(64))", place: "guest \(name)")
        }
        do throws(LibvirtError) { try await connection.setAutostart(text == "on", of: name) } catch {
            throw TransactionError(error, guest: name)
        }
    }
}
