// web1, web2: alike, over one base image.

extension ExampleGuests {
    static let web1: String = #"""
        <domain type='kvm'>
          <name>web1</name>
          <uuid>5f2c7a1e-0002-4c3e-9a51-000000000001</uuid>
          <metadata>
            <libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
              <libosinfo:os id='http://debian.org/debian/12'/>
            </libosinfo:libosinfo>
          </metadata>
          <memory unit='GiB'>2</memory>
          <currentMemory unit='GiB'>2</currentMemory>
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
              <source file='/var/lib/libvirt/images/web1.qcow2'/>
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

    static let web2: String = #"""
        <domain type='kvm'>
          <name>web2</name>
          <uuid>5f2c7a1e-0002-4c3e-9a51-000000000002</uuid>
          <metadata>
            <libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
              <libosinfo:os id='http://debian.org/debian/12'/>
            </libosinfo:libosinfo>
          </metadata>
          <memory unit='GiB'>2</memory>
          <currentMemory unit='GiB'>2</currentMemory>
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
              <source file='/var/lib/libvirt/images/web2.qcow2'/>
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
