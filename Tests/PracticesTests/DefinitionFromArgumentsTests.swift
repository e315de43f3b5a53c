import DomainXML
import HostFacts
import Testing

@testable import Practices

/// The draft of a definition that a QEMU command line stands for.
@Suite struct DefinitionFromArgumentsTests {
    func draft(_ line: String, name: String? = nil) throws -> (DefinitionFromArguments, DomainDefinition) {
        let words = line.split(separator: " ").map(String.init)
        let draft = DefinitionFromArguments(QEMUProcess(pid: 42, program: words[0], arguments: words, name: name))
        return (draft, try DomainDefinition(xml: draft.xml))
    }

    @Test func readsWhatPeopleType() throws {
        let (draft, domain) = try draft(
            "/usr/bin/qemu-system-x86_64 -enable-kvm -m 2G -smp 4,sockets=1,cores=2,threads=2 -cpu host -machine q35 -drive file=/a.qcow2,if=virtio,format=qcow2,cache=none,aio=native -cdrom /iso/a.iso -netdev bridge,id=n0,br=br1 -device virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01 -vnc :1 -device foo,bar=1",
            name: "web1")
        #expect(domain.type == "kvm")
        #expect(domain.name == "web1")
        #expect(domain.memory == .init(gibibytes: 2))
        #expect(domain.vcpus == 4)
        #expect(domain.machine == "q35")
        #expect(domain.root.first("cpu")?["mode"] == "host-passthrough")
        #expect(domain.root.first("cpu", "topology")?["cores"] == "2")
        let disks = domain.disks
        #expect(disks.map(\.path) == ["/a.qcow2", "/iso/a.iso"])
        #expect(
            disks.first?.io == "native" && disks.first?.cache == "none" && disks.first?.target == "vda"
                && disks.first?.format == "qcow2")
        #expect(disks.last?.device == "cdrom" && disks.last?.isReadOnly == true)
        #expect(domain.interfaces.map(\.source) == ["br1"])
        #expect(domain.interfaces.map(\.mac) == ["52:54:00:00:00:01"])
        #expect(domain.graphics.map(\.type) == ["vnc"])
        #expect(draft.leftOver == ["-device foo,bar=1"])
    }

    @Test func readsBlockNodes() throws {
        let (_, domain) = try draft(
            "/usr/bin/qemu-system-aarch64 -M virt -m 512 -blockdev driver=file,filename=/dev/vg/a,node-name=f,aio=native,cache.direct=on -blockdev driver=raw,file=f,node-name=d -device virtio-blk-pci,drive=d"
        )
        #expect(domain.type == "qemu")
        #expect(domain.architecture == "aarch64")
        #expect(domain.disks.map(\.path) == ["/dev/vg/a"])
        #expect(
            domain.disks.first?.type == "block" && domain.disks.first?.io == "native"
                && domain.disks.first?.busInForce == "virtio")
    }

    @Test func nothingEscapes() throws {
        let process = QEMUProcess(
            pid: 1, program: "/usr/bin/qemu-system-x86_64",
            arguments: [
                "/usr/bin/qemu-system-x86_64", "-append", "a<b>&'\"\nEOF\nrm -rf /", "-smp", "99999999999999999999",
                "-m", "99999999999999999T",
            ],
            name: "x'/><!--")
        let draft = DefinitionFromArguments(process)
        let domain = try DomainDefinition(xml: draft.xml)
        #expect(domain.name == "x'/><!--")
        #expect(domain.root.first("os", "cmdline")?.text == "a<b>&'\"\nEOF\nrm -rf /")
        #expect(!draft.xml.split(separator: "\n").contains("EOF"))
    }
}
