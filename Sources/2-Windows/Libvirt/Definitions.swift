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
