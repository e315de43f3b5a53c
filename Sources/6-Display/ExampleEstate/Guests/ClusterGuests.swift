// cluster-a, cluster-b: two nodes of a cluster with a shared LUN, and a file that both write.

extension ExampleGuests {
    static let clusterA: String = #"""
        <domain type='kvm'>
          <name>cluster-a</name>
          <uuid>5f2c7a1e-0008-4c3e-9a51-000000000001</uuid>
          <memory unit='GiB'>4</memory>
          <currentMemory unit='GiB'>4</currentMemory>
          <vcpu placement='static'>2</vcpu>
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
              <source file='/var/lib/libvirt/images/cluster-a.qcow2'/>
              <target dev='vda' bus='virtio'/>
            </disk>
            <disk type='block' device='lun'>
              <driver name='qemu' type='raw' cache='none'/>
              <source dev='/dev/mapper/36589cfc000000537c47ad3eb2b20216e'/>
              <target dev='sda' bus='scsi'/>
              <shareable/>
            </disk>
            <disk type='file' device='disk'>
              <driver name='qemu' type='raw' cache='none' io='native' discard='unmap'/>
              <source file='/var/lib/libvirt/images/quorum.raw'/>
              <target dev='vdb' bus='virtio'/>
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

    static let clusterB: String = #"""
        <domain type='kvm'>
          <name>cluster-b</name>
          <uuid>5f2c7a1e-0008-4c3e-9a51-000000000002</uuid>
          <memory unit='GiB'>4</memory>
          <currentMemory unit='GiB'>4</currentMemory>
          <vcpu placement='static'>2</vcpu>
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
              <source file='/var/lib/libvirt/images/cluster-b.qcow2'/>
              <target dev='vda' bus='virtio'/>
            </disk>
            <disk type='block' device='lun'>
              <driver name='qemu' type='raw' cache='none'/>
              <source dev='/dev/mapper/36589cfc000000537c47ad3eb2b20216e'/>
              <target dev='sda' bus='scsi'/>
              <shareable/>
            </disk>
            <disk type='file' device='disk'>
              <driver name='qemu' type='raw' cache='none' io='native' discard='unmap'/>
              <source file='/var/lib/libvirt/images/quorum.raw'/>
              <target dev='vdb' bus='virtio'/>
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
