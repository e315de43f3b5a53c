extension DomainDefinition {
    /// Ids of the I/O threads the guest has: those of `<iothreadids>`, and as many more as `<iothreads>` counts, with the lowest free numbers.
    ///
    /// - Source: libvirt docs/formatdomain.rst "IOThreads Allocation"; src/conf/domain_conf.c `virDomainIOThreadIDDefArrayInit`.
    public var ioThreadIDs: Set<Int> {
        var ids = Set(root.first("iothreadids")?.all("iothread").compactMap { $0["id"].flatMap { Int($0) } } ?? [])
        // More than any host runs; a hostile count ends here.
        let count = min(root.first("iothreads").flatMap { Int($0.text) } ?? 0, 65_536)
        var next = 1
        while ids.count < count {
            ids.insert(next)
            next += 1
        }
        return ids
    }
}
