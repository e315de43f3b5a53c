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
                "[general]\npipefs=x\n[nfsd]\n# threads=8\nport=0\nthreads = 16\n\n[statd]\nport=1\n"
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

    /// What real files have, and a grammar or a split by characters gets wrong.
    @Test(
        arguments: [
            // Spaces around `=`, names with dots: no shell's variables.
            ("/etc/xen/xl.conf", "autoballoon", "\"off\"", "autoballoon = \"auto\"\n", "autoballoon = \"off\"\n"),
            (
                "/etc/xen/xl.conf", "autoballoon", "\"off\"", "vif.default.script=\"x\"\n",
                "vif.default.script=\"x\"\nautoballoon = \"off\"\n"
            ),
            // Lines that end in \r\n.
            ("/etc/sysctl.conf", "b", "2", "a=1\r\nb=1\r\n", "a=1\r\nb=2\n"),
            ("/etc/nfs.conf", "[nfsd] threads", "16", "[nfsd]\r\nthreads=8\r\n", "[nfsd]\r\nthreads=16\r\n"),
            ("/etc/nfs.conf", "[nfsd] threads", "16", "[nfsd]\r\n[x]\r\n", "[nfsd]\r\nthreads = 16\r\n[x]\r\n"),
            // Set twice, the last counts.
            ("/etc/sysconfig/nfs", "X", "3", "X=1\nX=2\n", "X=1\nX=3\n"),
            ("/etc/nfs.conf", "[nfsd] threads", "16", "[NFSD]\nThreads=1\n", "[NFSD]\nThreads=16\n"),
            // A space in a mount point, a slash in a key, a line with words left out, a last line without an end.
            ("/etc/fstab", "/my vm options", "hard", "a /my\\040vm nfs soft 0 0\n", "a /my\\040vm nfs hard 0 0\n"),
            (
                "/etc/sysctl.conf", "net.ipv4.conf.eth0/1.rp_filter", "1", "a=1",
                "a=1\nnet.ipv4.conf.eth0/1.rp_filter = 1\n"
            ),
            ("/etc/tmpfiles.d/x.conf", "w /sys/a", "2", "w /sys/a\n", "w /sys/a - - - - 2\n"),
        ] as [(String, String, String, String, String)])
    func realFilesAreEdited(_ path: String, _ setting: String, _ value: String, _ old: String, _ expected: String)
        throws
    {
        let edited = try ConfigText.setting(setting, to: value, in: path, of: old)
        #expect(edited == expected)
        #expect(try ConfigText.setting(setting, in: path, of: edited) == value)
    }

    @Test func theLastLineNeedsNoEndToBeRead() throws {
        #expect(try ConfigText.setting("X", in: "/etc/sysconfig/nfs", of: "X=1") == "1")
    }

    @Test(arguments: ["$(reboot)", "`x`", "\"a$b\"", "a\\"]) func noShellRunsAValue(_ value: String) {
        let error = #expect(throws: ConfigTextError.self) {
            try ConfigText.setting("X", to: value, in: "/etc/sysconfig/nfs", of: "X=\"1\"\n")
        }
        #expect(error?.what == "X: a shell would put something else in for \(value)")
    }

    @Test func errorsAreOneLine() {
        let error = #expect(throws: ConfigTextError.self) {
            try ConfigText.setting("X", to: "a\"b", in: "/etc/sysconfig/nfs", of: "X=\"1\"\n")
        }
        #expect(error?.description == "/etc/sysconfig/nfs: it cannot be written: Failed to match tree under /")
        let options = #expect(throws: ConfigTextError.self) {
            try ConfigText.setting("/m options", to: nil, in: "/etc/fstab", of: "a /m nfs soft 0 0\n")
        }
        #expect(options?.what == "an entry's options cannot be taken out, only changed")
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
            // What comes after `--` is init's.
            ("quiet -- a=2", "a", "1", "quiet a=1 -- a=2"),
            ("-- single", "a", "1", "a=1 -- single"),
            // To the kernel these names are one.
            ("transparent-hugepage=always", "transparent_hugepage", "madvise", "transparent_hugepage=madvise"),
            // The second size would be ignored, and its number with it.
            (
                "hugepagesz=1G default_hugepagesz=1G hugepages=4", "hugepagesz=1G hugepages", "8",
                "hugepagesz=1G default_hugepagesz=1G hugepages=8"
            ),
            (
                "hugepagesz=1G hugepagesz=2M hugepages=4", "hugepagesz=1G hugepages", "8",
                "hugepagesz=1G hugepagesz=2M hugepages=4 hugepagesz=1G hugepages=8"
            ),
            ("a   a=1 c", "a", nil, "c"),
            ("console=tty0 q console=ttyS0", "console=tty0", nil, "q console=ttyS0"),
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
            "GRUB_CMDLINE_LINUX_DEFAULT+=\" a\"\n", "GRUB_CMDLINE_LINUX_DEFAULT=\"$X a\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=quiet\\ splash\n", "GRUB_CMDLINE_LINUX_DEFAULT=\"a\"'b'\"c\"\n",
            "if true; then\n  GRUB_CMDLINE_LINUX_DEFAULT=\"q\"\nfi\n",
            "[ -f /x ] && GRUB_CMDLINE_LINUX_DEFAULT=\"q\"\n", "GRUB_CMDLINE_LINUX_DEFAULT=\"q\\\n r\"\n",
        ] {
            #expect(throws: ConfigTextError.self) {
                try BootText.defaultGrub(shell, variable: "GRUB_CMDLINE_LINUX_DEFAULT", [Word(name: "a", value: "1")])
            }
        }
    }

    /// A person's own words hold quotes and dollars; a shell reads the file as root.
    @Test func defaultGrubIsReadByAShell() throws {
        let variable = "GRUB_CMDLINE_LINUX_DEFAULT"
        let word = Word(name: "dyndbg", value: "\"file a.c +p\"")
        let edited = try BootText.defaultGrub("\(variable)=\"quiet \\$tuned_params\"\n", variable: variable, [word])
        #expect(edited == "\(variable)=\"quiet \\$tuned_params dyndbg=\\\"file a.c +p\\\"\"\n")
        #expect(try BootText.defaultGrub(edited, variable: variable, [word]) == edited)
        for value in ["$(reboot)", "`x`", "a\\b"] {
            let error = #expect(throws: ConfigTextError.self) {
                try BootText.defaultGrub("\(variable)=\"q\"\n", variable: variable, [Word(name: "a", value: value)])
            }
            #expect(error?.what == "a=\(value) would not come through a shell as it is")
        }
    }

    @Test func linesMayEndInCarriageReturns() throws {
        let words = [Word(name: "a", value: "1")]
        #expect(try BootText.bls("title x\r\noptions q\r\n", words) == "title x\r\noptions q a=1\r\n")
        #expect(
            try BootText.menuList("title x\r\nkernel /vmlinuz q\r\n", words, isForXen: false)
                == "title x\r\nkernel /vmlinuz q a=1\r\n")
    }

    /// SUSE's kernels for Xen have it in their name, and start without the hypervisor in a paravirtual guest.
    @Test func aKernelForXenIsNotXen() throws {
        let words = [Word(name: "a", value: "1")]
        let menu = "title L\n kernel --no-mem-option (hd0,1)/boot/vmlinuz-3.0.101-xen root=x\n"
        #expect(
            try BootText.menuList(menu, words, isForXen: false) == menu.replacing("root=x", with: "root=x a=1"))
        #expect(throws: ConfigTextError.self) { try BootText.menuList(menu, words, isForXen: true) }
    }

    /// Taken out and set again at random: every other word stays, in its order.
    @Test func randomEditsKeepOtherWords() throws {
        var random = SystemRandomNumberGenerator()
        let pieces = ["q", "a=1", "a", "b=\"x a=2 y\"", "hugepagesz=1G", "hugepages=2", "hugepagesz=2M", "--", "a-b=1"]
        for _ in 0..<3_000 {
            let line = (0..<Int.random(in: 0...8, using: &random)).map { _ in
                (pieces.randomElement(using: &random) ?? "") + (Bool.random(using: &random) ? " " : "   ")
            }.joined()
            for name in ["a", "hugepagesz=1G hugepages", "a_b", "hugepages"] {
                for value in [nil, "", "7"] as [String?] where value != "" || name == "a" {
                    let change = Word(name: name, value: value)
                    // Sizes without numbers may leave a pair that was none: that is refused.
                    let result = Result { try BootText.edit(commandLine: line, [change]) }
                    guard case .success(let edited) = result else {
                        #expect(name.contains(" "), "\(line.debugDescription)")
                        continue
                    }
                    #expect(try BootText.edit(commandLine: edited, [change]) == edited, "\(line.debugDescription)")
                }
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
