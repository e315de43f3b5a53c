import Foundation
import HostFacts
import Quantities
import Testing

/// Files that no kernel and no administrator ever wrote: the parsers read any bytes, soon, without a trap.
@Suite struct HostileTests {
    /// Real lines of each format, to be cut and changed.
    static let seeds: [String] = [
        "MemTotal:       24683656 kB\nHugePages_Total:       4\nHugepagesize:       2048 kB\n",
        "Node 0 MemTotal:       16747124 kB\nNode 0 MemFree: 99999999999999999999 kB\n",
        "10 21 31\n", "always [madvise] never\n", "[mq-deadline] kyber bfq none\n", "0-3,8,10-31:2/8\n",
        "00000000,0000ffff\n",
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/my\\040swap partition 8388604 76 -2\n",
        "29 1 8:2 / /mnt\\040x rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=continue\n31 23 0:28 / /sys rw - tmpfs  rw\n",
        "server:/images /var/lib/libvirt/images nfs4 rw,hard,rsize=1048576 0 0\n# comment\n",
        "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\nmicrocode\t: 0x1\nflags\t\t: fpu lm vmx\n\n",
        "vm.swappiness = 10\n-net.ipv4.conf.*.rp_filter=1\nkernel/domainname=foo.bar\n-vm.x\n; no\n",
        "w! /sys/kernel/mm/ksm/run - - - - 1\\n\nw+ \"/sys/a b\" 0644 - - - x y\nd /run/x 0755 root root -\n",
        "GRUB_CMDLINE_LINUX=\"quiet ${A} \\\n$B\"\nexport A='x y'\nA+=z\nGRUB_DISTRIBUTOR=`lsb_release`\n",
        "if [ \"${next_entry}\" ] ; then\n set default=\"${next_entry}\"\nelse\n set default=\"0\"\nfi\nsubmenu 'a' --id 'b' {\nmenuentry \"c\" {\n linux /vmlinuz root=/dev/sda \\\n quiet\n}\n}\n",
        "title SLES\n kernel (hd0,1)/vmlinuz root=/dev/sda2 quiet\ndefault 1\n",
        "title Fedora\nversion 6.1.2\noptions root=UUID=1 $kernelopts\n",
        "[defaultboot]\ndefault=linux\n[linux]\nparameters=\"root=/dev/dasda1\"\nparmfile=/etc/parm\n",
        "rpc 1218785755 374636 1218815394\nth 8 0 0.000\nnet 972 55 917 1\n", "machine-qemu\\x2d4\\x2dweb1.scope",
        "/usr/bin/qemu-system-x86_64\0-name\0guest=a,,b,debug-threads=on\0-uuid\0x\0",
        "7f00 bind:0 anon=512 dirty=512 N0=256 N1=256 kernelpagesize_kB=4\n",
        "spice_listen = \"::1\" # x\ncgroup_device_acl = [\n \"/dev/null\",\n]\n",
        "[main]\ninclude=a,b\n[sysctl]\nvm.swappiness=>30\n[disk]\nelevator=none\n",
        "  |-- 192.0.2.2\n   /32 host LOCAL\n",
        "\u{7}\0\0\0a\0b\0\0\0", "ID=\"sles\"\nVERSION_ID='15.6'\nPRETTY_NAME=\"SLES\"\n",
        "Linux version 6.4.0-default (x@y)\n",
    ]

    @Test(arguments: HostFacts.parsers.map(\.name)) func cutAndChanged(_ name: String) throws {
        let parser = try #require(HostFacts.parsers.first { $0.name == name })
        var random = SystemRandomNumberGenerator()
        for seed in Self.seeds {
            let bytes = Array(seed.utf8)
            for length in 0...bytes.count { parser.run(Array(bytes.prefix(length))) }
            for _ in 0..<100 {
                var changed = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<changed.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: changed[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: changed.insert(contentsOf: changed[place...].prefix(8), at: place)
                    default: changed.removeSubrange(place..<min(changed.count, place + 3))
                    }
                    if changed.isEmpty { changed = [0] }
                }
                parser.run(changed)
            }
        }
    }

    /// A lot of what makes a careless parser slow: time that grows with the square would show.
    @Test(arguments: [
        "0-65535,", "{ ", "menuentry x {\n", "if [ x ]; then\n", "A=$A$A$A$A$A$A$A$A\n", "set a=$a$a$a$a\n", "a,",
        "options x\n", "[\n", "x = [\n", "vm.swappiness=1\n",
        "*a*a=1\n", "linux /x $a$a$a\n", "\\", "'", "\"", "N0=1 ", "w /a - - - - 1\n", "|-- 1.2.3.4\n/32 host LOCAL\n",
        "1 1 1:1 / / ", "\n", "}\n", "title\nkernel a b\n",
    ]) func long(_ piece: String) {
        let bytes = Array(String(repeating: piece, count: 96 * 1024 / piece.utf8.count).utf8)
        for parser in HostFacts.parsers {
            let start = ContinuousClock.now
            parser.run(bytes)
            #expect(ContinuousClock.now - start < .seconds(20), "\(parser.name)")
        }
    }

    @Test func extremes() {
        #expect(HostFacts.parseMeminfo(Array("MemTotal: 18446744073709551615 kB\n".utf8))?["MemTotal"] == .max)
        #expect(HostFacts.parseMeminfo(Array("MemTotal: 18446744073709551616 kB\n".utf8)) == nil)
        #expect(
            HostFacts.parseNUMAMaps(
                Array("x N0=18446744073709551615 kernelpagesize_kB=18446744073709551615".utf8), pageSize: nil)?[0]
                == ByteCount(bytes: .max))
        #expect(HostFacts.parseDistances(Array("10 99999999999999999999".utf8)) == nil)
        #expect(CPUInfo.size(Array("18446744073709551615G".utf8)) == nil)
        #expect(CPUSet(list: "0-4294967295") == nil)
    }
}
