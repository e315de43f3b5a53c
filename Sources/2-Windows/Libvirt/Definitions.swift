internal import CLibvirt

extension Connection {
    /// A domain's persistent definition as libvirt keeps it.
    ///
    /// - Parameters:
    ///   - name: the domain's name.
    ///   - withSecrets: with passwords of displays and the like; libvirt gives them only to a connection that may write.
    ///
    /// - Returns: the definition's XML.
    ///
    /// - Throws: `noDomain` where there is none of the name, or it has no persistent definition.
    /// - Source: virDomainGetXMLDesc.
    public func definition(of name: String, withSecrets: Bool) throws(LibvirtError) -> String {
        try ask("virDomainGetXMLDesc") { library, connection in
            guard let domain = library.lookupByName(connection, name) else {
                return .failure(library.failure("virDomainLookupByName"))
            }
            defer { _ = library.domainFree(domain) }
            let flags = VIR_DOMAIN_XML_INACTIVE.rawValue | (withSecrets ? VIR_DOMAIN_XML_SECURE.rawValue : 0)
            return library.domainXML(domain, flags).map { .success(Self.taken($0)) }
                ?? .failure(library.failure("virDomainGetXMLDesc"))
        }
    }

    /// Defines a domain, or defines it anew; libvirt checks the definition and stores it in its own form.
    ///
    /// - Parameter xml: the whole definition; with the UUID of a domain that exists, it replaces that one's.
    ///
    /// - Returns: the name of the domain defined.
    ///
    /// - Throws: what libvirt finds wrong with it.
    /// - Source: virDomainDefineXMLFlags.
    public func define(_ xml: String) throws(LibvirtError) -> String {
        try ask("virDomainDefineXMLFlags") { library, connection in
            // Drivers without schemas of their own refuse the flag, and check what they understand.
            guard let domain = library.defineXML(connection, xml, 0) else {
                return .failure(library.failure("virDomainDefineXMLFlags"))
            }
            defer { _ = library.domainFree(domain) }
            return .success(library.domainName(domain).map { String(cString: $0) } ?? "")
        }
    }

    /// Takes a domain's definition away and nothing else: its firmware's variables and its TPM's state stay.
    ///
    /// libvirt refuses where a saved state, snapshots or checkpoints would be lost with it.
    ///
    /// - Throws: `noDomain` where there is none of the name; `failed` where it runs, which would then go on without a definition.
    /// - Source: virDomainUndefineFlags.
    public func undefine(_ name: String) throws(LibvirtError) {
        try ask("virDomainUndefineFlags") { library, connection -> Result<Void, LibvirtError> in
            guard let domain = library.lookupByName(connection, name) else {
                return .failure(library.failure("virDomainLookupByName"))
            }
            defer { _ = library.domainFree(domain) }
            switch library.domainIsActive(domain) {
            case 0: break
            case 1: return .failure(LibvirtError(.failed, "virDomainUndefineFlags", "it runs", remedy: "Shut it down"))
            default: return .failure(library.failure("virDomainIsActive"))
            }
            guard let text = library.domainXML(domain, VIR_DOMAIN_XML_INACTIVE.rawValue).map({ Self.taken($0) }) else {
                return .failure(library.failure("virDomainGetXMLDesc"))
            }
            // A driver refuses flags on what it does not know: they are for what the domain has.
            var flags: UInt32 = 0
            if text.contains("<nvram") { flags |= VIR_DOMAIN_UNDEFINE_KEEP_NVRAM.rawValue }
            if text.contains("<tpm") { flags |= Self.keepTPM }
            return library.undefine(domain, flags) == 0
                ? .success(()) : .failure(library.failure("virDomainUndefineFlags"))
        }
    }

    /// `VIR_DOMAIN_UNDEFINE_KEEP_TPM`, which headers before libvirt 8.9 do not have.
    private static let keepTPM: UInt32 = 1 << 6

    /// Whether libvirt knows a domain of the name, running or not.
    public func knows(_ name: String) throws(LibvirtError) -> Bool {
        do throws(LibvirtError) {
            return try ask("virDomainLookupByName") { library, connection in
                guard let domain = library.lookupByName(connection, name) else {
                    return .failure(library.failure("virDomainLookupByName"))
                }
                _ = library.domainFree(domain)
                return .success(true)
            }
        } catch {
            if error.kind == .noDomain { return false }
            throw error
        }
    }

    /// Whether a domain runs; one that libvirt does not know does not.
    public func isActive(_ name: String) throws(LibvirtError) -> Bool {
        do throws(LibvirtError) {
            return try ask("virDomainIsActive") { library, connection in
                guard let domain = library.lookupByName(connection, name) else {
                    return .failure(library.failure("virDomainLookupByName"))
                }
                defer { _ = library.domainFree(domain) }
                let answer = library.domainIsActive(domain)
                return answer < 0 ? .failure(library.failure("virDomainIsActive")) : .success(answer == 1)
            }
        } catch {
            if error.kind == .noDomain { return false }
            throw error
        }
    }
}
