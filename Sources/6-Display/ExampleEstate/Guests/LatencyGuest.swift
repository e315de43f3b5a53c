// voice: pinned to halves of cores, with 1 GiB pages that nobody reserved.

extension ExampleGuests {
    static let voice: String = #"""
        <domain type='kvm'>
          <name>voice</name>
          <uuid>5f2c7a1e-0005-4c3e-9a51-000000000005</uuid>
          <metadata>
            <nearmetal:workload xmlns:nearmetal='https://nearmetal.example/xmlns/1'>latency</nearmetal:workload>
          </metadata>
          <memory unit='GiB'>4</memory>
          <currentMemory unit='GiB'>4</currentMemory>
          <memoryBacking>
            <hugepages>
              <page size='1' unit='GiB'/>
            </hugepages>
          </memoryBacking>
          <vcpu placement='static'>4</vcpu>
          <cputune>
            <vcpupin vcpu='0' cpuset='4'/>
            <vcpupin vcpu='1' cpuset='5'/>
            <vcpupin vcpu='2' cpuset='6'/>
            <vcpupin vcpu='3' cpuset='8'/>
            <emulatorpin cpuset='4-7'/>
          </cputune>
          <numatune>
            <memory mode='strict' nodeset='1'/>
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
              <driver name='qemu' type='raw' cache='none' io='native' discard='unmap'/>
              <source file='/var/lib/libvirt/images/voice.raw'/>
              <target dev='vda' bus='virtio'/>
            </disk>
            <interface type='network'>
              <source network='default'/>
              <model type='virtio'/>
            </interface>
            <serial type='pty'/>
            <console type='pty'/>
            <memballoon model='none'/>
            <rng model='virtio'>
              <backend model='random'>/dev/urandom</backend>
            </rng>
          </devices>
        </domain>
        """#
}
