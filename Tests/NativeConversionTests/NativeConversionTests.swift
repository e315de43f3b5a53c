import DomainXML
import Foundation
import Quantities
import Testing
import ToolRunning

@testable import NativeConversion

/// Definitions out of command lines.
@Suite struct NativeConversionTests {
    private func convert(_ text: String, passesThrough: Bool = false) throws -> (
        DomainDefinition, [NativeConversion.LeftOver]
    ) {
        let conversion = try NativeConversion(ShellWords.split(text), folder: "/home/u", passesThrough: passesThrough)
        return (try DomainDefinition(xml: conversion.definition.description, path: "x"), conversion.leftOver)
    }

    /// As people start guests by hand.
    @Test func aTypicalOne() throws {
        let (domain, left) = try convert(
            """
            sudo qemu-system-x86_64 -enable-kvm -name web,process=web -machine q35,smm=on,kernel_irqchip=split \\
              -cpu host,+invtsc,-vmx,hv_relaxed,hv-time,kvm=off -smp 4,sockets=1,cores=2,threads=2 -m 4G,slots=2,maxmem=8G \\
              -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd -drive if=pflash,format=raw,file=/srv/vars.fd \\
              -drive file=disk.qcow2,if=virtio,format=qcow2,cache=none,aio=native,discard=unmap -cdrom /srv/install.iso \\
              -netdev tap,id=n0,ifname=tap0,br=br1,vhost=on -device virtio-net-pci,netdev=n0,mac=52:54:00:12:34:56 \\
              -device vfio-pci,host=01:00.0 -vnc 127.0.0.1:1 -vga virtio -boot order=dc,menu=on -rtc base=localtime \\
              -device virtio-rng-pci -device virtio-balloon-pci -serial stdio -monitor none -daemonize
            """)
        #expect(domain.type == "kvm" && domain.name == "web" && domain.machine == "q35")
        #expect(
            domain.memory == ByteCount(gibibytes: 4) && domain.maxMemory == ByteCount(gibibytes: 8)
                && domain.memorySlots == 2)
        #expect(domain.vcpus == 4)
        let cpu = try #require(domain.root.first("cpu"))
        #expect(cpu["mode"] == "host-passthrough" && cpu.first("topology")?["cores"] == "2")
        #expect(
            cpu.all("feature").map { "\($0["policy"] ?? "")=\($0["name"] ?? "")" } == ["require=invtsc", "disable=vmx"])
        #expect(domain.root.first("features", "hyperv", "relaxed")?["state"] == "on")
        #expect(domain.root.first("features", "kvm", "hidden")?["state"] == "on")
        #expect(domain.root.first("features", "smm")?["state"] == "on")
        #expect(domain.root.first("os", "loader")?.text == "/usr/share/OVMF/OVMF_CODE.fd")
        #expect(domain.root.first("os", "nvram")?.text == "/srv/vars.fd")
        #expect(domain.root.first("os")?.all("boot").map { $0["dev"] ?? "" } == ["cdrom", "hd"])
        let disks = domain.disks
        #expect(disks.map(\.path) == ["/home/u/disk.qcow2", "/srv/install.iso"])
        #expect(
            disks[0].bus == "virtio" && disks[0].format == "qcow2" && disks[0].cache == "none"
                && disks[0].io == "native")
        #expect(disks[1].device == "cdrom" && disks[1].bus == "sata")
        let nic = try #require(domain.devices("interface").first)
        #expect(nic.first("source")?["bridge"] == "br1" && nic.first("mac")?["address"] == "52:54:00:12:34:56")
        #expect(domain.devices("hostdev").first?.first("source", "address")?["bus"] == "0x01")
        #expect(domain.devices("graphics").first?["port"] == "5901")
        #expect(domain.devices("video").first?.first("model")?["type"] == "virtio")
        #expect(domain.root.first("clock")?["offset"] == "localtime")
        #expect(left.map(\.reason) == [.libvirtDoes, .libvirtDoes, .libvirtDoes], "\(left)")
    }

    @Test func nodesLieOnOneAnother() throws {
        let (domain, left) = try convert(
            #"qemu-system-x86_64 -object iothread,id=io1 -blockdev '{"driver":"file","filename":"/a.img","node-name":"f","cache":{"direct":true}}' "#
                + #"-blockdev driver=qcow2,file=f,node-name=q,read-only=on -device virtio-blk-pci,drive=q,bootindex=1,iothread=io1,serial=x,num-queues=4 "#
                + #"-blockdev driver=raw,file.driver=nbd,file.server.type=inet,file.server.host=h,file.server.port=1,node-name=n -device virtio-scsi-pci,id=s1 -device scsi-hd,bus=s1.0,lun=2,drive=n"#
        )
        let disks = domain.disks
        #expect(left.isEmpty, "\(left)")
        #expect(disks.count == 2)
        #expect(
            disks[0].format == "qcow2" && disks[0].path == "/a.img" && disks[0].cache == "none" && disks[0].isReadOnly)
        #expect(disks[0].bootOrder == 1 && disks[0].iothread == 1 && disks[0].serial == "x" && disks[0].queues == 4)
        #expect(disks[1].type == "network" && disks[1].source?.first("host")?["name"] == "h")
        #expect(disks[1].element.first("address")?["unit"] == "2")
        #expect(domain.root.first("iothreads")?.text == "1")
    }

    @Test func whatIsLostIsTold() throws {
        let line =
            "qemu-system-x86_64 -cpu qemu64,family=6 -device edu -frobnicate a=b -drive file=a.raw,if=virtio,copy_mode=x -object input-linux,id=i"
        let (_, left) = try convert(line)
        #expect(
            left.map(\.words) == [
                "-cpu …,family=6", "-frobnicate a=b", "-drive …,copy_mode=x", "-object input-linux,id=i", "-device edu",
            ])
        let (passed, still) = try convert(line, passesThrough: true)
        // Parts of options that were taken cannot be handed over.
        #expect(still.map(\.words) == ["-cpu …,family=6", "-drive …,copy_mode=x"])
        let commandline = passed.root.children.first { $0.name == "commandline" }
        #expect(
            commandline?.children.map { $0["value"] ?? "" } == [
                "-frobnicate", "a=b", "-object", "input-linux,id=i", "-device", "edu",
            ])
    }

    @Test func partsHaveTheirPlaces() throws {
        let (domain, left) = try convert(
            "qemu-system-x86_64 -machine q35,dump-guest-core=off -hda /a.img -drive file=/b.img,if=none,id=b -drive file=/c.img,if=none,id=c "
                + "-device pcie-root-port,id=rp1 -device virtio-blk-pci,drive=b,bootindex=1,share-rw=on,logical_block_size=4096 "
                + "-device virtio-blk-pci,drive=c,bootindex=0 -netdev user,id=n -device e1000e,netdev=n,bus=rp1,romfile=,host_mtu=9000"
        )
        #expect(left.isEmpty, "\(left)")
        #expect(domain.disks.map(\.bus) == ["sata", "virtio", "virtio"])
        #expect(domain.disks.map(\.bootOrder) == [nil, 2, 1])
        #expect(
            domain.disks[1].isShareable && domain.disks[1].element.first("blockio")?["logical_block_size"] == "4096")
        let nic = try #require(domain.devices("interface").first)
        #expect(nic.first("address")?["bus"] == "0x1")
        #expect(nic.first("rom")?["enabled"] == "no" && nic.first("mtu")?["size"] == "9000")
        #expect(domain.root.first("memory")?["dumpCore"] == "off")
    }

    @Test func secretsAreNotRepeated() throws {
        let (_, left) = try convert("qemu-system-x86_64 -object secret,id=s0,data=hunter2 -m")
        #expect(left.map(\.words) == ["-object secret,id=s0,…", "-m"])
    }

    private static func problem(_ words: [String]) -> String {
        do throws(NativeConversion.Problem) {
            _ = try NativeConversion(words, folder: "/")
            return ""
        } catch { return error.description }
    }

    @Test func wrongWordsAreOneError() throws {
        for (words, what) in [
            ([], "no program"), (["-m", "1"], "no program"), (["/bin/ls"], "is no QEMU"),
            (["qemu-system-x86_64", "-name", "a/b"], "none libvirt takes"),
            (["qemu-system-x86_64", "-name", "a\nb"], "none libvirt takes"),
            (["qemu-system-x86_64", "-name", "a\u{1}b"], "none libvirt takes"),
            ([String(repeating: "x", count: 10_000)], "is no QEMU"),
        ] as [([String], String)] {
            let error = Self.problem(words)
            #expect(error.contains(what) && error.count < 300, "\(error)")
        }
    }

    /// Whatever stands in it, nothing traps, and what comes out is XML.
    @Test func anyWordsEnd() throws {
        let words = [
            "-m", "-smp", "-cpu", "-drive", "-device", "-blockdev", "-netdev", "-object", "-machine", "-boot", "-vnc",
            "-spice", "-serial", "-chardev",
            "-numa", "-name", "-smbios", "-rtc", "-virtfs", "-nic", "-global", "-nographic", "-enable-kvm", "-tpmdev",
            "-accel",
            "18446744073709551615", "99999999999999999999", "0", "-1", "4G,slots=99999999999999999999,maxmem=9E",
            "cpus=0,maxcpus=0", "maxcpus=65536,cores=65535,threads=65535",
            "{\"driver\":", "{\"driver\":\"file\",\"filename\":1e99}", "{}", "[[[[",
            "node,nodeid=18446744073709551615,mem=18446744073709551615G",
            "virtio-blk-pci,drive=a,bootindex=99999999999999999999,addr=0x99.9,wwn=99999999999999999999",
            "vfio-pci,host=::::", "vfio-pci,host=1:2",
            "pcie-root-port,id=a,addr=1f.7", "unix:", ":18446744073709551615", "tcp:", "tcp::", ",,,,,,", "=,=,=",
            "\u{0}", "💥", "memory-backend-ram,id=a,size=99999999999999999999P",
            "file=rbd:,if=none,id=a", "file=http://,if=virtio", "if=pflash", "user", "tap",
            "VGA,vgamem_mb=18446744073709551615", "usb-host,hostdevice=/", "type=1,x=y",
        ]
        var state: UInt64 = 88_172_645_463_325_252
        func next(_ count: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(count))
        }
        for _ in 0..<3000 {
            let line = ["qemu-system-x86_64"] + (0..<next(12)).map { _ in words[next(words.count)] }
            guard let text = try? NativeConversion(line, folder: "/").definition.description else { continue }
            #expect((try? DomainDefinition(xml: text, path: "x")) != nil, "\(line)")
        }
        let deep = String(repeating: "{\"a\":", count: 5000) + "1" + String(repeating: "}", count: 5000)
        let result = try NativeConversion(["qemu-system-x86_64", "-blockdev", deep], folder: "/")
        #expect(result.leftOver.map(\.reason) == [.malformed])
    }

    /// Command lines that libvirt made, beside the definitions it made them of.
    @Test(.enabled(if: Corpora.folder != nil, "the corpora are not here")) func libvirtsOwnComeBack() throws {
        let folder = try #require(Corpora.folder) + "/domains/libvirt-qemu"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            $0.hasSuffix(".x86_64-latest.args")
        }.sorted()
        #expect(files.count > 200)
        var compared = 0
        for file in files {
            let text = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
            let conversion = try NativeConversion(ShellWords.split(text), folder: "/")
            let made = try DomainDefinition(xml: conversion.definition.description, path: file)
            let path = "\(folder)/\(file.dropLast(".x86_64-latest.args".count)).xml"
            guard let xml = try? String(contentsOfFile: path, encoding: .utf8) else { continue }
            let original = try DomainDefinition(xml: xml, path: path)
            compared += 1
            #expect(made.name == original.name, "\(file)")
            #expect(made.uuid == original.uuid?.lowercased(), "\(file)")
            #expect(made.type == original.type, "\(file)")
            #expect(made.vcpus == original.vcpus && made.currentVCPUs == original.currentVCPUs, "\(file)")
            let paths = { (domain: DomainDefinition) in
                Set(domain.disks.filter { $0.element.first("source", "slices") == nil }.compactMap(\.path))
            }
            #expect(
                paths(made).isSubset(of: paths(original)) || conversion.leftOver.count > 0
                    || original.disks.contains { $0.path?.contains("%") == true || $0.type == "vhostuser" }, "\(file)")
            let count = { (domain: DomainDefinition, name: String) in domain.devices(name).count }
            #expect(
                count(made, "interface") == count(original, "interface") || !conversion.leftOver.isEmpty
                    || original.devices.contains { $0["type"] == "hostdev" || $0.first("teaming") != nil }, "\(file)")
        }
        #expect(compared > 150)
    }
}
