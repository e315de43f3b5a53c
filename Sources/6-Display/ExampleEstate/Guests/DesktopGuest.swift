// desktop: a desktop over Spice.

extension ExampleGuests {
    static let desktop: String = #"""
        <domain type='kvm'>
          <name>desktop</name>
          <uuid>5f2c7a1e-0007-4c3e-9a51-000000000007</uuid>
          <memory unit='GiB'>4</memory>
          <currentMemory unit='GiB'>4</currentMemory>
          <vcpu placement='static'>2</vcpu>
          <os>
            <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
            <boot dev='hd'/>
          </os>
          <features><acpi/><apic/></features>
          <cpu mode='host-model'/>
          <clock offset='utc'/>
          <on_poweroff>destroy</on_poweroff>
          <on_reboot>restart</on_reboot>
          <on_crash>destroy</on_crash>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <disk type='file' device='disk'>
              <driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/>
              <source file='/var/lib/libvirt/images/desktop.qcow2'/>
              <target dev='vda' bus='virtio'/>
            </disk>
            <interface type='network'>
              <source network='default'/>
              <model type='virtio'/>
            </interface>
            <graphics type='spice' autoport='yes' listen='127.0.0.1'/>
            <video>
              <model type='qxl' ram='65536' vram='65536'/>
            </video>
            <sound model='ich9'/>
            <input type='tablet' bus='usb'/>
            <memballoon model='virtio'/>
            <rng model='virtio'>
              <backend model='random'>/dev/urandom</backend>
            </rng>
          </devices>
        </domain>
        """#
}
