internal import CLibvirt

/// Limits of a running domain's memory, by libvirt's names (`hard_limit`, `soft_limit`, `swap_hard_limit`).
extension Connection {
    /// KiB from which libvirt means that there is no limit.
    private static var unlimited: UInt64 { UInt64(VIR_DOMAIN_MEMORY_PARAM_UNLIMITED) }

    /// A limit in KiB; `nil` where there is none.
    ///
    /// - Source: virDomainGetMemoryParameters.
    public func memoryLimit(_ limit: String, of name: String) throws(LibvirtError) -> UInt64? {
        try ask("virDomainGetMemoryParameters", name) { library, domain in
            var count: Int32 = 0
            let flags = VIR_DOMAIN_AFFECT_LIVE.rawValue
            guard library.memoryParameters(domain, nil, &count, flags) == 0 else {
                return .failure(library.failure("virDomainGetMemoryParameters"))
            }
            var parameters = [virTypedParameter](repeating: virTypedParameter(), count: Int(max(0, count)))
            guard library.memoryParameters(domain, &parameters, &count, flags) == 0 else {
                return .failure(library.failure("virDomainGetMemoryParameters"))
            }
            defer { library.clearParameters(&parameters, count) }
            for parameter in parameters.prefix(Int(count))
            where UInt32(parameter.type) == VIR_TYPED_PARAM_ULLONG.rawValue {
                let field = withUnsafeBytes(of: parameter.field) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if field == limit { return .success(parameter.value.ul < Self.unlimited ? parameter.value.ul : nil) }
            }
            return .failure(
                LibvirtError(.unsupported, "virDomainGetMemoryParameters", "the driver does not tell \(limit)"))
        }
    }

    /// Sets a limit in KiB, or takes it away.
    ///
    /// - Source: virDomainSetMemoryParameters.
    public func setMemoryLimit(_ limit: String, to kibibytes: UInt64?, of name: String) throws(LibvirtError) {
        try act("virDomainSetMemoryParameters", name) { library, domain in
            var parameters: virTypedParameterPtr?
            var count: Int32 = 0
            var room: Int32 = 0
            defer { library.freeParameters(parameters, count) }
            guard library.addNumber(&parameters, &count, &room, limit, kibibytes ?? Self.unlimited) == 0 else {
                return -1
            }
            return library.setMemoryParameters(domain, parameters, count, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }
}
