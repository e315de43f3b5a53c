public import Changes
public import HostFacts
public import Quantities

/// Whether a setting that holds now will hold after a reboot, from what the boot's configuration says.
public enum NextBoot {
    /// Why a resource will not be as it is expected; `nil` where it will, or where nothing at boot touches its kind.
    public static func problem(_ resource: Resource, _ expected: ResourceState, on host: HostFacts) -> Text? {
        guard resource.kind == .setting, let value = expected.text else { return nil }
        let configured: Fact<[String: ConfiguredSysctl]>
        let key: String
        if let sysctl = resource.sysctlKey {
            key = sysctl
            configured = host.sysctl.configured
        } else {
            key = resource.name
            configured = host.boot.tmpfiles
            if key == "/sys/kernel/mm/transparent_hugepage/enabled",
                host.boot.nextCommandLine.value?.value("transparent_hugepage") == value
            {
                return nil
            }
        }
        switch configured {
        case .unknown(let reason): return reason.why
        case .known(let all):
            guard let written = all[key] else { return Text("nothing sets it at boot", "启动时没有任何配置设置它") }
            guard written.value != value else { return nil }
            return Text(
                "\(written.file) line \(written.line) sets it to \(written.value)",
                "\(written.file) 第 \(written.line) 行将其设为 \(written.value)")
        }
    }
}
