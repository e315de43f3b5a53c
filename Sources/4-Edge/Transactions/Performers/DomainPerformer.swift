internal import Changes
internal import Libvirt

/// Persistent definitions, through libvirt, with the passwords in them: they would be lost otherwise.
struct DomainPerformer: Performer {
    let connection: Connection

    func read(_ name: String) async throws(TransactionError) -> ResourceState {
        try await state(name, withSecrets: true)
    }

    private func state(_ name: String, withSecrets: Bool) async throws(TransactionError) -> ResourceState {
        do { return ResourceState(text: try await connection.definition(of: name, withSecrets: withSecrets)) } catch {
            if error.kind == .noDomain { return .absent }
            throw TransactionError(error, guest: name)
        }
    }

    /// The definition as an audit sees it, without passwords.
    func readPlain(_ name: String) async throws(TransactionError) -> ResourceState {
        try await state(name, withSecrets: false)
    }

    /// Whether it runs.
    func runs(_ name: String) async throws(TransactionError) -> Bool {
        do { return try await connection.isActive(name) } catch { throw TransactionError(error, guest: name) }
    }

    func write(_ state: ResourceState, to name: String) async throws(TransactionError) {
        do {
            guard let text = state.text else { return try await undefine(name) }
            let defined = try await connection.define(text)
            guard defined == name else {
                throw TransactionError(.failed, "libvirt defined \"\(defined)\" instead", place: name)
            }
        } catch let error as LibvirtError {
            throw TransactionError(error, guest: name)
        } catch let error as TransactionError {
            throw error
        } catch {
            throw TransactionError(.failed, "\(error)", place: name)
        }
    }

    private func undefine(_ name: String) async throws(LibvirtError) {
        do { try await connection.undefine(name) } catch {
            guard error.kind == .noDomain else { throw error }
        }
    }
}

extension TransactionError {
    /// What libvirt says of a guest.
    init(_ error: LibvirtError, guest: String) {
        self.init(.failed, "libvirt: \(error.message)", place: "guest \(guest)", remedy: error.remedy)
    }
}
