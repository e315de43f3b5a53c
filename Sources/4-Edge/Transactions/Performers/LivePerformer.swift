internal import Changes
internal import Libvirt

/// Values of running guests, through libvirt; a guest that does not run has none.
struct LivePerformer: Performer {
    let connection: Connection

    func read(_ name: String) async throws(TransactionError) -> ResourceState {
        let (guest, parameter) = try Self.parts(name)
        let value: String
        do throws(LibvirtError) {
            guard try await connection.isActive(guest) else { return .absent }
            switch parameter {
            case .vcpus: value = String(try await connection.onlineVCPUs(of: guest))
            case .nodeset: value = try await connection.memoryNodes(of: guest)
            }
        } catch {
            throw TransactionError(error, guest: guest)
        }
        // libvirt takes no empty set back: a guest that is bound to none may use all nodes with memory.
        return ResourceState(
            text: value.isEmpty ? try SettingPerformer.value("/sys/devices/system/node/has_memory") : value)
    }

    func write(_ state: ResourceState, to name: String) async throws(TransactionError) {
        // There was no run then: the one there is now began without this value.
        guard let value = state.text else { return }
        let (guest, parameter) = try Self.parts(name)
        do throws(LibvirtError) {
            switch parameter {
            case .vcpus: try await connection.setOnlineVCPUs(UInt32(value) ?? 0, of: guest)
            case .nodeset: try await connection.setMemoryNodes(value, of: guest)
            }
        } catch {
            throw TransactionError(error, guest: guest)
        }
    }

    private static func parts(_ name: String) throws(TransactionError) -> (guest: String, parameter: LiveParameter) {
        guard let parts = Resource(.live, name).live else {
            throw TransactionError(.failed, "there is no such value of a running guest", place: name)
        }
        return parts
    }
}
