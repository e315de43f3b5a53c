extension Disk {
    /// The SCSI controller it hangs on: as its address says, else as libvirt numbers them, seven to a controller in order of their targets.
    ///
    /// - Source: libvirt src/conf/domain_conf.c `virDomainDiskDefAssignAddress`.
    public var scsiController: Int {
        if let written = element.first("address")?["controller"].flatMap({ Int($0) }) { return written }
        let letters = target.utf8.dropFirst(2)
        guard !letters.isEmpty, letters.count <= 4 else { return 0 }
        var number = 0
        for letter in letters {
            guard letter >= 0x61, letter <= 0x7A else { return 0 }
            number = number * 26 + Int(letter - 0x61) + 1
        }
        return (number - 1) / 7
    }

    /// The I/O threads that serve it: its own, else for SCSI those of its controller.
    ///
    /// Empty where the main loop does.
    public func servingThreads(in domain: DomainDefinition) -> [Int] {
        let own = iothreads
        guard own.isEmpty, busInForce == "scsi" else { return own }
        let number = scsiController
        return domain.controllers.first { $0.type == "scsi" && ($0.index ?? 0) == number }?.iothreads ?? []
    }

    /// Whether it is a file, a block device or a volume of a pool, which the host's kernel reads for QEMU, and no empty drive.
    public var isOnHost: Bool {
        switch type {
        case "file", "block": path != nil
        case "volume": source?["volume"] != nil
        default: false
        }
    }

    /// Whether it passes the host's page cache by: cache `none` or `directsync`.
    public var isDirect: Bool { cache == "none" || cache == "directsync" }
}
