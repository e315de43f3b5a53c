// A host captured from a running Linux 6.1 (four NUMA nodes with four CPUs each) on 2026-11-23; the files below etc/ and boot/
// were written for the example. Each file begins with a line `=== PATH`.

extension ExampleTree {
    /// The files, one after the other.
    static let archive: String = #"""
        === boot/grub/grub.cfg
        set default="0"
        menuentry 'Debian GNU/Linux' --class debian {
        	search --no-floppy --fs-uuid --set=root 2c7a
        	linux	/boot/vmlinuz-6.1.0-56-amd64 root=/dev/sda2 ro quiet
        	initrd	/boot/initrd.img-6.1.0-56-amd64
        }

        === etc/default/grub
        GRUB_DEFAULT=0
        GRUB_TIMEOUT=5
        GRUB_CMDLINE_LINUX_DEFAULT="quiet transparent_hugepage=madvise"
        GRUB_CMDLINE_LINUX=""

        === etc/fstab
        /dev/sda2 / ext4 errors=remount-ro 0 1
        /dev/sda3 none swap sw 0 0
        /dev/nvme0n1p1 /var/lib/libvirt/images ext4 defaults 0 2
        nas1:/export/vm /srv/vm nfs soft,rsize=8192,wsize=8192,vers=4.2 0 0

        === etc/libvirt/qemu.conf
        #spice_listen = "0.0.0.0"

        === etc/os-release
        PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
        NAME="Debian GNU/Linux"
        VERSION_ID="12"
        VERSION="12 (bookworm)"
        ID=debian

        === etc/sysctl.d/60-site.conf
        # set years ago
        vm.swappiness = 60
        fs.aio-max-nr = 65536

        === proc/cmdline
        BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-amd64 root=/dev/sda2 ro quiet

        === proc/cpuinfo
        processor	: 0
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 0
        siblings	: 4
        core id		: 0
        cpu cores	: 4
        apicid		: 0
        initial apicid	: 0
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 4890.86
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 1
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 0
        siblings	: 4
        core id		: 1
        cpu cores	: 4
        apicid		: 1
        initial apicid	: 1
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 4893.26
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 2
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 0
        siblings	: 4
        core id		: 2
        cpu cores	: 4
        apicid		: 2
        initial apicid	: 2
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 4915.20
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 3
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 0
        siblings	: 4
        core id		: 3
        cpu cores	: 4
        apicid		: 3
        initial apicid	: 3
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 9898.82
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 4
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 1
        siblings	: 4
        core id		: 0
        cpu cores	: 4
        apicid		: 4
        initial apicid	: 4
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 7761.98
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 5
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 1
        siblings	: 4
        core id		: 1
        cpu cores	: 4
        apicid		: 5
        initial apicid	: 5
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 5757.00
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 6
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 1
        siblings	: 4
        core id		: 2
        cpu cores	: 4
        apicid		: 6
        initial apicid	: 6
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 4133.17
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 7
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 1
        siblings	: 4
        core id		: 3
        cpu cores	: 4
        apicid		: 7
        initial apicid	: 7
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 6476.67
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 8
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 2
        siblings	: 4
        core id		: 0
        cpu cores	: 4
        apicid		: 8
        initial apicid	: 8
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 3690.49
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 9
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 2
        siblings	: 4
        core id		: 1
        cpu cores	: 4
        apicid		: 9
        initial apicid	: 9
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 3723.26
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 10
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 2
        siblings	: 4
        core id		: 2
        cpu cores	: 4
        apicid		: 10
        initial apicid	: 10
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 2332.67
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 11
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 2
        siblings	: 4
        core id		: 3
        cpu cores	: 4
        apicid		: 11
        initial apicid	: 11
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 3428.35
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 12
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 3
        siblings	: 4
        core id		: 0
        cpu cores	: 4
        apicid		: 12
        initial apicid	: 12
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 4016.64
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 13
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 3
        siblings	: 4
        core id		: 1
        cpu cores	: 4
        apicid		: 13
        initial apicid	: 13
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 22877.57
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 14
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 3
        siblings	: 4
        core id		: 2
        cpu cores	: 4
        apicid		: 14
        initial apicid	: 14
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 5263.36
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:

        processor	: 15
        vendor_id	: AuthenticAMD
        cpu family	: 23
        model		: 49
        model name	: AMD EPYC-Rome Processor
        stepping	: 0
        microcode	: 0x1000065
        cpu MHz		: 2445.434
        cache size	: 512 KB
        physical id	: 3
        siblings	: 4
        core id		: 3
        cpu cores	: 4
        apicid		: 15
        initial apicid	: 15
        fpu		: yes
        fpu_exception	: yes
        cpuid level	: 13
        wp		: yes
        flags		: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext pdpe1gb rdtscp lm rep_good nopl cpuid extd_apicid pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy svm cr8_legacy abm sse4a 3dnowprefetch ssbd vmmcall fsgsbase bmi1 avx2 smep bmi2 adx smap clflushopt clwb xsaveopt xgetbv1 arat npt umip
        bugs		: fxsave_leak sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso
        bogomips	: 5427.20
        TLB size	: 1024 4K pages
        clflush size	: 64
        cache_alignment	: 64
        address sizes	: 40 bits physical, 48 bits virtual
        power management:


        === proc/loadavg
        0.79 0.25 0.09 1/184 285

        === proc/meminfo
        MemTotal:       65942728 kB
        MemFree:        61468208 kB
        MemAvailable:   61137784 kB
        Buffers:            1628 kB
        Cached:            22844 kB
        SwapCached:            0 kB
        Active:             1604 kB
        Inactive:            384 kB
        Active(anon):          4 kB
        Inactive(anon):       52 kB
        Active(file):       1600 kB
        Inactive(file):      332 kB
        Unevictable:       22492 kB
        Mlocked:               0 kB
        SwapTotal:       8388604 kB
        SwapFree:        8388604 kB
        Zswap:                 0 kB
        Zswapped:              0 kB
        Dirty:                 0 kB
        Writeback:             0 kB
        AnonPages:            60 kB
        Mapped:             1600 kB
        Shmem:                 0 kB
        KReclaimable:      14064 kB
        Slab:              33296 kB
        SReclaimable:      14064 kB
        SUnreclaim:        19232 kB
        KernelStack:        3168 kB
        PageTables:           48 kB
        SecPageTables:         0 kB
        NFS_Unstable:          0 kB
        Bounce:                0 kB
        WritebackTmp:          0 kB
        CommitLimit:    39262816 kB
        Committed_AS:        688 kB
        VmallocTotal:   34359738367 kB
        VmallocUsed:      135884 kB
        VmallocChunk:          0 kB
        Percpu:             4544 kB
        HardwareCorrupted:     0 kB
        AnonHugePages:         0 kB
        ShmemHugePages:        0 kB
        ShmemPmdMapped:        0 kB
        FileHugePages:         0 kB
        FilePmdMapped:         0 kB
        HugePages_Total:    2048
        HugePages_Free:     2048
        HugePages_Rsvd:        0
        HugePages_Surp:        0
        Hugepagesize:       2048 kB
        Hugetlb:         4194304 kB
        DirectMap4k:       79688 kB
        DirectMap2M:    11454464 kB
        DirectMap1G:    57671680 kB

        === proc/modules
        kvm_amd 163840 0 - Live 0xffffffffc0e3d000
        ccp 118784 1 kvm_amd, Live 0xffffffffc0e1f000
        kvm 1146880 1 kvm_amd, Live 0xffffffffc0d06000
        irqbypass 16384 1 kvm, Live 0xffffffffc0d01000
        bfq 94208 1 - Live 0xffffffffc0ce9000
        ext4 983040 2 - Live 0xffffffffc0bf8000
        crc16 16384 1 ext4, Live 0xffffffffc0be4000
        mbcache 16384 1 ext4, Live 0xffffffffc0bf3000
        jbd2 167936 1 ext4, Live 0xffffffffc0bba000
        crct10dif_generic 16384 1 - Live 0xffffffffc0bb0000
        crc32c_generic 16384 2 - Live 0xffffffffc0bb5000
        virtio_blk 28672 0 - Live 0xffffffffc0ba8000
        nvme 57344 1 - Live 0xffffffffc0b99000
        nvme_core 163840 2 nvme, Live 0xffffffffc0b70000
        sd_mod 65536 3 - Live 0xffffffffc0b5f000
        t10_pi 16384 2 nvme_core,sd_mod, Live 0xffffffffc0b5a000
        crc64_rocksoft 20480 1 t10_pi, Live 0xffffffffc0b54000
        crc_t10dif 20480 1 t10_pi, Live 0xffffffffc0b42000
        crc64 20480 1 crc64_rocksoft, Live 0xffffffffc0b3c000
        crct10dif_common 16384 2 crct10dif_generic,crc_t10dif, Live 0xffffffffc0b37000
        virtio_scsi 28672 2 - Live 0xffffffffc0b4c000
        scsi_mod 286720 2 sd_mod,virtio_scsi, Live 0xffffffffc0af0000
        scsi_common 16384 1 scsi_mod, Live 0xffffffffc0acf000
        virtio_pci 24576 0 - Live 0xffffffffc0ae9000
        virtio_pci_legacy_dev 16384 1 virtio_pci, Live 0xffffffffc0ae4000
        virtio_pci_modern_dev 20480 1 virtio_pci, Live 0xffffffffc0ade000
        virtio 20480 3 virtio_blk,virtio_scsi,virtio_pci, Live 0xffffffffc0ad4000
        virtio_ring 49152 4 virtio_blk,virtio_scsi,virtio_pci,virtio, Live 0xffffffffc0ac2000

        === proc/net/fib_trie
        Main:
          +-- 0.0.0.0/0 2 0 2
             +-- 127.0.0.0/8 2 0 2
                +-- 127.0.0.0/31 1 0 0
                   |-- 127.0.0.0
                      /8 host LOCAL
                   |-- 127.0.0.1
                      /32 host LOCAL
                |-- 127.255.255.255
                   /32 link BROADCAST
             +-- 192.168.122.0/24 2 0 2
                +-- 192.168.122.0/31 1 0 0
                   |-- 192.168.122.0
                      /24 host LOCAL
                   |-- 192.168.122.1
                      /32 host LOCAL
                |-- 192.168.122.255
                   /32 link BROADCAST
        Local:
          +-- 0.0.0.0/0 2 0 2
             +-- 127.0.0.0/8 2 0 2
                +-- 127.0.0.0/31 1 0 0
                   |-- 127.0.0.0
                      /8 host LOCAL
                   |-- 127.0.0.1
                      /32 host LOCAL
                |-- 127.255.255.255
                   /32 link BROADCAST
             +-- 192.168.122.0/24 2 0 2
                +-- 192.168.122.0/31 1 0 0
                   |-- 192.168.122.0
                      /24 host LOCAL
                   |-- 192.168.122.1
                      /32 host LOCAL
                |-- 192.168.122.255
                   /32 link BROADCAST

        === proc/net/route
        Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT                                                       

        === proc/net/rpc/nfs
        net 0 0 0 0
        rpc 6401066 198 6401200

        === proc/self/mountinfo
        22 1 0:20 / /proc rw,relatime - proc proc rw
        23 1 0:21 / /sys rw,relatime - sysfs sysfs rw
        24 1 0:5 / /dev rw,relatime - devtmpfs dev rw,size=32964700k,nr_inodes=8241175,mode=755,inode64
        26 23 0:7 / /sys/kernel/debug rw,relatime - debugfs debugfs rw
        27 24 0:23 / /dev/hugepages rw,relatime - hugetlbfs hugetlbfs rw,pagesize=2M
        28 23 0:24 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw
        29 1 8:2 / / rw,relatime - ext4 /dev/sda2 rw
        30 1 259:1 / /var/lib/libvirt/images rw,relatime - ext4 /dev/nvme0n1p1 rw
        31 29 0:45 / /srv/vm rw,relatime - nfs nas1:/export/vm rw,vers=4.2,rsize=8192,wsize=8192,soft,proto=tcp,timeo=600,retrans=2

        === proc/swaps
        Filename				Type		Size		Used		Priority
        /dev/sda3                               partition	8388604		0		-2

        === proc/sys/fs/aio-max-nr
        65536

        === proc/sys/fs/aio-nr
        0

        === proc/sys/fs/file-max
        6576617

        === proc/sys/fs/nr_open
        1048576

        === proc/sys/kernel/hostname
        kvm-host

        === proc/sys/kernel/numa_balancing
        1

        === proc/sys/kernel/osrelease
        6.1.0-56-amd64

        === proc/sys/kernel/ostype
        Linux

        === proc/sys/kernel/sched_autogroup_enabled
        0

        === proc/sys/kernel/sched_cfs_bandwidth_slice_us
        5000

        === proc/sys/kernel/sched_child_runs_first
        0

        === proc/sys/kernel/sched_deadline_period_max_us
        4194304

        === proc/sys/kernel/sched_deadline_period_min_us
        100

        === proc/sys/kernel/sched_energy_aware
        1

        === proc/sys/kernel/sched_rr_timeslice_ms
        100

        === proc/sys/kernel/sched_rt_period_us
        1000000

        === proc/sys/kernel/sched_rt_runtime_us
        950000

        === proc/sys/kernel/sched_schedstats
        0

        === proc/sys/kernel/version
        #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)

        === proc/sys/vm/compaction_proactiveness
        20

        === proc/sys/vm/dirty_background_bytes
        0

        === proc/sys/vm/dirty_background_ratio
        10

        === proc/sys/vm/dirty_bytes
        0

        === proc/sys/vm/dirty_expire_centisecs
        3000

        === proc/sys/vm/dirty_ratio
        20

        === proc/sys/vm/dirty_writeback_centisecs
        500

        === proc/sys/vm/max_map_count
        65530

        === proc/sys/vm/min_free_kbytes
        135168

        === proc/sys/vm/nr_hugepages
        2048

        === proc/sys/vm/nr_overcommit_hugepages
        0

        === proc/sys/vm/overcommit_memory
        0

        === proc/sys/vm/overcommit_ratio
        50

        === proc/sys/vm/swappiness
        60

        === proc/sys/vm/zone_reclaim_mode
        0

        === proc/uptime
        66.05 863.26

        === proc/vmstat
        nr_free_pages 15366690
        nr_zone_inactive_anon 13
        nr_zone_active_anon 1
        nr_zone_inactive_file 83
        nr_zone_active_file 400
        nr_zone_unevictable 5623
        nr_zone_write_pending 0
        nr_mlock 0
        nr_bounce 0
        nr_zspages 0
        nr_free_cma 0
        numa_hit 29406
        numa_miss 0
        numa_foreign 0
        numa_interleave 809
        numa_local 20583
        numa_other 8823
        nr_inactive_anon 13
        nr_active_anon 1
        nr_inactive_file 83
        nr_active_file 400
        nr_unevictable 5623
        nr_slab_reclaimable 3516
        nr_slab_unreclaimable 4896
        nr_isolated_anon 0
        nr_isolated_file 0
        workingset_nodes 0
        workingset_refault_anon 0
        workingset_refault_file 0
        workingset_activate_anon 0
        workingset_activate_file 0
        workingset_restore_anon 0
        workingset_restore_file 0
        workingset_nodereclaim 0
        nr_anon_pages 15
        nr_mapped 400
        nr_file_pages 6118
        nr_dirty 0
        nr_writeback 0
        nr_writeback_temp 0
        nr_shmem 0
        nr_shmem_hugepages 0
        nr_shmem_pmdmapped 0
        nr_file_hugepages 0
        nr_file_pmdmapped 0
        nr_anon_transparent_hugepages 0
        nr_vmscan_write 0
        nr_vmscan_immediate_reclaim 0
        nr_dirtied 0
        nr_written 0
        nr_throttled_written 0
        nr_kernel_misc_reclaimable 0
        nr_foll_pin_acquired 0
        nr_foll_pin_released 0
        nr_kernel_stack 3084
        nr_page_table_pages 12
        nr_sec_page_table_pages 0
        nr_swapcached 0
        pgpromote_success 0
        pgpromote_candidate 0
        nr_dirty_threshold 3055767
        nr_dirty_background_threshold 1526018
        pgpgin 1574
        pgpgout 8
        pswpin 0
        pswpout 0
        pgalloc_dma 1024
        pgalloc_dma32 1024
        pgalloc_normal 1113323
        pgalloc_movable 0
        pgalloc_device 0
        allocstall_dma 0
        allocstall_dma32 0
        allocstall_normal 0
        allocstall_movable 0
        allocstall_device 0
        pgskip_dma 0
        pgskip_dma32 0
        pgskip_normal 0
        pgskip_movable 0
        pgskip_device 0
        pgfree 16494173
        pgactivate 27
        pgdeactivate 0
        pglazyfree 0
        pgfault 2782
        pgmajfault 0
        pglazyfreed 0
        pgrefill 0
        pgreuse 311
        pgsteal_kswapd 0
        pgsteal_direct 0
        pgdemote_kswapd 0
        pgdemote_direct 0
        pgscan_kswapd 0
        pgscan_direct 0
        pgscan_direct_throttle 0
        pgscan_anon 0
        pgscan_file 0
        pgsteal_anon 0
        pgsteal_file 0
        zone_reclaim_failed 0
        pginodesteal 0
        slabs_scanned 0
        kswapd_inodesteal 0
        kswapd_low_wmark_hit_quickly 0
        kswapd_high_wmark_hit_quickly 0
        pageoutrun 0
        pgrotated 0
        drop_pagecache 0
        drop_slab 0
        oom_kill 0
        numa_pte_updates 18
        numa_huge_pte_updates 0
        numa_hint_faults 8
        numa_hint_faults_local 0
        numa_pages_migrated 8
        pgmigrate_success 8
        pgmigrate_fail 0
        thp_migration_success 0
        thp_migration_fail 0
        thp_migration_split 0
        compact_migrate_scanned 0
        compact_free_scanned 0
        compact_isolated 0
        compact_stall 0
        compact_fail 0
        compact_success 0
        compact_daemon_wake 0
        compact_daemon_migrate_scanned 0
        compact_daemon_free_scanned 0
        htlb_buddy_alloc_success 2048
        htlb_buddy_alloc_fail 0
        unevictable_pgs_culled 5623
        unevictable_pgs_scanned 0
        unevictable_pgs_rescued 0
        unevictable_pgs_mlocked 0
        unevictable_pgs_munlocked 0
        unevictable_pgs_cleared 0
        unevictable_pgs_stranded 0
        thp_fault_alloc 0
        thp_fault_fallback 0
        thp_fault_fallback_charge 0
        thp_collapse_alloc 0
        thp_collapse_alloc_failed 0
        thp_file_alloc 0
        thp_file_fallback 0
        thp_file_fallback_charge 0
        thp_file_mapped 0
        thp_split_page 0
        thp_split_page_failed 0
        thp_deferred_split_page 0
        thp_split_pmd 0
        thp_scan_exceed_none_pte 0
        thp_scan_exceed_swap_pte 0
        thp_scan_exceed_share_pte 0
        thp_split_pud 0
        thp_zero_page_alloc 0
        thp_zero_page_alloc_failed 0
        thp_swpout 0
        thp_swpout_fallback 0
        balloon_inflate 0
        balloon_deflate 0
        balloon_migrate 0
        swap_ra 0
        swap_ra_hit 0
        ksm_swpin_copy 0
        cow_ksm 0
        zswpin 0
        zswpout 0
        direct_map_level2_splits 18
        direct_map_level3_splits 0
        nr_unstable 0

        === sys/block/nvme0n1/dev
        259:0

        === sys/block/nvme0n1/nvme0n1p1/dev
        259:1

        === sys/block/nvme0n1/nvme0n1p1/partition
        1

        === sys/block/nvme0n1/nvme0n1p1/size
        1006628864

        === sys/block/nvme0n1/nvme0n1p1/start
        2048

        === sys/block/nvme0n1/queue/discard_max_bytes
        2147483136

        === sys/block/nvme0n1/queue/hw_sector_size
        512

        === sys/block/nvme0n1/queue/io_poll
        0

        === sys/block/nvme0n1/queue/logical_block_size
        512

        === sys/block/nvme0n1/queue/nr_requests
        1023

        === sys/block/nvme0n1/queue/physical_block_size
        512

        === sys/block/nvme0n1/queue/read_ahead_kb
        128

        === sys/block/nvme0n1/queue/rotational
        0

        === sys/block/nvme0n1/queue/scheduler
        [none] mq-deadline bfq 

        === sys/block/nvme0n1/queue/wbt_lat_usec
        2000

        === sys/block/nvme0n1/queue/zoned
        none

        === sys/block/nvme0n1/removable
        0

        === sys/block/nvme0n1/ro
        0

        === sys/block/nvme0n1/size
        1006632960

        === sys/block/nvme0n1/stat
             314        0     2506      536        1        0        8        0        0       20      537        0        0        0        0        0        0

        === sys/block/sda/dev
        8:0

        === sys/block/sda/queue/discard_max_bytes
        1073741824

        === sys/block/sda/queue/hw_sector_size
        512

        === sys/block/sda/queue/io_poll
        0

        === sys/block/sda/queue/logical_block_size
        512

        === sys/block/sda/queue/nr_requests
        256

        === sys/block/sda/queue/physical_block_size
        512

        === sys/block/sda/queue/read_ahead_kb
        128

        === sys/block/sda/queue/rotational
        1

        === sys/block/sda/queue/scheduler
        mq-deadline [bfq] none

        === sys/block/sda/queue/wbt_lat_usec
        75000

        === sys/block/sda/queue/zoned
        none

        === sys/block/sda/removable
        0

        === sys/block/sda/ro
        0

        === sys/block/sda/sda1/dev
        8:1

        === sys/block/sda/sda1/partition
        1

        === sys/block/sda/sda1/size
        2097152

        === sys/block/sda/sda1/start
        2048

        === sys/block/sda/sda2/dev
        8:2

        === sys/block/sda/sda2/partition
        2

        === sys/block/sda/sda2/size
        209715200

        === sys/block/sda/sda2/start
        2099200

        === sys/block/sda/sda3/dev
        8:3

        === sys/block/sda/sda3/partition
        3

        === sys/block/sda/sda3/size
        16777216

        === sys/block/sda/sda3/start
        211814400

        === sys/block/sda/size
        251658240

        === sys/block/sda/stat
              78        0      618      200        1        0        8        6        0       76      211        0        0        0        0        1        4

        === sys/class/dmi/id/product_name
        Standard PC (Q35 + ICH9, 2009)

        === sys/class/dmi/id/sys_vendor
        QEMU

        === sys/devices/system/cpu/cpu0/cache/index0/id
        0

        === sys/devices/system/cpu/cpu0/cache/index0/level
        1

        === sys/devices/system/cpu/cpu0/cache/index0/shared_cpu_list
        0

        === sys/devices/system/cpu/cpu0/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu0/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu0/cache/index1/id
        0

        === sys/devices/system/cpu/cpu0/cache/index1/level
        1

        === sys/devices/system/cpu/cpu0/cache/index1/shared_cpu_list
        0

        === sys/devices/system/cpu/cpu0/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu0/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu0/cache/index2/id
        0

        === sys/devices/system/cpu/cpu0/cache/index2/level
        2

        === sys/devices/system/cpu/cpu0/cache/index2/shared_cpu_list
        0

        === sys/devices/system/cpu/cpu0/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu0/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu0/cache/index3/id
        0

        === sys/devices/system/cpu/cpu0/cache/index3/level
        3

        === sys/devices/system/cpu/cpu0/cache/index3/shared_cpu_list
        0-3

        === sys/devices/system/cpu/cpu0/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu0/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu0/topology/cluster_cpus_list
        0

        === sys/devices/system/cpu/cpu0/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu0/topology/core_cpus_list
        0

        === sys/devices/system/cpu/cpu0/topology/core_id
        0

        === sys/devices/system/cpu/cpu0/topology/core_siblings_list
        0-3

        === sys/devices/system/cpu/cpu0/topology/die_cpus_list
        0-3

        === sys/devices/system/cpu/cpu0/topology/die_id
        0

        === sys/devices/system/cpu/cpu0/topology/package_cpus_list
        0-3

        === sys/devices/system/cpu/cpu0/topology/physical_package_id
        0

        === sys/devices/system/cpu/cpu0/topology/thread_siblings_list
        0

        === sys/devices/system/cpu/cpu1/cache/index0/id
        1

        === sys/devices/system/cpu/cpu1/cache/index0/level
        1

        === sys/devices/system/cpu/cpu1/cache/index0/shared_cpu_list
        1

        === sys/devices/system/cpu/cpu1/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu1/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu1/cache/index1/id
        1

        === sys/devices/system/cpu/cpu1/cache/index1/level
        1

        === sys/devices/system/cpu/cpu1/cache/index1/shared_cpu_list
        1

        === sys/devices/system/cpu/cpu1/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu1/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu1/cache/index2/id
        1

        === sys/devices/system/cpu/cpu1/cache/index2/level
        2

        === sys/devices/system/cpu/cpu1/cache/index2/shared_cpu_list
        1

        === sys/devices/system/cpu/cpu1/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu1/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu1/cache/index3/id
        1

        === sys/devices/system/cpu/cpu1/cache/index3/level
        3

        === sys/devices/system/cpu/cpu1/cache/index3/shared_cpu_list
        0-3

        === sys/devices/system/cpu/cpu1/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu1/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu1/online
        1

        === sys/devices/system/cpu/cpu1/topology/cluster_cpus_list
        1

        === sys/devices/system/cpu/cpu1/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu1/topology/core_cpus_list
        1

        === sys/devices/system/cpu/cpu1/topology/core_id
        1

        === sys/devices/system/cpu/cpu1/topology/core_siblings_list
        0-3

        === sys/devices/system/cpu/cpu1/topology/die_cpus_list
        0-3

        === sys/devices/system/cpu/cpu1/topology/die_id
        0

        === sys/devices/system/cpu/cpu1/topology/package_cpus_list
        0-3

        === sys/devices/system/cpu/cpu1/topology/physical_package_id
        0

        === sys/devices/system/cpu/cpu1/topology/thread_siblings_list
        1

        === sys/devices/system/cpu/cpu10/cache/index0/id
        10

        === sys/devices/system/cpu/cpu10/cache/index0/level
        1

        === sys/devices/system/cpu/cpu10/cache/index0/shared_cpu_list
        10

        === sys/devices/system/cpu/cpu10/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu10/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu10/cache/index1/id
        10

        === sys/devices/system/cpu/cpu10/cache/index1/level
        1

        === sys/devices/system/cpu/cpu10/cache/index1/shared_cpu_list
        10

        === sys/devices/system/cpu/cpu10/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu10/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu10/cache/index2/id
        10

        === sys/devices/system/cpu/cpu10/cache/index2/level
        2

        === sys/devices/system/cpu/cpu10/cache/index2/shared_cpu_list
        10

        === sys/devices/system/cpu/cpu10/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu10/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu10/cache/index3/id
        10

        === sys/devices/system/cpu/cpu10/cache/index3/level
        3

        === sys/devices/system/cpu/cpu10/cache/index3/shared_cpu_list
        8-11

        === sys/devices/system/cpu/cpu10/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu10/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu10/online
        1

        === sys/devices/system/cpu/cpu10/topology/cluster_cpus_list
        10

        === sys/devices/system/cpu/cpu10/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu10/topology/core_cpus_list
        10

        === sys/devices/system/cpu/cpu10/topology/core_id
        2

        === sys/devices/system/cpu/cpu10/topology/core_siblings_list
        8-11

        === sys/devices/system/cpu/cpu10/topology/die_cpus_list
        8-11

        === sys/devices/system/cpu/cpu10/topology/die_id
        2

        === sys/devices/system/cpu/cpu10/topology/package_cpus_list
        8-11

        === sys/devices/system/cpu/cpu10/topology/physical_package_id
        2

        === sys/devices/system/cpu/cpu10/topology/thread_siblings_list
        10

        === sys/devices/system/cpu/cpu11/cache/index0/id
        11

        === sys/devices/system/cpu/cpu11/cache/index0/level
        1

        === sys/devices/system/cpu/cpu11/cache/index0/shared_cpu_list
        11

        === sys/devices/system/cpu/cpu11/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu11/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu11/cache/index1/id
        11

        === sys/devices/system/cpu/cpu11/cache/index1/level
        1

        === sys/devices/system/cpu/cpu11/cache/index1/shared_cpu_list
        11

        === sys/devices/system/cpu/cpu11/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu11/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu11/cache/index2/id
        11

        === sys/devices/system/cpu/cpu11/cache/index2/level
        2

        === sys/devices/system/cpu/cpu11/cache/index2/shared_cpu_list
        11

        === sys/devices/system/cpu/cpu11/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu11/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu11/cache/index3/id
        11

        === sys/devices/system/cpu/cpu11/cache/index3/level
        3

        === sys/devices/system/cpu/cpu11/cache/index3/shared_cpu_list
        8-11

        === sys/devices/system/cpu/cpu11/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu11/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu11/online
        1

        === sys/devices/system/cpu/cpu11/topology/cluster_cpus_list
        11

        === sys/devices/system/cpu/cpu11/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu11/topology/core_cpus_list
        11

        === sys/devices/system/cpu/cpu11/topology/core_id
        3

        === sys/devices/system/cpu/cpu11/topology/core_siblings_list
        8-11

        === sys/devices/system/cpu/cpu11/topology/die_cpus_list
        8-11

        === sys/devices/system/cpu/cpu11/topology/die_id
        2

        === sys/devices/system/cpu/cpu11/topology/package_cpus_list
        8-11

        === sys/devices/system/cpu/cpu11/topology/physical_package_id
        2

        === sys/devices/system/cpu/cpu11/topology/thread_siblings_list
        11

        === sys/devices/system/cpu/cpu12/cache/index0/id
        12

        === sys/devices/system/cpu/cpu12/cache/index0/level
        1

        === sys/devices/system/cpu/cpu12/cache/index0/shared_cpu_list
        12

        === sys/devices/system/cpu/cpu12/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu12/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu12/cache/index1/id
        12

        === sys/devices/system/cpu/cpu12/cache/index1/level
        1

        === sys/devices/system/cpu/cpu12/cache/index1/shared_cpu_list
        12

        === sys/devices/system/cpu/cpu12/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu12/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu12/cache/index2/id
        12

        === sys/devices/system/cpu/cpu12/cache/index2/level
        2

        === sys/devices/system/cpu/cpu12/cache/index2/shared_cpu_list
        12

        === sys/devices/system/cpu/cpu12/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu12/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu12/cache/index3/id
        12

        === sys/devices/system/cpu/cpu12/cache/index3/level
        3

        === sys/devices/system/cpu/cpu12/cache/index3/shared_cpu_list
        12-15

        === sys/devices/system/cpu/cpu12/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu12/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu12/online
        1

        === sys/devices/system/cpu/cpu12/topology/cluster_cpus_list
        12

        === sys/devices/system/cpu/cpu12/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu12/topology/core_cpus_list
        12

        === sys/devices/system/cpu/cpu12/topology/core_id
        0

        === sys/devices/system/cpu/cpu12/topology/core_siblings_list
        12-15

        === sys/devices/system/cpu/cpu12/topology/die_cpus_list
        12-15

        === sys/devices/system/cpu/cpu12/topology/die_id
        3

        === sys/devices/system/cpu/cpu12/topology/package_cpus_list
        12-15

        === sys/devices/system/cpu/cpu12/topology/physical_package_id
        3

        === sys/devices/system/cpu/cpu12/topology/thread_siblings_list
        12

        === sys/devices/system/cpu/cpu13/cache/index0/id
        13

        === sys/devices/system/cpu/cpu13/cache/index0/level
        1

        === sys/devices/system/cpu/cpu13/cache/index0/shared_cpu_list
        13

        === sys/devices/system/cpu/cpu13/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu13/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu13/cache/index1/id
        13

        === sys/devices/system/cpu/cpu13/cache/index1/level
        1

        === sys/devices/system/cpu/cpu13/cache/index1/shared_cpu_list
        13

        === sys/devices/system/cpu/cpu13/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu13/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu13/cache/index2/id
        13

        === sys/devices/system/cpu/cpu13/cache/index2/level
        2

        === sys/devices/system/cpu/cpu13/cache/index2/shared_cpu_list
        13

        === sys/devices/system/cpu/cpu13/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu13/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu13/cache/index3/id
        13

        === sys/devices/system/cpu/cpu13/cache/index3/level
        3

        === sys/devices/system/cpu/cpu13/cache/index3/shared_cpu_list
        12-15

        === sys/devices/system/cpu/cpu13/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu13/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu13/online
        1

        === sys/devices/system/cpu/cpu13/topology/cluster_cpus_list
        13

        === sys/devices/system/cpu/cpu13/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu13/topology/core_cpus_list
        13

        === sys/devices/system/cpu/cpu13/topology/core_id
        1

        === sys/devices/system/cpu/cpu13/topology/core_siblings_list
        12-15

        === sys/devices/system/cpu/cpu13/topology/die_cpus_list
        12-15

        === sys/devices/system/cpu/cpu13/topology/die_id
        3

        === sys/devices/system/cpu/cpu13/topology/package_cpus_list
        12-15

        === sys/devices/system/cpu/cpu13/topology/physical_package_id
        3

        === sys/devices/system/cpu/cpu13/topology/thread_siblings_list
        13

        === sys/devices/system/cpu/cpu14/cache/index0/id
        14

        === sys/devices/system/cpu/cpu14/cache/index0/level
        1

        === sys/devices/system/cpu/cpu14/cache/index0/shared_cpu_list
        14

        === sys/devices/system/cpu/cpu14/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu14/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu14/cache/index1/id
        14

        === sys/devices/system/cpu/cpu14/cache/index1/level
        1

        === sys/devices/system/cpu/cpu14/cache/index1/shared_cpu_list
        14

        === sys/devices/system/cpu/cpu14/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu14/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu14/cache/index2/id
        14

        === sys/devices/system/cpu/cpu14/cache/index2/level
        2

        === sys/devices/system/cpu/cpu14/cache/index2/shared_cpu_list
        14

        === sys/devices/system/cpu/cpu14/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu14/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu14/cache/index3/id
        14

        === sys/devices/system/cpu/cpu14/cache/index3/level
        3

        === sys/devices/system/cpu/cpu14/cache/index3/shared_cpu_list
        12-15

        === sys/devices/system/cpu/cpu14/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu14/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu14/online
        1

        === sys/devices/system/cpu/cpu14/topology/cluster_cpus_list
        14

        === sys/devices/system/cpu/cpu14/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu14/topology/core_cpus_list
        14

        === sys/devices/system/cpu/cpu14/topology/core_id
        2

        === sys/devices/system/cpu/cpu14/topology/core_siblings_list
        12-15

        === sys/devices/system/cpu/cpu14/topology/die_cpus_list
        12-15

        === sys/devices/system/cpu/cpu14/topology/die_id
        3

        === sys/devices/system/cpu/cpu14/topology/package_cpus_list
        12-15

        === sys/devices/system/cpu/cpu14/topology/physical_package_id
        3

        === sys/devices/system/cpu/cpu14/topology/thread_siblings_list
        14

        === sys/devices/system/cpu/cpu15/cache/index0/id
        15

        === sys/devices/system/cpu/cpu15/cache/index0/level
        1

        === sys/devices/system/cpu/cpu15/cache/index0/shared_cpu_list
        15

        === sys/devices/system/cpu/cpu15/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu15/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu15/cache/index1/id
        15

        === sys/devices/system/cpu/cpu15/cache/index1/level
        1

        === sys/devices/system/cpu/cpu15/cache/index1/shared_cpu_list
        15

        === sys/devices/system/cpu/cpu15/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu15/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu15/cache/index2/id
        15

        === sys/devices/system/cpu/cpu15/cache/index2/level
        2

        === sys/devices/system/cpu/cpu15/cache/index2/shared_cpu_list
        15

        === sys/devices/system/cpu/cpu15/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu15/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu15/cache/index3/id
        15

        === sys/devices/system/cpu/cpu15/cache/index3/level
        3

        === sys/devices/system/cpu/cpu15/cache/index3/shared_cpu_list
        12-15

        === sys/devices/system/cpu/cpu15/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu15/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu15/online
        1

        === sys/devices/system/cpu/cpu15/topology/cluster_cpus_list
        15

        === sys/devices/system/cpu/cpu15/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu15/topology/core_cpus_list
        15

        === sys/devices/system/cpu/cpu15/topology/core_id
        3

        === sys/devices/system/cpu/cpu15/topology/core_siblings_list
        12-15

        === sys/devices/system/cpu/cpu15/topology/die_cpus_list
        12-15

        === sys/devices/system/cpu/cpu15/topology/die_id
        3

        === sys/devices/system/cpu/cpu15/topology/package_cpus_list
        12-15

        === sys/devices/system/cpu/cpu15/topology/physical_package_id
        3

        === sys/devices/system/cpu/cpu15/topology/thread_siblings_list
        15

        === sys/devices/system/cpu/cpu2/cache/index0/id
        2

        === sys/devices/system/cpu/cpu2/cache/index0/level
        1

        === sys/devices/system/cpu/cpu2/cache/index0/shared_cpu_list
        2

        === sys/devices/system/cpu/cpu2/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu2/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu2/cache/index1/id
        2

        === sys/devices/system/cpu/cpu2/cache/index1/level
        1

        === sys/devices/system/cpu/cpu2/cache/index1/shared_cpu_list
        2

        === sys/devices/system/cpu/cpu2/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu2/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu2/cache/index2/id
        2

        === sys/devices/system/cpu/cpu2/cache/index2/level
        2

        === sys/devices/system/cpu/cpu2/cache/index2/shared_cpu_list
        2

        === sys/devices/system/cpu/cpu2/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu2/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu2/cache/index3/id
        2

        === sys/devices/system/cpu/cpu2/cache/index3/level
        3

        === sys/devices/system/cpu/cpu2/cache/index3/shared_cpu_list
        0-3

        === sys/devices/system/cpu/cpu2/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu2/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu2/online
        1

        === sys/devices/system/cpu/cpu2/topology/cluster_cpus_list
        2

        === sys/devices/system/cpu/cpu2/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu2/topology/core_cpus_list
        2

        === sys/devices/system/cpu/cpu2/topology/core_id
        2

        === sys/devices/system/cpu/cpu2/topology/core_siblings_list
        0-3

        === sys/devices/system/cpu/cpu2/topology/die_cpus_list
        0-3

        === sys/devices/system/cpu/cpu2/topology/die_id
        0

        === sys/devices/system/cpu/cpu2/topology/package_cpus_list
        0-3

        === sys/devices/system/cpu/cpu2/topology/physical_package_id
        0

        === sys/devices/system/cpu/cpu2/topology/thread_siblings_list
        2

        === sys/devices/system/cpu/cpu3/cache/index0/id
        3

        === sys/devices/system/cpu/cpu3/cache/index0/level
        1

        === sys/devices/system/cpu/cpu3/cache/index0/shared_cpu_list
        3

        === sys/devices/system/cpu/cpu3/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu3/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu3/cache/index1/id
        3

        === sys/devices/system/cpu/cpu3/cache/index1/level
        1

        === sys/devices/system/cpu/cpu3/cache/index1/shared_cpu_list
        3

        === sys/devices/system/cpu/cpu3/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu3/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu3/cache/index2/id
        3

        === sys/devices/system/cpu/cpu3/cache/index2/level
        2

        === sys/devices/system/cpu/cpu3/cache/index2/shared_cpu_list
        3

        === sys/devices/system/cpu/cpu3/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu3/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu3/cache/index3/id
        3

        === sys/devices/system/cpu/cpu3/cache/index3/level
        3

        === sys/devices/system/cpu/cpu3/cache/index3/shared_cpu_list
        0-3

        === sys/devices/system/cpu/cpu3/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu3/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu3/online
        1

        === sys/devices/system/cpu/cpu3/topology/cluster_cpus_list
        3

        === sys/devices/system/cpu/cpu3/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu3/topology/core_cpus_list
        3

        === sys/devices/system/cpu/cpu3/topology/core_id
        3

        === sys/devices/system/cpu/cpu3/topology/core_siblings_list
        0-3

        === sys/devices/system/cpu/cpu3/topology/die_cpus_list
        0-3

        === sys/devices/system/cpu/cpu3/topology/die_id
        0

        === sys/devices/system/cpu/cpu3/topology/package_cpus_list
        0-3

        === sys/devices/system/cpu/cpu3/topology/physical_package_id
        0

        === sys/devices/system/cpu/cpu3/topology/thread_siblings_list
        3

        === sys/devices/system/cpu/cpu4/cache/index0/id
        4

        === sys/devices/system/cpu/cpu4/cache/index0/level
        1

        === sys/devices/system/cpu/cpu4/cache/index0/shared_cpu_list
        4

        === sys/devices/system/cpu/cpu4/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu4/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu4/cache/index1/id
        4

        === sys/devices/system/cpu/cpu4/cache/index1/level
        1

        === sys/devices/system/cpu/cpu4/cache/index1/shared_cpu_list
        4

        === sys/devices/system/cpu/cpu4/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu4/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu4/cache/index2/id
        4

        === sys/devices/system/cpu/cpu4/cache/index2/level
        2

        === sys/devices/system/cpu/cpu4/cache/index2/shared_cpu_list
        4

        === sys/devices/system/cpu/cpu4/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu4/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu4/cache/index3/id
        4

        === sys/devices/system/cpu/cpu4/cache/index3/level
        3

        === sys/devices/system/cpu/cpu4/cache/index3/shared_cpu_list
        4-7

        === sys/devices/system/cpu/cpu4/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu4/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu4/online
        1

        === sys/devices/system/cpu/cpu4/topology/cluster_cpus_list
        4

        === sys/devices/system/cpu/cpu4/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu4/topology/core_cpus_list
        4

        === sys/devices/system/cpu/cpu4/topology/core_id
        0

        === sys/devices/system/cpu/cpu4/topology/core_siblings_list
        4-7

        === sys/devices/system/cpu/cpu4/topology/die_cpus_list
        4-7

        === sys/devices/system/cpu/cpu4/topology/die_id
        1

        === sys/devices/system/cpu/cpu4/topology/package_cpus_list
        4-7

        === sys/devices/system/cpu/cpu4/topology/physical_package_id
        1

        === sys/devices/system/cpu/cpu4/topology/thread_siblings_list
        4

        === sys/devices/system/cpu/cpu5/cache/index0/id
        5

        === sys/devices/system/cpu/cpu5/cache/index0/level
        1

        === sys/devices/system/cpu/cpu5/cache/index0/shared_cpu_list
        5

        === sys/devices/system/cpu/cpu5/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu5/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu5/cache/index1/id
        5

        === sys/devices/system/cpu/cpu5/cache/index1/level
        1

        === sys/devices/system/cpu/cpu5/cache/index1/shared_cpu_list
        5

        === sys/devices/system/cpu/cpu5/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu5/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu5/cache/index2/id
        5

        === sys/devices/system/cpu/cpu5/cache/index2/level
        2

        === sys/devices/system/cpu/cpu5/cache/index2/shared_cpu_list
        5

        === sys/devices/system/cpu/cpu5/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu5/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu5/cache/index3/id
        5

        === sys/devices/system/cpu/cpu5/cache/index3/level
        3

        === sys/devices/system/cpu/cpu5/cache/index3/shared_cpu_list
        4-7

        === sys/devices/system/cpu/cpu5/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu5/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu5/online
        1

        === sys/devices/system/cpu/cpu5/topology/cluster_cpus_list
        5

        === sys/devices/system/cpu/cpu5/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu5/topology/core_cpus_list
        5

        === sys/devices/system/cpu/cpu5/topology/core_id
        1

        === sys/devices/system/cpu/cpu5/topology/core_siblings_list
        4-7

        === sys/devices/system/cpu/cpu5/topology/die_cpus_list
        4-7

        === sys/devices/system/cpu/cpu5/topology/die_id
        1

        === sys/devices/system/cpu/cpu5/topology/package_cpus_list
        4-7

        === sys/devices/system/cpu/cpu5/topology/physical_package_id
        1

        === sys/devices/system/cpu/cpu5/topology/thread_siblings_list
        5

        === sys/devices/system/cpu/cpu6/cache/index0/id
        6

        === sys/devices/system/cpu/cpu6/cache/index0/level
        1

        === sys/devices/system/cpu/cpu6/cache/index0/shared_cpu_list
        6

        === sys/devices/system/cpu/cpu6/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu6/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu6/cache/index1/id
        6

        === sys/devices/system/cpu/cpu6/cache/index1/level
        1

        === sys/devices/system/cpu/cpu6/cache/index1/shared_cpu_list
        6

        === sys/devices/system/cpu/cpu6/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu6/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu6/cache/index2/id
        6

        === sys/devices/system/cpu/cpu6/cache/index2/level
        2

        === sys/devices/system/cpu/cpu6/cache/index2/shared_cpu_list
        6

        === sys/devices/system/cpu/cpu6/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu6/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu6/cache/index3/id
        6

        === sys/devices/system/cpu/cpu6/cache/index3/level
        3

        === sys/devices/system/cpu/cpu6/cache/index3/shared_cpu_list
        4-7

        === sys/devices/system/cpu/cpu6/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu6/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu6/online
        1

        === sys/devices/system/cpu/cpu6/topology/cluster_cpus_list
        6

        === sys/devices/system/cpu/cpu6/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu6/topology/core_cpus_list
        6

        === sys/devices/system/cpu/cpu6/topology/core_id
        2

        === sys/devices/system/cpu/cpu6/topology/core_siblings_list
        4-7

        === sys/devices/system/cpu/cpu6/topology/die_cpus_list
        4-7

        === sys/devices/system/cpu/cpu6/topology/die_id
        1

        === sys/devices/system/cpu/cpu6/topology/package_cpus_list
        4-7

        === sys/devices/system/cpu/cpu6/topology/physical_package_id
        1

        === sys/devices/system/cpu/cpu6/topology/thread_siblings_list
        6

        === sys/devices/system/cpu/cpu7/cache/index0/id
        7

        === sys/devices/system/cpu/cpu7/cache/index0/level
        1

        === sys/devices/system/cpu/cpu7/cache/index0/shared_cpu_list
        7

        === sys/devices/system/cpu/cpu7/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu7/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu7/cache/index1/id
        7

        === sys/devices/system/cpu/cpu7/cache/index1/level
        1

        === sys/devices/system/cpu/cpu7/cache/index1/shared_cpu_list
        7

        === sys/devices/system/cpu/cpu7/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu7/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu7/cache/index2/id
        7

        === sys/devices/system/cpu/cpu7/cache/index2/level
        2

        === sys/devices/system/cpu/cpu7/cache/index2/shared_cpu_list
        7

        === sys/devices/system/cpu/cpu7/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu7/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu7/cache/index3/id
        7

        === sys/devices/system/cpu/cpu7/cache/index3/level
        3

        === sys/devices/system/cpu/cpu7/cache/index3/shared_cpu_list
        4-7

        === sys/devices/system/cpu/cpu7/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu7/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu7/online
        1

        === sys/devices/system/cpu/cpu7/topology/cluster_cpus_list
        7

        === sys/devices/system/cpu/cpu7/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu7/topology/core_cpus_list
        7

        === sys/devices/system/cpu/cpu7/topology/core_id
        3

        === sys/devices/system/cpu/cpu7/topology/core_siblings_list
        4-7

        === sys/devices/system/cpu/cpu7/topology/die_cpus_list
        4-7

        === sys/devices/system/cpu/cpu7/topology/die_id
        1

        === sys/devices/system/cpu/cpu7/topology/package_cpus_list
        4-7

        === sys/devices/system/cpu/cpu7/topology/physical_package_id
        1

        === sys/devices/system/cpu/cpu7/topology/thread_siblings_list
        7

        === sys/devices/system/cpu/cpu8/cache/index0/id
        8

        === sys/devices/system/cpu/cpu8/cache/index0/level
        1

        === sys/devices/system/cpu/cpu8/cache/index0/shared_cpu_list
        8

        === sys/devices/system/cpu/cpu8/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu8/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu8/cache/index1/id
        8

        === sys/devices/system/cpu/cpu8/cache/index1/level
        1

        === sys/devices/system/cpu/cpu8/cache/index1/shared_cpu_list
        8

        === sys/devices/system/cpu/cpu8/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu8/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu8/cache/index2/id
        8

        === sys/devices/system/cpu/cpu8/cache/index2/level
        2

        === sys/devices/system/cpu/cpu8/cache/index2/shared_cpu_list
        8

        === sys/devices/system/cpu/cpu8/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu8/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu8/cache/index3/id
        8

        === sys/devices/system/cpu/cpu8/cache/index3/level
        3

        === sys/devices/system/cpu/cpu8/cache/index3/shared_cpu_list
        8-11

        === sys/devices/system/cpu/cpu8/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu8/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu8/online
        1

        === sys/devices/system/cpu/cpu8/topology/cluster_cpus_list
        8

        === sys/devices/system/cpu/cpu8/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu8/topology/core_cpus_list
        8

        === sys/devices/system/cpu/cpu8/topology/core_id
        0

        === sys/devices/system/cpu/cpu8/topology/core_siblings_list
        8-11

        === sys/devices/system/cpu/cpu8/topology/die_cpus_list
        8-11

        === sys/devices/system/cpu/cpu8/topology/die_id
        2

        === sys/devices/system/cpu/cpu8/topology/package_cpus_list
        8-11

        === sys/devices/system/cpu/cpu8/topology/physical_package_id
        2

        === sys/devices/system/cpu/cpu8/topology/thread_siblings_list
        8

        === sys/devices/system/cpu/cpu9/cache/index0/id
        9

        === sys/devices/system/cpu/cpu9/cache/index0/level
        1

        === sys/devices/system/cpu/cpu9/cache/index0/shared_cpu_list
        9

        === sys/devices/system/cpu/cpu9/cache/index0/size
        32K

        === sys/devices/system/cpu/cpu9/cache/index0/type
        Data

        === sys/devices/system/cpu/cpu9/cache/index1/id
        9

        === sys/devices/system/cpu/cpu9/cache/index1/level
        1

        === sys/devices/system/cpu/cpu9/cache/index1/shared_cpu_list
        9

        === sys/devices/system/cpu/cpu9/cache/index1/size
        32K

        === sys/devices/system/cpu/cpu9/cache/index1/type
        Instruction

        === sys/devices/system/cpu/cpu9/cache/index2/id
        9

        === sys/devices/system/cpu/cpu9/cache/index2/level
        2

        === sys/devices/system/cpu/cpu9/cache/index2/shared_cpu_list
        9

        === sys/devices/system/cpu/cpu9/cache/index2/size
        512K

        === sys/devices/system/cpu/cpu9/cache/index2/type
        Unified

        === sys/devices/system/cpu/cpu9/cache/index3/id
        9

        === sys/devices/system/cpu/cpu9/cache/index3/level
        3

        === sys/devices/system/cpu/cpu9/cache/index3/shared_cpu_list
        8-11

        === sys/devices/system/cpu/cpu9/cache/index3/size
        16384K

        === sys/devices/system/cpu/cpu9/cache/index3/type
        Unified

        === sys/devices/system/cpu/cpu9/online
        1

        === sys/devices/system/cpu/cpu9/topology/cluster_cpus_list
        9

        === sys/devices/system/cpu/cpu9/topology/cluster_id
        65535

        === sys/devices/system/cpu/cpu9/topology/core_cpus_list
        9

        === sys/devices/system/cpu/cpu9/topology/core_id
        1

        === sys/devices/system/cpu/cpu9/topology/core_siblings_list
        8-11

        === sys/devices/system/cpu/cpu9/topology/die_cpus_list
        8-11

        === sys/devices/system/cpu/cpu9/topology/die_id
        2

        === sys/devices/system/cpu/cpu9/topology/package_cpus_list
        8-11

        === sys/devices/system/cpu/cpu9/topology/physical_package_id
        2

        === sys/devices/system/cpu/cpu9/topology/thread_siblings_list
        9

        === sys/devices/system/cpu/isolated


        === sys/devices/system/cpu/nohz_full
                  (null)

        === sys/devices/system/cpu/offline


        === sys/devices/system/cpu/online
        0-15

        === sys/devices/system/cpu/possible
        0-15

        === sys/devices/system/cpu/present
        0-15

        === sys/devices/system/cpu/smt/active
        0

        === sys/devices/system/cpu/smt/control
        notsupported

        === sys/devices/system/node/has_cpu
        0-3

        === sys/devices/system/node/has_memory
        0-3

        === sys/devices/system/node/has_normal_memory
        0-3

        === sys/devices/system/node/node0/cpulist
        0-3

        === sys/devices/system/node/node0/distance
        10 21 21 21

        === sys/devices/system/node/node0/hugepages/hugepages-1048576kB/free_hugepages
        0

        === sys/devices/system/node/node0/hugepages/hugepages-1048576kB/nr_hugepages
        0

        === sys/devices/system/node/node0/hugepages/hugepages-1048576kB/surplus_hugepages
        0

        === sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages
        1024

        === sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages
        1024

        === sys/devices/system/node/node0/hugepages/hugepages-2048kB/surplus_hugepages
        0

        === sys/devices/system/node/node0/meminfo
        Node 0 MemTotal:       16401868 kB
        Node 0 MemFree:        14208092 kB
        Node 0 MemUsed:         2193776 kB
        Node 0 SwapCached:            0 kB
        Node 0 Active:                4 kB
        Node 0 Inactive:           1336 kB
        Node 0 Active(anon):          4 kB
        Node 0 Inactive(anon):     1336 kB
        Node 0 Active(file):          0 kB
        Node 0 Inactive(file):        0 kB
        Node 0 Unevictable:           0 kB
        Node 0 Mlocked:               0 kB
        Node 0 Dirty:                 0 kB
        Node 0 Writeback:             0 kB
        Node 0 FilePages:          1204 kB
        Node 0 Mapped:                4 kB
        Node 0 AnonPages:           136 kB
        Node 0 Shmem:              1204 kB
        Node 0 KernelStack:        1428 kB
        Node 0 PageTables:           52 kB
        Node 0 SecPageTables:         0 kB
        Node 0 NFS_Unstable:          0 kB
        Node 0 Bounce:                0 kB
        Node 0 WritebackTmp:          0 kB
        Node 0 KReclaimable:       2672 kB
        Node 0 Slab:               9732 kB
        Node 0 SReclaimable:       2672 kB
        Node 0 SUnreclaim:         7060 kB
        Node 0 AnonHugePages:         0 kB
        Node 0 ShmemHugePages:        0 kB
        Node 0 ShmemPmdMapped:        0 kB
        Node 0 FileHugePages:        0 kB
        Node 0 FilePmdMapped:        0 kB
        Node 0 HugePages_Total:  1024
        Node 0 HugePages_Free:   1024
        Node 0 HugePages_Surp:      0

        === sys/devices/system/node/node0/numastat
        numa_hit 34201
        numa_miss 0
        numa_foreign 0
        interleave_hit 174
        local_node 32367
        other_node 1834

        === sys/devices/system/node/node1/cpulist
        4-7

        === sys/devices/system/node/node1/distance
        21 10 21 21

        === sys/devices/system/node/node1/hugepages/hugepages-1048576kB/free_hugepages
        0

        === sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages
        0

        === sys/devices/system/node/node1/hugepages/hugepages-1048576kB/surplus_hugepages
        0

        === sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages
        1024

        === sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages
        1024

        === sys/devices/system/node/node1/hugepages/hugepages-2048kB/surplus_hugepages
        0

        === sys/devices/system/node/node1/meminfo
        Node 1 MemTotal:       16513896 kB
        Node 1 MemFree:        14309860 kB
        Node 1 MemUsed:         2204036 kB
        Node 1 SwapCached:            0 kB
        Node 1 Active:             1316 kB
        Node 1 Inactive:           1624 kB
        Node 1 Active(anon):          0 kB
        Node 1 Inactive(anon):     1316 kB
        Node 1 Active(file):       1316 kB
        Node 1 Inactive(file):      308 kB
        Node 1 Unevictable:           0 kB
        Node 1 Mlocked:               0 kB
        Node 1 Dirty:                 0 kB
        Node 1 Writeback:             0 kB
        Node 1 FilePages:          2964 kB
        Node 1 Mapped:                0 kB
        Node 1 AnonPages:             0 kB
        Node 1 Shmem:              1340 kB
        Node 1 KernelStack:         564 kB
        Node 1 PageTables:            0 kB
        Node 1 SecPageTables:         0 kB
        Node 1 NFS_Unstable:          0 kB
        Node 1 Bounce:                0 kB
        Node 1 WritebackTmp:          0 kB
        Node 1 KReclaimable:       1672 kB
        Node 1 Slab:               7416 kB
        Node 1 SReclaimable:       1672 kB
        Node 1 SUnreclaim:         5744 kB
        Node 1 AnonHugePages:         0 kB
        Node 1 ShmemHugePages:        0 kB
        Node 1 ShmemPmdMapped:        0 kB
        Node 1 FileHugePages:        0 kB
        Node 1 FilePmdMapped:        0 kB
        Node 1 HugePages_Total:  1024
        Node 1 HugePages_Free:   1024
        Node 1 HugePages_Surp:      0

        === sys/devices/system/node/node1/numastat
        numa_hit 39972
        numa_miss 0
        numa_foreign 0
        interleave_hit 232
        local_node 36608
        other_node 3364

        === sys/devices/system/node/node2/cpulist
        8-11

        === sys/devices/system/node/node2/distance
        21 21 10 21

        === sys/devices/system/node/node2/hugepages/hugepages-1048576kB/free_hugepages
        0

        === sys/devices/system/node/node2/hugepages/hugepages-1048576kB/nr_hugepages
        0

        === sys/devices/system/node/node2/hugepages/hugepages-1048576kB/surplus_hugepages
        0

        === sys/devices/system/node/node2/hugepages/hugepages-2048kB/free_hugepages
        0

        === sys/devices/system/node/node2/hugepages/hugepages-2048kB/nr_hugepages
        0

        === sys/devices/system/node/node2/hugepages/hugepages-2048kB/surplus_hugepages
        0

        === sys/devices/system/node/node2/meminfo
        Node 2 MemTotal:       16513896 kB
        Node 2 MemFree:        16378084 kB
        Node 2 MemUsed:          135812 kB
        Node 2 SwapCached:            0 kB
        Node 2 Active:               12 kB
        Node 2 Inactive:           1424 kB
        Node 2 Active(anon):         12 kB
        Node 2 Inactive(anon):     1424 kB
        Node 2 Active(file):          0 kB
        Node 2 Inactive(file):        0 kB
        Node 2 Unevictable:       21468 kB
        Node 2 Mlocked:               0 kB
        Node 2 Dirty:                 0 kB
        Node 2 Writeback:             0 kB
        Node 2 FilePages:         22876 kB
        Node 2 Mapped:             1660 kB
        Node 2 AnonPages:            32 kB
        Node 2 Shmem:              1408 kB
        Node 2 KernelStack:         644 kB
        Node 2 PageTables:           56 kB
        Node 2 SecPageTables:         0 kB
        Node 2 NFS_Unstable:          0 kB
        Node 2 Bounce:                0 kB
        Node 2 WritebackTmp:          0 kB
        Node 2 KReclaimable:      10228 kB
        Node 2 Slab:              16008 kB
        Node 2 SReclaimable:      10228 kB
        Node 2 SUnreclaim:         5780 kB
        Node 2 AnonHugePages:         0 kB
        Node 2 ShmemHugePages:        0 kB
        Node 2 ShmemPmdMapped:        0 kB
        Node 2 FileHugePages:        0 kB
        Node 2 FilePmdMapped:        0 kB
        Node 2 HugePages_Total:     0
        Node 2 HugePages_Free:      0
        Node 2 HugePages_Surp:      0

        === sys/devices/system/node/node2/numastat
        numa_hit 45770
        numa_miss 0
        numa_foreign 0
        interleave_hit 172
        local_node 44759
        other_node 1011

        === sys/devices/system/node/node3/cpulist
        12-15

        === sys/devices/system/node/node3/distance
        21 21 21 10

        === sys/devices/system/node/node3/hugepages/hugepages-1048576kB/free_hugepages
        0

        === sys/devices/system/node/node3/hugepages/hugepages-1048576kB/nr_hugepages
        0

        === sys/devices/system/node/node3/hugepages/hugepages-1048576kB/surplus_hugepages
        0

        === sys/devices/system/node/node3/hugepages/hugepages-2048kB/free_hugepages
        0

        === sys/devices/system/node/node3/hugepages/hugepages-2048kB/nr_hugepages
        0

        === sys/devices/system/node/node3/hugepages/hugepages-2048kB/surplus_hugepages
        0

        === sys/devices/system/node/node3/meminfo
        Node 3 MemTotal:       16513068 kB
        Node 3 MemFree:        16446772 kB
        Node 3 MemUsed:           66296 kB
        Node 3 SwapCached:            0 kB
        Node 3 Active:              308 kB
        Node 3 Inactive:            620 kB
        Node 3 Active(anon):          0 kB
        Node 3 Inactive(anon):      620 kB
        Node 3 Active(file):        308 kB
        Node 3 Inactive(file):        0 kB
        Node 3 Unevictable:        1072 kB
        Node 3 Mlocked:               0 kB
        Node 3 Dirty:                 0 kB
        Node 3 Writeback:             0 kB
        Node 3 FilePages:          2032 kB
        Node 3 Mapped:                0 kB
        Node 3 AnonPages:             0 kB
        Node 3 Shmem:               652 kB
        Node 3 KernelStack:         548 kB
        Node 3 PageTables:            0 kB
        Node 3 SecPageTables:         0 kB
        Node 3 NFS_Unstable:          0 kB
        Node 3 Bounce:                0 kB
        Node 3 WritebackTmp:          0 kB
        Node 3 KReclaimable:       1844 kB
        Node 3 Slab:               6828 kB
        Node 3 SReclaimable:       1844 kB
        Node 3 SUnreclaim:         4984 kB
        Node 3 AnonHugePages:         0 kB
        Node 3 ShmemHugePages:        0 kB
        Node 3 ShmemPmdMapped:        0 kB
        Node 3 FileHugePages:        0 kB
        Node 3 FilePmdMapped:        0 kB
        Node 3 HugePages_Total:     0
        Node 3 HugePages_Free:      0
        Node 3 HugePages_Surp:      0

        === sys/devices/system/node/node3/numastat
        numa_hit 19334
        numa_miss 0
        numa_foreign 0
        interleave_hit 231
        local_node 16718
        other_node 2616

        === sys/devices/system/node/online
        0-3

        === sys/devices/system/node/possible
        0-3

        === sys/fs/cgroup/cgroup.controllers
        cpuset cpu io memory hugetlb pids rdma misc

        === sys/fs/cgroup/cpuset.cpus.effective
        0-15

        === sys/fs/cgroup/cpuset.mems.effective
        0-3

        === sys/kernel/debug/sched/features
        GENTLE_FAIR_SLEEPERS START_DEBIT NO_NEXT_BUDDY LAST_BUDDY CACHE_HOT_BUDDY WAKEUP_PREEMPTION NO_HRTICK NO_HRTICK_DL NO_DOUBLE_TICK NONTASK_CAPACITY TTWU_QUEUE NO_SIS_PROP SIS_UTIL NO_WARN_DOUBLE_CLOCK NO_RT_PUSH_IPI NO_RT_RUNTIME_SHARE NO_LB_MIN ATTACH_AGE_LOAD WA_IDLE WA_WEIGHT WA_BIAS UTIL_EST UTIL_EST_FASTUP NO_LATENCY_WARN NI_RANDOM ALT_PERIOD BASE_SLICE 

        === sys/kernel/debug/sched/numa_balancing/hot_threshold_ms
        1000

        === sys/kernel/debug/sched/numa_balancing/scan_delay_ms
        1000

        === sys/kernel/debug/sched/numa_balancing/scan_period_max_ms
        60000

        === sys/kernel/debug/sched/numa_balancing/scan_period_min_ms
        1000

        === sys/kernel/debug/sched/numa_balancing/scan_size_mb
        256

        === sys/kernel/mm/hugepages/hugepages-1048576kB/demote_size
        2048kB

        === sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages
        0

        === sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages
        0

        === sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages_mempolicy
        0

        === sys/kernel/mm/hugepages/hugepages-1048576kB/nr_overcommit_hugepages
        0

        === sys/kernel/mm/hugepages/hugepages-1048576kB/resv_hugepages
        0

        === sys/kernel/mm/hugepages/hugepages-1048576kB/surplus_hugepages
        0

        === sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages
        2048

        === sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
        2048

        === sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages_mempolicy
        2048

        === sys/kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages
        0

        === sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages
        0

        === sys/kernel/mm/hugepages/hugepages-2048kB/surplus_hugepages
        0

        === sys/kernel/mm/ksm/full_scans
        0

        === sys/kernel/mm/ksm/max_page_sharing
        256

        === sys/kernel/mm/ksm/merge_across_nodes
        1

        === sys/kernel/mm/ksm/pages_shared
        0

        === sys/kernel/mm/ksm/pages_sharing
        0

        === sys/kernel/mm/ksm/pages_to_scan
        100

        === sys/kernel/mm/ksm/pages_unshared
        0

        === sys/kernel/mm/ksm/pages_volatile
        0

        === sys/kernel/mm/ksm/run
        1

        === sys/kernel/mm/ksm/sleep_millisecs
        20

        === sys/kernel/mm/ksm/stable_node_chains
        0

        === sys/kernel/mm/ksm/stable_node_chains_prune_millisecs
        2000

        === sys/kernel/mm/ksm/stable_node_dups
        0

        === sys/kernel/mm/ksm/use_zero_pages
        0

        === sys/kernel/mm/transparent_hugepage/defrag
        [always] defer defer+madvise madvise never

        === sys/kernel/mm/transparent_hugepage/enabled
        [always] madvise never

        === sys/kernel/mm/transparent_hugepage/hpage_pmd_size
        2097152

        === sys/kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs
        60000

        === sys/kernel/mm/transparent_hugepage/khugepaged/defrag
        1

        === sys/kernel/mm/transparent_hugepage/khugepaged/full_scans
        0

        === sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none
        511

        === sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_shared
        256

        === sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_swap
        64

        === sys/kernel/mm/transparent_hugepage/khugepaged/pages_collapsed
        0

        === sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan
        4096

        === sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs
        10000

        === sys/kernel/mm/transparent_hugepage/shmem_enabled
        always within_size advise [never] deny force

        === sys/kernel/mm/transparent_hugepage/use_zero_page
        1

        === sys/module/kvm/parameters/eager_page_split
        Y

        === sys/module/kvm/parameters/enable_pmu
        N

        === sys/module/kvm/parameters/enable_vmware_backdoor
        N

        === sys/module/kvm/parameters/flush_on_reuse
        N

        === sys/module/kvm/parameters/force_emulation_prefix
        0

        === sys/module/kvm/parameters/halt_poll_ns
        200000

        === sys/module/kvm/parameters/halt_poll_ns_grow
        2

        === sys/module/kvm/parameters/halt_poll_ns_grow_start
        10000

        === sys/module/kvm/parameters/halt_poll_ns_shrink
        0

        === sys/module/kvm/parameters/ignore_msrs
        N

        === sys/module/kvm/parameters/kvmclock_periodic_sync
        Y

        === sys/module/kvm/parameters/lapic_timer_advance_ns
        -1

        === sys/module/kvm/parameters/min_timer_period_us
        200

        === sys/module/kvm/parameters/mitigate_smt_rsb
        N

        === sys/module/kvm/parameters/mmio_caching
        Y

        === sys/module/kvm/parameters/nx_huge_pages
        N

        === sys/module/kvm/parameters/nx_huge_pages_recovery_period_ms
        0

        === sys/module/kvm/parameters/nx_huge_pages_recovery_ratio
        60

        === sys/module/kvm/parameters/pi_inject_timer
        0

        === sys/module/kvm/parameters/report_ignored_msrs
        Y

        === sys/module/kvm/parameters/tdp_mmu
        Y

        === sys/module/kvm/parameters/tsc_tolerance_ppm
        250

        === sys/module/kvm/parameters/vector_hashing
        Y

        === sys/module/kvm_amd/parameters/avic
        N

        === sys/module/kvm_amd/parameters/dump_invalid_vmcb
        N

        === sys/module/kvm_amd/parameters/force_avic
        N

        === sys/module/kvm_amd/parameters/intercept_smi
        Y

        === sys/module/kvm_amd/parameters/lbrv
        0

        === sys/module/kvm_amd/parameters/nested
        1

        === sys/module/kvm_amd/parameters/npt
        Y

        === sys/module/kvm_amd/parameters/nrips
        0

        === sys/module/kvm_amd/parameters/pause_filter_count
        0

        === sys/module/kvm_amd/parameters/pause_filter_count_grow
        2

        === sys/module/kvm_amd/parameters/pause_filter_count_max
        65535

        === sys/module/kvm_amd/parameters/pause_filter_count_shrink
        0

        === sys/module/kvm_amd/parameters/pause_filter_thresh
        0

        === sys/module/kvm_amd/parameters/sev
        N

        === sys/module/kvm_amd/parameters/sev_es
        N

        === sys/module/kvm_amd/parameters/tsc_scaling
        0

        === sys/module/kvm_amd/parameters/vgif
        0

        === sys/module/kvm_amd/parameters/vls
        0

        """#
}
