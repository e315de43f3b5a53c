// build: more vCPUs than the host has CPUs.

extension ExampleGuests {
    static let build: String = #"""
        <domain type='kvm'>
          <name>build</name>
          <uuid>5f2c7a1e-0009-4c3e-9a51-000000000009</uuid>
          <memory unit='GiB'>6</memory>
          <currentMemory unit='GiB'>6</currentMemory>
          <memtune>
            <hard_limit unit='GiB'>6</hard_limit>
            <soft_limit unit='GiB'>8</soft_limit>
          </memtune>
          <vcpu placement='static'>24</vcpu>
          <os>
            <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
            <boot dev='hd'/>
          </os>
          <features><acpi/><apic/></features>
          <cpu mode='host-passthrough' check='none' migratable='on'/>
          <clock offset='utc'/>
          <on_poweroff>destroy</on_poweroff>
          <on_reboot>restart</on_reboot>
          <on_crash>destroy</on_crash>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <disk type='file' device='disk'>
              <driver name='qemu' type='qcow2' cache='unsafe'/>
              <source file='/var/lib/libvirt/images/build.qcow2'/>
              <target dev='vda' bus='virtio'/>
            </disk>
            <interface type='network'>
              <source network='default'/>
              <model type='virtio'/>
            </interface>
            <memballoon model='virtio'/>
            <rng model='virtio'>
              <backend model='random'>/dev/urandom</backend>
            </rng>
            <serial type='pty'/>
            <console type='pty'/>
          </devices>
        </domain>
        """#
}
