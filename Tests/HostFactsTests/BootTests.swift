import Foundation
import HostFacts
import Testing

/// What the next kernel gets, in the formats boot loaders have.
@Suite struct BootTests {
    /// The head that grub-mkconfig writes.
    static func menu(preset: String) -> String {
        """
        # DO NOT EDIT
        if [ -s $prefix/grubenv ]; then
          load_env
        fi
        if [ "${next_entry}" ] ; then
           set default="${next_entry}"
           set next_entry=
           save_env next_entry
           set boot_once=true
        else
           set default="\(preset)"
        fi
        if [ x"${feature_menuentry_id}" = xy ]; then
          menuentry_id_option="--id"
        else
          menuentry_id_option=""
        fi
        function savedefault {
          if [ -z "${boot_once}" ]; then
            saved_entry="${chosen}"
          fi
        }
        set extra=splash=silent
        if [ "$grub_platform" = xen ]; then
        menuentry 'not here' {
          linux /wrong root=no
        }
        fi
        menuentry 'openSUSE Leap 15.6'  --class os $menuentry_id_option 'gnulinux-simple-1' {
        \tload_video
        \tif [ x$feature_platform_search_hint = xy ]; then
        \t  search --no-floppy --fs-uuid --set=root --hint-bios=hd0,gpt2  1
        \telse
        \t  search --no-floppy --fs-uuid --set=root 1
        \tfi
        \techo 'Loading Linux 6.4 ...'
        \tlinux /boot/vmlinuz-6.4.0-default root=UUID=1 ${extra} ${absent} quiet "dyndbg=file a +p"
        \tinitrd /boot/initrd-6.4.0-default
        }
        submenu 'Advanced options' --hotkey=1 $menuentry_id_option 'gnulinux-advanced-1' {
        \tmenuentry 'with Linux 6.4' $menuentry_id_option 'gnulinux-6.4-advanced-1' {
        \t\tlinux /boot/vmlinuz-6.4.0-default root=UUID=1 nested
        \t}
        \tmenuentry 'recovery' $menuentry_id_option 'gnulinux-6.4-recovery-1' {
        \t\tlinux /boot/vmlinuz-6.4.0-default root=UUID=1 single
        \t}
        }
        menuentry 'with Xen' --id xen {
        \tmultiboot2 /boot/xen.gz placeholder dom0_mem=8G,max:8G console=vga ${xen_rm_opts}
        \tmodule2 /boot/vmlinuz-6.4.0-default placeholder root=UUID=1 underxen
        \tmodule2 --nounzip /boot/initrd-6.4.0-default
        }
        """
    }

    @Test(arguments: [
        ("0", "root=UUID=1 splash=silent quiet \"dyndbg=file a +p\""), ("${saved_entry}", "root=UUID=1 underxen"),
        ("1>1", "root=UUID=1 single"),
        ("gnulinux-advanced-1>gnulinux-6.4-advanced-1", "root=UUID=1 nested"),
        ("Advanced options>recovery", "root=UUID=1 single"),
        ("nonsense", "root=UUID=1 splash=silent quiet \"dyndbg=file a +p\""),
        ("99", "root=UUID=1 splash=silent quiet \"dyndbg=file a +p\""),
        ("xen", "root=UUID=1 underxen"), ("1", "root=UUID=1 splash=silent quiet \"dyndbg=file a +p\""),
    ]) func grubMenu(_ preset: String, _ line: String) {
        #expect(
            HostFacts.parseGrubMenu(Array(Self.menu(preset: preset).utf8), environment: ["saved_entry": "with Xen"])
                == line)
    }

    @Test func onceOnly() {
        let bytes = Array(Self.menu(preset: "0").utf8)
        #expect(
            HostFacts.parseGrubMenu(bytes, environment: ["next_entry": "gnulinux-advanced-1>gnulinux-6.4-recovery-1"])
                == "root=UUID=1 single")
    }

    @Test func suse() throws {
        let tree = try TreeFolder([
            "etc/default/grub":
                "GRUB_DEFAULT=saved\nGRUB_CMDLINE_LINUX=\"crashkernel=1G\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet hugepagesz=1G hugepages=4\"\nGRUB_CMDLINE_XEN_DEFAULT=\"dom0_mem=8G\"\n",
            "boot/grub2/grub.cfg": Self.menu(preset: "${saved_entry}"),
            "boot/grub2/grubenv": "# GRUB Environment Block\nsaved_entry=gnulinux-simple-1\n####",
            "proc/xen/capabilities": "control_d\n", "usr/sbin/grub2-mkconfig": "",
        ])
        let facts = HostFacts.read(root: tree.path)
        #expect(facts.boot.loader.value == .grub2Mkconfig)
        #expect(
            facts.boot.nextCommandLine.value?.value("root") == "UUID=1"
                && facts.boot.nextCommandLine.value?.has("quiet") == true)
        #expect(facts.boot.nextCommandLine.value?.value("dyndbg") == "file a +p")
        #expect(facts.boot.nextSource == "/boot/grub2/grub.cfg")
        #expect(facts.boot.configured.value == KernelCommandLine("crashkernel=1G quiet hugepagesz=1G hugepages=4"))
        #expect(facts.boot.configuredXen.value == KernelCommandLine("dom0_mem=8G"))
        #expect(facts.hypervisor.present.value == [.xen])
        try tree.write("boot/grub2/grubenv", "saved_entry=with Xen\n")
        #expect(
            HostFacts.read(root: tree.path).hypervisor.xenCommandLine.value
                == KernelCommandLine("dom0_mem=8G,max:8G console=vga"))
    }

    @Test func debian() throws {
        let tree = try TreeFolder([
            "etc/default/grub":
                "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\nGRUB_CMDLINE_LINUX=\"\"\n",
            "etc/default/grub.d/50-cloud.cfg":
                "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT console=ttyS0\"\n",
            "usr/sbin/update-grub": "",
            "boot/grub/grub.cfg": Self.menu(preset: "0"),
        ])
        let boot = HostFacts.read(root: tree.path).boot
        #expect(boot.loader.value == .updateGrub && boot.configured.value == KernelCommandLine("quiet console=ttyS0"))
    }

    @Test func redHat() throws {
        let tree = try TreeFolder([
            "boot/grub2/grub.cfg":
                "set default=\"${saved_entry}\"\ninsmod blscfg\nblscfg\nif [ x = y ]; then\nmenuentry 'UEFI' { fwsetup }\nfi\n",
            "boot/grub2/grubenv": "saved_entry=abc-5.14.0-9.el9.x86_64\nkernelopts=root=/dev/x ro\n",
            "usr/sbin/grubby": "", "etc/default/grub": "GRUB_CMDLINE_LINUX=\"ro\"\n",
            "boot/loader/entries/abc-5.14.0-9.el9.x86_64.conf":
                "title RHEL 9\nversion 5.14.0-9.el9.x86_64\noptions $kernelopts nine $tuned_params\n",
            "boot/loader/entries/abc-5.14.0-70.el9.x86_64.conf":
                "title RHEL 70\nversion 5.14.0-70.el9.x86_64\noptions seventy\n",
            "boot/loader/entries/abc-0-rescue.conf": "title rescue\nversion 9-rescue\noptions rescue\n",
        ])
        var boot = HostFacts.read(root: tree.path).boot
        #expect(boot.loader.value == .grubby)
        #expect(boot.nextCommandLine.value == KernelCommandLine("root=/dev/x ro nine"))
        #expect(boot.nextSource == "/boot/loader/entries/abc-5.14.0-9.el9.x86_64.conf")
        // Without a saved entry the newest is started, and 70 is newer than 9.
        try tree.write("boot/grub2/grubenv", "# empty\n")
        try FileManager.default.removeItem(atPath: tree.path + "/boot/loader/entries/abc-0-rescue.conf")
        boot = HostFacts.read(root: tree.path).boot
        #expect(boot.nextCommandLine.value == KernelCommandLine("seventy"))
    }

    @Test func sdbootutil() throws {
        let tree = try TreeFolder([
            "etc/kernel/cmdline": "root=UUID=2 quiet\n", "usr/bin/sdbootutil": "",
            "boot/grub2/grub.cfg": Self.menu(preset: "0"),
            "boot/efi/loader/entries/a-6.10-1.conf": "title T\nversion 6.10-1\noptions ten\n",
            "boot/efi/loader/entries/a-6.9-1.conf": "title T\nversion 6.9-1\noptions nine\n",
        ])
        var boot = HostFacts.read(root: tree.path).boot
        #expect(boot.loader.value == .sdbootutil && boot.nextCommandLine.value == KernelCommandLine("ten"))
        #expect(
            boot.configured.value == KernelCommandLine("root=UUID=2 quiet")
                && boot.configuredSource == "/etc/kernel/cmdline")
        let variable = "\u{7}\0\0\0" + "a-6.9-1.conf".map { "\($0)\0" }.joined() + "\0\0"
        try tree.write("sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", variable)
        boot = HostFacts.read(root: tree.path).boot
        #expect(boot.nextCommandLine.value == KernelCommandLine("nine"))
    }

    @Test func menuLst() throws {
        let text =
            "default 1\ntitle Xen\n kernel /boot/xen.gz dom0_mem=1G\n module /boot/vmlinuz-3 root=/dev/sda2 xen\n module /boot/initrd\ntitle SLES\n    kernel (hd0,1)/boot/vmlinuz-3 root=/dev/sda2 quiet\n"
        let boot = try TreeFolder.read(["boot/grub/menu.lst": text]).boot
        #expect(
            boot.loader.value == .menuLst && boot.nextCommandLine.value == KernelCommandLine("root=/dev/sda2 quiet"))
        #expect(boot.configured == boot.nextCommandLine && boot.configuredSource == "/boot/grub/menu.lst")
        #expect(HostFacts.parseMenuLst(Array(text.dropFirst(10).utf8)) == "root=/dev/sda2 xen")
    }

    @Test func zipl() throws {
        let text =
            "[defaultboot]\ndefaultmenu = menu\n[old]\nparameters=\"old\"\n:menu\ntarget=/boot/zipl\n1=new\n2=old\ndefault=1\n[new]\nimage=/boot/image\nparmfile=/boot/parm\nparameters = 'added'\n"
        let boot = try TreeFolder.read(["etc/zipl.conf": text, "boot/parm": "root=/dev/dasda1\nquiet\n"]).boot
        #expect(
            boot.loader.value == .zipl
                && boot.nextCommandLine.value == KernelCommandLine("root=/dev/dasda1 quiet added"))
    }

    @Test func notReadable() throws {
        let tree = try TreeFolder(["etc/default/grub": "GRUB_CMDLINE_LINUX=a\n"])
        try tree.folder("boot/grub2/grub.cfg")
        let boot = HostFacts.read(root: tree.path).boot
        #expect(boot.nextCommandLine.reason?.source == "/boot/grub2/grub.cfg" && !boot.nextCommandLine.isMissing)
        #expect(boot.nextSource == nil && boot.loader.value == .grub2Mkconfig)
    }
}
