import DomainXML
import Inventory
import Testing

/// What guests take of `fs.aio-max-nr`, held against what QEMU 7.2 was seen to take (`fs.aio-nr` before and after its start).
@Suite struct AIODemandTests {
    func contexts(_ devices: String, type: String = "kvm") throws -> Int {
        try AIODemand(
            of: DomainDefinition(xml: "<domain type='\(type)'><name>g</name><devices>\(devices)</devices></domain>")
        ).contexts
    }
    func disk(
        _ driver: String, target: String = "vda", type: String = "file", source: String = "<source file='/a'/>",
        more: String = ""
    ) -> String {
        "<disk type='\(type)' device='disk'><driver name='qemu' type='raw' \(driver)\(driver.hasSuffix(">") ? "" : "/>")\(source)<target dev='\(target)'/>\(more)</disk>"
    }

    @Test func countsEventLoopsNotDisks() throws {
        let native = "cache='none' io='native'"
        #expect(try contexts(disk(native)) == 1)
        #expect(try contexts(disk(native) + disk(native, target: "vdb")) == 1)
        #expect(try contexts(disk(native + " iothread='1'")) == 2)
        #expect(try contexts(disk(native + " iothread='1'") + disk(native + " iothread='1'", target: "vdb")) == 2)
        #expect(try contexts(disk(native + " iothread='1'") + disk(native + " iothread='2'", target: "vdb")) == 3)
        #expect(
            try contexts(
                disk(native + "><iothreads><iothread id='1'/><iothread id='2'/><iothread id='3'/></iothreads></driver>")
            ) == 4)
    }

    @Test func countsOnlyWhatTheKernelReadsNatively() throws {
        let native = "cache='none' io='native'"
        #expect(try contexts(disk("io='io_uring'")) == 0)
        #expect(try contexts(disk("io='threads' iothread='1'")) == 0)
        #expect(try contexts(disk("")) == 0)
        #expect(try contexts(disk(native, type: "network", source: "<source protocol='rbd' name='p/i'/>")) == 0)
        #expect(
            try contexts(disk(native, type: "nvme", source: "<source type='pci' managed='yes' namespace='1'/>")) == 0)
        #expect(try contexts(disk(native, source: "")) == 0)
        #expect(try contexts(disk(native, type: "block", source: "<source dev='/dev/sdb'/>")) == 1)
        #expect(try contexts(disk(native, type: "volume", source: "<source pool='p' volume='v'/>")) == 1)
        #expect(try contexts(disk(native), type: "xen") == 0)
    }

    @Test func findsTheThreadsOfSCSIControllers() throws {
        let native = "cache='none' io='native'"
        let controllers =
            "<controller type='scsi' index='0' model='virtio-scsi'><driver iothread='1'/></controller><controller type='scsi' index='1' model='virtio-scsi'><driver iothread='2'/></controller>"
        #expect(try contexts(controllers + disk(native, target: "sda")) == 2)
        // The eighth disk without an address goes to the second controller.
        #expect(try contexts(controllers + disk(native, target: "sda") + disk(native, target: "sdh")) == 3)
        let address = "<address type='drive' controller='1' bus='0' target='0' unit='0'/>"
        #expect(
            try contexts(
                controllers + disk(native, target: "sda", more: address) + disk(native, target: "sdb", more: address))
                == 2)
        // A hostile name is no trap.
        #expect(try contexts(controllers + disk(native, target: "sd" + String(repeating: "z", count: 500))) == 2)
    }

    @Test func sizeOfAContextFollowsQEMU() throws {
        #expect(AIODemand.eventsPerContext(qemu: nil) == 1024)
        #expect(AIODemand.eventsPerContext(qemu: SoftwareVersion(8, 2, 2)) == 1024)
        #expect(AIODemand.eventsPerContext(qemu: SoftwareVersion(2, 11)) == 128)
        let guests = (0..<60).map { Guest.native("g\($0)") }
        #expect(AIODemand.events(of: guests) == 61_440)
        #expect(AIODemand.events(of: guests, qemu: SoftwareVersion(2, 11)) == 7_680)
    }
}

extension Guest {
    /// A guest with one native disk.
    fileprivate static func native(_ name: String) -> Guest {
        let xml =
            "<domain type='kvm'><name>\(name)</name><devices><disk type='block'><driver io='native' cache='none'/><source dev='/dev/vg/\(name)'/><target dev='vda'/></disk></devices></domain>"
        return Guest(name: name, origin: .example, persistent: try? DomainDefinition(xml: xml))
    }
}
