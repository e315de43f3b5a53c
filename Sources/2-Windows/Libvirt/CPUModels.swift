internal import CLibvirt
internal import Glibc

/// libvirt's arithmetic of CPU models and features; it needs no host of the CPUs' kind.
extension Connection {
    /// The CPU that all of some CPUs can be.
    ///
    /// - Parameters:
    ///   - cpus: `<cpu>` elements, of hosts or guests.
    ///   - expandsFeatures: whether every feature of the model is named.
    ///   - isMigratable: whether features that keep a guest from migrating are left out.
    ///
    /// - Returns: a `<cpu>` for a guest's definition.
    ///
    /// - Throws: why there is none, in libvirt's words.
    /// - Source: virConnectBaselineCPU.
    public func baseline(_ cpus: [String], expandsFeatures: Bool, isMigratable: Bool) throws(LibvirtError) -> String {
        try ask("virConnectBaselineCPU", within: 30) { library, connection in
            var texts: [UnsafePointer<CChar>?] = cpus.map { strdup($0).map { UnsafePointer($0) } }
            defer { for text in texts { free(UnsafeMutablePointer(mutating: text)) } }
            let flags =
                (expandsFeatures ? VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES.rawValue : 0)
                | (isMigratable ? VIR_CONNECT_BASELINE_CPU_MIGRATABLE.rawValue : 0)
            return library.baselineCPU(connection, &texts, UInt32(texts.count), flags).map { .success(Self.taken($0)) }
                ?? .failure(library.failure("virConnectBaselineCPU"))
        }
    }
}
