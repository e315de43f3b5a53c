internal import CLibvirt

/// What is asked of, and done to, a domain that runs.
extension Connection {
    /// Calls with a domain found by its name.
    ///
    /// - Throws: `noDomain` where there is none of the name.
    func ask<Value: Sendable>(
        _ function: String, _ name: String, within limit: Double? = nil,
        _ call: @escaping @Sendable (Library, virDomainPtr) -> Result<Value, LibvirtError>
    ) throws(LibvirtError) -> Value {
        try ask(function, within: limit) { library, connection in
            guard let domain = library.lookupByName(connection, name) else {
                return .failure(library.failure("virDomainLookupByName"))
            }
            defer { _ = library.domainFree(domain) }
            return call(library, domain)
        }
    }

    func act(
        _ function: String, _ name: String, within limit: Double? = nil,
        _ call: @escaping @Sendable (Library, virDomainPtr) -> Int32
    ) throws(LibvirtError) {
        try ask(function, name, within: limit) { library, domain -> Result<Void, LibvirtError> in
            call(library, domain) < 0 ? .failure(library.failure(function)) : .success(())
        }
    }

    /// Asks a guest to shut down in order, by its agent or ACPI as libvirt sees fit; returns before it has.
    ///
    /// - Source: virDomainShutdownFlags.
    public func shutDown(_ name: String) throws(LibvirtError) {
        try act("virDomainShutdownFlags", name) { $0.shutdown($1, 0) }
    }

    /// Starts a defined domain.
    ///
    /// - Throws: what keeps it from starting, in libvirt's words.
    /// - Source: virDomainCreateWithFlags.
    public func start(_ name: String) throws(LibvirtError) {
        // Memory of many GiB may have to be allocated before QEMU answers.
        try act("virDomainCreateWithFlags", name, within: 120) { $0.create($1, 0) }
    }

    /// Cuts a guest's power; its disks' caches are written out if QEMU ends in time.
    ///
    /// - Source: virDomainDestroyFlags.
    public func destroy(_ name: String) throws(LibvirtError) {
        try act("virDomainDestroyFlags", name, within: 60) {
            $0.destroy($1, VIR_DOMAIN_DESTROY_GRACEFUL.rawValue)
        }
    }

    /// How many vCPUs are online inside a running guest, as its agent tells.
    ///
    /// - Source: virDomainGetVcpusFlags.
    public func onlineVCPUs(of name: String) throws(LibvirtError) -> Int {
        try ask("virDomainGetVcpusFlags", name) { library, domain in
            let count = library.vcpuCount(domain, Self.insideFlags)
            return count < 0 ? .failure(library.failure("virDomainGetVcpusFlags")) : .success(Int(count))
        }
    }

    /// Has a running guest's agent take vCPUs online or offline.
    ///
    /// - Source: virDomainSetVcpusFlags.
    public func setOnlineVCPUs(_ count: UInt32, of name: String) throws(LibvirtError) {
        try act("virDomainSetVcpusFlags", name) { $0.setVCPUs($1, count, Self.insideFlags) }
    }

    private static let insideFlags = VIR_DOMAIN_AFFECT_LIVE.rawValue | VIR_DOMAIN_VCPU_GUEST.rawValue

    /// The host nodes that a running domain's memory is bound to, as libvirt writes sets; empty where it is bound to none.
    ///
    /// - Source: virDomainGetNumaParameters.
    public func memoryNodes(of name: String) throws(LibvirtError) -> String {
        try ask("virDomainGetNumaParameters", name) { library, domain in
            var count: Int32 = 0
            let flags = VIR_DOMAIN_AFFECT_LIVE.rawValue
            guard library.numaParameters(domain, nil, &count, flags) == 0 else {
                return .failure(library.failure("virDomainGetNumaParameters"))
            }
            var parameters = [virTypedParameter](repeating: virTypedParameter(), count: Int(max(0, count)))
            guard library.numaParameters(domain, &parameters, &count, flags) == 0 else {
                return .failure(library.failure("virDomainGetNumaParameters"))
            }
            defer { library.clearParameters(&parameters, count) }
            for parameter in parameters.prefix(Int(count))
            where UInt32(parameter.type) == VIR_TYPED_PARAM_STRING.rawValue {
                let field = withUnsafeBytes(of: parameter.field) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if field == VIR_DOMAIN_NUMA_NODESET {
                    return .success(parameter.value.s.map { String(cString: $0) } ?? "")
                }
            }
            return .failure(
                LibvirtError(.unsupported, "virDomainGetNumaParameters", "the driver does not tell the nodes"))
        }
    }

    /// Binds a running domain's memory to other host nodes; what lies elsewhere is moved.
    ///
    /// - Source: virDomainSetNumaParameters.
    public func setMemoryNodes(_ nodes: String, of name: String) throws(LibvirtError) {
        // Gigabytes may have to be moved.
        try act("virDomainSetNumaParameters", name, within: 600) { library, domain in
            var parameters: virTypedParameterPtr?
            var count: Int32 = 0
            var room: Int32 = 0
            defer { library.freeParameters(parameters, count) }
            guard library.addText(&parameters, &count, &room, VIR_DOMAIN_NUMA_NODESET, nodes) == 0 else { return -1 }
            return library.setNUMAParameters(domain, parameters, count, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }
}
