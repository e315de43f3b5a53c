// legacy: moved from another hypervisor years ago.

extension ExampleGuests {
    static let legacy: String = #"""
        <domain type='kvm'>
          <name>legacy</name>
          <uuid>5f2c7a1e-0003-4c3e-9a51-000000000003</uuid>
          <memory unit='GiB'>1</memory>
          <currentMemory unit='GiB'>1</currentMemory>
          <vcpu placement='static'>1</vcpu>
          <os>
            <type arch='x86_64' machine='pc-i440fx-2.1'>hvm</type>
            <boot dev='hd'/>
          </os>
          <features><apic/></features>
          <clock offset='utc'/>
          <on_poweroff>destroy</on_poweroff>
          <on_reboot>restart</on_reboot>
          <on_crash>destroy</on_crash>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <disk type='file' device='disk'>
              <driver name='qemu' type='vmdk'/>
              <source file='/var/lib/libvirt/images/legacy.vmdk'/>
              <target dev='hda' bus='ide'/>
            </disk>
            <interface type='network'>
              <source network='default'/>
              <model type='rtl8139'/>
            </interface>
            <controller type='fdc' index='0'/>
            <disk type='file' device='floppy'>
              <driver name='qemu' type='raw'/>
              <target dev='fda' bus='fdc'/>
            </disk>
            <sound model='ich6'/>
            <graphics type='vnc' port='-1' autoport='yes' listen='0.0.0.0' keymap='en-us'/>
            <video>
              <model type='cirrus' vram='9216' heads='1'/>
            </video>
            <memballoon model='none'/>
          </devices>
        </domain>
        """#
}
