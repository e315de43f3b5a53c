internal import Changes
internal import DomainXML
internal import Libvirt
internal import Quantities

/// Values of running guests, through libvirt; a guest that does not run has none.
struct LivePerformer: Performer {
    let connection: Connection

    func read(_ name: String) async throws(TransactionError) -> ResourceState {
        let (guest, parameter) = try Self.parts(name)
        let value: String
        do throws(LibvirtError) {
            guard try await connection.isActive(guest) else { return .absent }
            value = try await self.value(of: parameter, guest)
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
            let number = UInt64(value) ?? 0
            let count = UInt32(clamping: number)
            let cpus = CPUSet(libvirt: value) ?? []
            switch parameter {
            case .vcpus: try await connection.setOnlineVCPUs(count, of: guest)
            case .pluggedVCPUs: try await plug(count, guest)
            case .memory: try await connection.setBalloon(number, of: guest)
            case .nodeset: try await connection.setMemoryNodes(value, of: guest)
            case .vcpuPin(let vcpu): try await connection.pin(vcpu: UInt32(vcpu), to: cpus, of: guest)
            case .emulatorPin: try await connection.pinEmulator(to: cpus, of: guest)
            case .memoryLimit(let limit):
                try await connection.setMemoryLimit(limit.element, to: UInt64(value), of: guest)
            case .device(let alias):
                try await LiveDevice(connection: connection, guest: guest, alias: alias).become(value)
            case .iothreadPin(let thread): try await connection.pin(iothread: UInt32(thread), to: cpus, of: guest)
            }
        } catch {
            throw TransactionError(error, guest: guest)
        }
        if parameter == .memory { try await waitForBalloon(value, guest) }
    }

    func isSame(_ one: ResourceState, _ other: ResourceState) -> Bool {
        guard let old = one.text, let new = other.text, old.hasPrefix("<"), new.hasPrefix("<") else {
            return one.bytes == other.bytes
        }
        return DomainDefinition.isSameDevice(old, new)
    }

    private func value(of parameter: LiveParameter, _ guest: String) async throws(LibvirtError) -> String {
        switch parameter {
        case .vcpus: String(try await connection.onlineVCPUs(of: guest))
        case .pluggedVCPUs: String(try await connection.pluggedVCPUs(of: guest))
        case .memory: String(try await connection.balloon(of: guest))
        case .nodeset: try await connection.memoryNodes(of: guest)
        case .vcpuPin(let vcpu): try await connection.pins(ofVCPU: vcpu, of: guest).description
        case .emulatorPin: try await connection.emulatorPins(of: guest).description
        case .iothreadPin(let thread): try await connection.pins(ofIOThread: thread, of: guest).description
        case .memoryLimit(let limit):
            try await connection.memoryLimit(limit.element, of: guest).map { String($0) } ?? LiveParameter.unlimited
        case .device(let alias): try await LiveDevice(connection: connection, guest: guest, alias: alias).xml()
        }
    }

    /// Plugs vCPUs in and has the guest use them, or has it leave them before they are pulled (guide §7.7).
    private func plug(_ count: UInt32, _ guest: String) async throws(LibvirtError) {
        let plugged = try await connection.pluggedVCPUs(of: guest)
        if count < plugged {
            if let online = try? await connection.onlineVCPUs(of: guest), online > count {
                try await connection.setOnlineVCPUs(count, of: guest)
            }
            do { try await connection.setPluggedVCPUs(count, of: guest) } catch {
                // libvirt waits for five seconds only, and the guest goes on with what it was asked for.
                guard error.kind == .timedOut,
                    try await follows({ () async throws(LibvirtError) in
                        try await connection.pluggedVCPUs(of: guest) == count
                    })
                else { throw error }
            }
            return
        }
        try await connection.setPluggedVCPUs(count, of: guest)
        // Without an agent the guest's own rules say whether they come online.
        guard (try? await connection.onlineVCPUs(of: guest)) != nil else { return }
        let isUsed = try await follows { () async throws(LibvirtError) in
            if try await connection.onlineVCPUs(of: guest) >= count { return true }
            // Its kernel takes a moment to see them, and the agent refuses until then.
            try? await connection.setOnlineVCPUs(count, of: guest)
            return try await connection.onlineVCPUs(of: guest) >= count
        }
        if !isUsed { try await connection.setOnlineVCPUs(count, of: guest) }
    }

    /// Waits until a guest has done what it was asked for; whether it has.
    private func follows(_ isDone: () async throws(LibvirtError) -> Bool) async throws(LibvirtError) -> Bool {
        for _ in 0..<(Self.patience * 2) {
            if try await isDone() { return true }
            try? await Task.sleep(for: .milliseconds(500))
        }
        return false
    }

    /// Seconds within which a guest has to follow.
    private static let patience = 30

    /// The guest gives pages back, or takes them, one after the other.
    private func waitForBalloon(_ wanted: String, _ guest: String) async throws(TransactionError) {
        var last = ""
        for _ in 0..<(Self.patience * 5) {
            do throws(LibvirtError) { last = String(try await connection.balloon(of: guest)) } catch {
                throw TransactionError(error, guest: guest)
            }
            if last == wanted { return }
            try? await Task.sleep(for: .milliseconds(200))
        }
        throw TransactionError(
            .failed, "the balloon is at \(last) KiB after \(Self.patience) s, not at \(wanted)",
            place: "guest \(guest)", remedy: "It needs a balloon driver (virtio_balloon), and memory it can spare")
    }

    private static func parts(_ name: String) throws(TransactionError) -> (guest: String, parameter: LiveParameter) {
        guard let parts = Resource(.live, name).live else {
            throw TransactionError(.failed, "there is no such value of a running guest", place: name)
        }
        return parts
    }
}
