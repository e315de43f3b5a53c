// win2022: Windows without its enlightenments.

extension ExampleGuests {
    static let win2022: String = #"""
        <domain type='kvm'>
          <name>win2022</name>
          <uuid>5f2c7a1e-0004-4c3e-9a51-000000000004</uuid>
          <metadata>
            <libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
              <libosinfo:os id='http://microsoft.com/win/2k22'/>
            </libosinfo:libosinfo>
          </metadata>
          <memory unit='GiB'>8</memory>
          <currentMemory unit='GiB'>8</currentMemory>
          <vcpu placement='static'>4</vcpu>
          <os>
            <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
            <boot dev='hd'/>
          </os>
          <features><acpi/><apic/></features>
          <cpu mode='host-passthrough' check='none' migratable='on'/>
          <clock offset='localtime'/>
          <on_poweroff>destroy</on_poweroff>
          <on_reboot>restart</on_reboot>
          <on_crash>destroy</on_crash>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <disk type='file' device='disk'>
              <driver name='qemu' type='qcow2'/>
              <source file='/var/lib/libvirt/images/win2022.qcow2'/>
              <target dev='sda' bus='sata'/>
            </disk>
            <interface type='network'>
              <source network='default'/>
              <model type='e1000e'/>
            </interface>
            <input type='tablet' bus='usb'/>
            <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>
            <video>
              <model type='virtio'/>
            </video>
            <memballoon model='virtio'/>
          </devices>
        </domain>
        """#
}
