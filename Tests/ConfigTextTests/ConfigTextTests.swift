import Testing

@testable import ConfigText

/// One setting changes; comments, order and everything else stay.
@Suite struct ConfigTextTests {
    @Test(
        arguments: [
            ("/etc/sysctl.d/90-nearmetal.conf", "vm.swappiness", "35", nil, "vm.swappiness = 35\n"),
            (
                "/etc/sysctl.d/99-own.conf", "vm.swappiness", "35", "# mine\nvm.swappiness=60 \nfs.aio-max-nr = 1\n",
                "# mine\nvm.swappiness=35 \nfs.aio-max-nr = 1\n"
            ),
            (
                "/etc/tmpfiles.d/90-nearmetal.conf", "w /sys/kernel/mm/ksm/run", "1", nil,
                "w /sys/kernel/mm/ksm/run - - - - 1\n"
            ),
            (
                "/etc/tmpfiles.d/x.conf", "w /sys/a", "2",
                "# c\nd /run/x 0755 root root -\nw /sys/a - - - - 1\nw /sys/b - - - - 1\n",
                "# c\nd /run/x 0755 root root -\nw /sys/a - - - - 2\nw /sys/b - - - - 1\n"
            ),
            (
                "/etc/fstab", "/mnt/images options", "hard,vers=4.2",
                "# <file system>\nserver:/images\t/mnt/images nfs soft,rsize=8192,vers=4.2 0 0\nUUID=1 / ext4 defaults 0 1\n",
                "# <file system>\nserver:/images\t/mnt/images nfs hard,vers=4.2 0 0\nUUID=1 / ext4 defaults 0 1\n"
            ),
            (
                "/etc/sysconfig/nfs", "USE_KERNEL_NFSD_NUMBER", "16",
                "## Type: integer\nUSE_KERNEL_NFSD_NUMBER=\"4\"\nMOUNTD_PORT=\"\"\n",
                "## Type: integer\nUSE_KERNEL_NFSD_NUMBER=\"16\"\nMOUNTD_PORT=\"\"\n"
            ),
            ("/etc/nfs.conf.d/90-nearmetal.conf", "[nfsd] threads", "16", nil, "[nfsd]\nthreads = 16\n"),
            (
                "/etc/nfs.conf", "[nfsd] threads", "16",
                "[general]\npipefs=x\n[nfsd]\n# threads=8\nport=0\n\n[statd]\nport=1\n",
                "[general]\npipefs=x\n[nfsd]\n# threads=8\nport=0\n\nthreads = 16\n[statd]\nport=1\n"
            ),
            ("/etc/xen/xl.conf", "autoballoon", "\"off\"", "# c\nautoballoon=\"auto\"\n", "# c\nautoballoon=\"off\"\n"),
            (
                "/etc/ksmtuned.conf", "KSM_SLEEP_MSEC", "1000", "# KSM_SLEEP_MSEC=10\nKSM_NPAGES_BOOST=300\n",
                "# KSM_SLEEP_MSEC=10\nKSM_NPAGES_BOOST=300\nKSM_SLEEP_MSEC=1000\n"
            ),
            (
                "/etc/libvirt/qemu.conf", "spice_listen", "\"::1\"", "# spice_listen = \"0.0.0.0\"\nuser = \"root\"\n",
                "# spice_listen = \"0.0.0.0\"\nuser = \"root\"\nspice_listen = \"::1\"\n"
            ),
            (
                "/etc/multipath.conf", "multipaths: multipath { wwid 3600a }: alias", "data",
                "defaults {\n\tuser_friendly_names no\n}\n",
                "defaults {\n\tuser_friendly_names no\n}\nmultipaths {\nmultipath {\nwwid 3600a\nalias data\n}\n}\n"
            ),
        ] as [(String, String, String, String?, String)])
    func changesOneThing(_ path: String, _ setting: String, _ value: String, _ old: String?, _ expected: String) throws
    {
        let edited = try ConfigText.setting(setting, to: value, in: path, of: old)
        #expect(edited == expected)
        // Once more changes nothing, and taking it out leaves the rest.
        #expect(try ConfigText.setting(setting, to: value, in: path, of: edited) == edited)
        if path != "/etc/fstab", old == nil || !(old ?? "").contains(setting.split(separator: " ").last ?? "") {
            let without = try ConfigText.setting(setting, to: nil, in: path, of: edited)
            #expect(try ConfigText.setting(setting, in: path, of: without) == nil)
        }
    }

    @Test func whatIsNoTextOfItsGrammarIsRefused() {
        #expect(throws: ConfigTextError.self) {
            try ConfigText.setting("/mnt/x options", to: "hard", in: "/etc/fstab", of: "one two\n")
        }
        #expect(throws: ConfigTextError.self) {
            try ConfigText.setting("/mnt/absent options", to: "hard", in: "/etc/fstab", of: "a /b ext4 defaults 0 0\n")
        }
        #expect(throws: ConfigTextError.self) {
            try ConfigText.setting("vm.swappiness", to: "1\nkernel.x = 2", in: "/etc/sysctl.conf", of: "")
        }
    }
}

/// Kernel command lines of every boot loader: the word is there, and nothing is glued or lost.
@Suite struct BootTextTests {
    private typealias Word = BootText.WordChange

    @Test(
        arguments: [
            ("quiet splash", "transparent_hugepage", "madvise", "quiet splash transparent_hugepage=madvise"),
            ("", "quiet", "", "quiet"),
            ("a=1  quiet", "a", "2", "a=2  quiet"),
            ("a=1 quiet b", "quiet", nil, "a=1 b"),
            ("quiet b", "quiet", nil, "b"),
            ("console=tty0 console=ttyS0", "console", "ttyS1", "console=tty0 console=ttyS1"),
            ("dyndbg=\"file a.c +p\" quiet", "quiet", nil, "dyndbg=\"file a.c +p\""),
            ("quiet", "hugepagesz=1G hugepages", "0:4,1:4", "quiet hugepagesz=1G hugepages=0:4,1:4"),
            (
                "hugepages=10 hugepagesz=1G hugepages=2 quiet", "hugepagesz=1G hugepages", "4",
                "hugepages=10 hugepagesz=1G hugepages=4 quiet"
            ),
            ("hugepages=10 hugepagesz=1G hugepages=2 quiet", "hugepagesz=1G hugepages", nil, "hugepages=10 quiet"),
            ("nohz_full=1 nohz", "nohz", nil, "nohz_full=1"),
        ] as [(String, String, String?, String)])
    func wordsAreEdited(_ line: String, _ name: String, _ value: String?, _ expected: String) throws {
        #expect(try BootText.edit(commandLine: line, [Word(name: name, value: value)]) == expected)
    }

    @Test func aWordSetAndTakenOutLeavesTheBytes() throws {
        var random = SystemRandomNumberGenerator()
        let pieces = ["quiet", "a=1", "b=\"x y\"", "console=tty0", "console=ttyS0,115200", "rd.luks=0", "splash"]
        for _ in 0..<300 {
            let line = (0..<Int.random(in: 0...8, using: &random)).map { _ in pieces.randomElement(using: &random)! }
                .joined(separator: Bool.random(using: &random) ? " " : "  ")
            let set = try BootText.edit(commandLine: line, [Word(name: "new", value: "1")])
            #expect(try BootText.edit(commandLine: set, [Word(name: "new", value: nil)]) == line)
        }
    }

    @Test func defaultGrub() throws {
        let text = "# c\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\nGRUB_CMDLINE_LINUX=\"\"\n"
        let edited = try BootText.defaultGrub(
            text, variable: "GRUB_CMDLINE_LINUX_DEFAULT", [Word(name: "a", value: "1")])
        #expect(edited == text.replacing("quiet splash", with: "quiet splash a=1"))
        let single = try BootText.defaultGrub(
            "GRUB_CMDLINE_LINUX_DEFAULT='quiet'\n", variable: "GRUB_CMDLINE_LINUX_DEFAULT",
            [Word(name: "a", value: "1")])
        #expect(single == "GRUB_CMDLINE_LINUX_DEFAULT='quiet a=1'\n")
        let bare = try BootText.defaultGrub(
            "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n", variable: "GRUB_CMDLINE_LINUX_DEFAULT", [Word(name: "a", value: "1")])
        #expect(bare == "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet a=1\"\n")
        let absent = try BootText.defaultGrub(
            "GRUB_TIMEOUT=5\n", variable: "GRUB_CMDLINE_XEN_DEFAULT", [Word(name: "dom0_mem", value: "4G,max:4G")])
        #expect(absent == "GRUB_TIMEOUT=5\nGRUB_CMDLINE_XEN_DEFAULT=\"dom0_mem=4G,max:4G\"\n")
        for shell in [
            "GRUB_CMDLINE_LINUX_DEFAULT=\"$(cat /x)\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"a\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"b\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT+=\" a\"\n",
        ] {
            #expect(throws: ConfigTextError.self) {
                try BootText.defaultGrub(shell, variable: "GRUB_CMDLINE_LINUX_DEFAULT", [Word(name: "a", value: "1")])
            }
        }
    }

    @Test func entriesAndEnvironment() throws {
        let entry = "title Fedora\nversion 6.1\nlinux /vmlinuz\noptions root=UUID=1 ro $tuned_params\ngrub_class x\n"
        #expect(
            try BootText.bls(entry, [Word(name: "a", value: "1")])
                == entry.replacing("$tuned_params", with: "$tuned_params a=1"))
        let head = "# GRUB Environment Block\nsaved_entry=x\nkernelopts=root=/dev/sda ro\n"
        let block = head + String(repeating: "#", count: 1024 - head.utf8.count)
        let edited = try BootText.grubenv(block, [Word(name: "a", value: "1")])
        #expect(
            edited.utf8.count == 1024
                && edited.hasPrefix("# GRUB Environment Block\nsaved_entry=x\nkernelopts=root=/dev/sda ro a=1\n#"))
        #expect(try BootText.grubenv(edited, [Word(name: "a", value: nil)]) == block)
        #expect(throws: ConfigTextError.self) {
            try BootText.grubenv(block, [Word(name: "a", value: String(repeating: "x", count: 1000))])
        }
        #expect(throws: ConfigTextError.self) { try BootText.grubenv("kernelopts=a\n", [Word(name: "a", value: "1")]) }
        #expect(try BootText.kernelCmdline("# c\nroot=x quiet\n", [Word(name: "quiet", value: nil)]) == "# c\nroot=x\n")
    }

    @Test func menuList() throws {
        let menu = """
            default 0
            title SUSE
                root (hd0,1)
                kernel /boot/vmlinuz-3.0 root=/dev/sda2 splash=silent
                initrd /boot/initrd
            title Failsafe -- SUSE
                kernel /boot/vmlinuz-3.0 root=/dev/sda2 noapic
            title Xen
                kernel /boot/xen.gz vga=mode-0x314
                module /boot/vmlinuz-3.0-xen root=/dev/sda2
                module /boot/initrd-xen

            """
        let edited = try BootText.menuList(menu, [Word(name: "a", value: "1")], isForXen: false)
        #expect(
            edited
                == menu.replacing("splash=silent", with: "splash=silent a=1").replacing(
                    "3.0-xen root=/dev/sda2", with: "3.0-xen root=/dev/sda2 a=1"))
        let xen = try BootText.menuList(menu, [Word(name: "dom0_mem", value: "1G")], isForXen: true)
        #expect(xen == menu.replacing("mode-0x314", with: "mode-0x314 dom0_mem=1G"))
    }

    @Test(arguments: ["\"", "\"\"\"", " ", "\u{0}", "a\" b\" c", "=", "==x", "$x"])
    func hostileTextNeverTraps(_ text: String) {
        for value in [nil, "", "1", "\"", "a b"] as [String?] {
            _ = try? BootText.edit(commandLine: text, [Word(name: "a", value: value)])
            _ = try? BootText.defaultGrub(text, variable: "X", [Word(name: text, value: value)])
            _ = try? BootText.bls("options " + text, [Word(name: "a", value: value)])
            _ = try? BootText.menuList("title x\n kernel " + text, [Word(name: "a", value: value)], isForXen: false)
        }
    }
}
