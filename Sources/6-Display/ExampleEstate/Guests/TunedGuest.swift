// gateway: as the guide would have it.

extension ExampleGuests {
    static let gateway: String = #"""
        <domain type='kvm'>
          <name>gateway</name>
          <uuid>5f2c7a1e-0010-4c3e-9a51-000000000010</uuid>
          <metadata>
            <nearmetal:workload xmlns:nearmetal='https://nearmetal.example/xmlns/1'>latency</nearmetal:workload>
          </metadata>
          <memory unit='GiB'>2</memory>
          <currentMemory unit='GiB'>2</currentMemory>
          <memoryBacking>
            <hugepages/>
          </memoryBacking>
          <vcpu placement='static'>2</vcpu>
          <iothreads>1</iothreads>
          <cputune>
            <vcpupin vcpu='0' cpuset='2'/>
            <vcpupin vcpu='1' cpuset='3'/>
            <emulatorpin cpuset='0-1'/>
            <iothreadpin iothread='1' cpuset='0-1'/>
          </cputune>
          <numatune>
            <memory mode='strict' nodeset='0'/>
          </numatune>
          <os>
            <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
            <boot dev='hd'/>
          </os>
          <features><acpi/><apic/><kvm><hint-dedicated state='on'/></kvm></features>
          <cpu mode='host-passthrough' check='none' migratable='on'>
            <topology sockets='1' dies='1' cores='2' threads='1'/>
          </cpu>
          <clock offset='utc'/>
          <on_poweroff>destroy</on_poweroff>
          <on_reboot>restart</on_reboot>
          <on_crash>destroy</on_crash>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <disk type='block' device='disk'>
              <driver name='qemu' type='raw' cache='none' io='native' discard='unmap' iothread='1' queues='2'/>
              <source dev='/dev/vg0/gateway'/>
              <target dev='vda' bus='virtio'/>
            </disk>
            <interface type='network'>
              <source network='default'/>
              <model type='virtio'/>
            </interface>
            <serial type='pty'/>
            <console type='pty'/>
            <rng model='virtio'>
              <backend model='random'>/dev/urandom</backend>
            </rng>
            <memballoon model='none'/>
          </devices>
        </domain>
        """#
}
