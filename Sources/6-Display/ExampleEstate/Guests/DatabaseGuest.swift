// db1: a database of 12 GiB that nobody tuned.

extension ExampleGuests {
    static let db1: String = #"""
        <domain type='kvm'>
          <name>db1</name>
          <uuid>5f2c7a1e-0001-4c3e-9a51-000000000001</uuid>
          <metadata>
            <nearmetal:workload xmlns:nearmetal='https://nearmetal.example/xmlns/1'>database</nearmetal:workload>
          </metadata>
          <memory unit='GiB'>12</memory>
          <currentMemory unit='GiB'>12</currentMemory>
          <vcpu placement='static'>4</vcpu>
          <os>
            <type arch='x86_64' machine='pc-i440fx-4.2'>hvm</type>
            <boot dev='hd'/>
          </os>
          <features><acpi/><apic/></features>
          <clock offset='utc'/>
          <on_poweroff>destroy</on_poweroff>
          <on_reboot>restart</on_reboot>
          <on_crash>destroy</on_crash>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <disk type='file' device='disk'>
              <driver name='qemu' type='qcow2' cache='writeback'/>
              <source file='/var/lib/libvirt/images/db1.qcow2'/>
              <target dev='vda' bus='virtio'/>
            </disk>
            <interface type='network'>
              <source network='default'/>
              <model type='virtio'/>
            </interface>
            <memballoon model='virtio'/>
            <serial type='pty'/>
            <console type='pty'/>
          </devices>
        </domain>
        """#
}
