// analytics: larger than any node, and bound to one.

extension ExampleGuests {
    static let analytics: String = #"""
        <domain type='kvm'>
          <name>analytics</name>
          <uuid>5f2c7a1e-0006-4c3e-9a51-000000000006</uuid>
          <metadata>
            <nearmetal:workload xmlns:nearmetal='https://nearmetal.example/xmlns/1'>compute</nearmetal:workload>
          </metadata>
          <memory unit='GiB'>24</memory>
          <currentMemory unit='GiB'>24</currentMemory>
          <vcpu placement='static'>8</vcpu>
          <numatune>
            <memory mode='strict' nodeset='2'/>
          </numatune>
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
              <driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/>
              <source file='/srv/vm/analytics.qcow2'/>
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
