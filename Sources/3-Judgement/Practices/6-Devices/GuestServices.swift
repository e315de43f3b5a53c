import Changes
import DomainXML
import Inventory
import Quantities

/// What runs inside a guest that a virtual machine has no use for (guide §6.4).
struct GuestServices: GuestPractice {
    var about: About {
        About(
            id: "guest-services", section: "6.4", scopes: [.inside], severities: [.info], fixes: [.hand],
            title: Text("Services inside the guest", "客户机内的服务"),
            why: Text(
                "Desktops, screen savers, indexers and hardware daemons cost every guest memory, CPU and wake-ups; on a host with many guests they add up.",
                "桌面、屏保、索引与硬件守护进程会消耗每个客户机的内存、CPU 并频繁唤醒;客户机越多累积越大。"),
            tradeOff: Text("Somebody may use it: look before you disable.", "可能有人在使用:停用前请确认。"),
            sources: ["guide §6.4"])
    }

    /// Services by the beginning of their names, with what they are for.
    private static let linux: [(prefix: String, what: Text)] = [
        ("display-manager", Text("a graphical login", "图形登录")), ("gdm", Text("a graphical login", "图形登录")),
        ("sddm", Text("a graphical login", "图形登录")), ("lightdm", Text("a graphical login", "图形登录")),
        ("xdm", Text("a graphical login", "图形登录")), ("cups", Text("printing", "打印")),
        ("bluetooth", Text("Bluetooth", "蓝牙")), ("avahi-daemon", Text("service discovery", "服务发现")),
        ("ModemManager", Text("modems", "调制解调器")), ("wpa_supplicant", Text("wireless networks", "无线网络")),
        ("updatedb", Text("an index of file names", "文件名索引")), ("mlocate", Text("an index of file names", "文件名索引")),
        ("plocate", Text("an index of file names", "文件名索引")), ("tracker", Text("an index of contents", "内容索引")),
        ("baloo", Text("an index of contents", "内容索引")), ("smartd", Text("health of physical disks", "物理磁盘健康检测")),
        ("lm_sensors", Text("temperature sensors", "温度传感器")), ("mcelog", Text("hardware errors", "硬件错误记录")),
        ("thermald", Text("the CPU's temperature", "CPU 温度")), ("upower", Text("batteries", "电池")),
    ]
    private static let windows: [(name: String, what: Text)] = [
        ("WSearch", Text("an index of contents", "内容索引")), ("SysMain", Text("prefetching for desktops", "桌面预读取")),
        ("Themes", Text("visual effects", "视觉效果")), ("TabletInputService", Text("touch input", "触摸输入")),
        ("bthserv", Text("Bluetooth", "蓝牙")), ("XblGameSave", Text("games", "游戏")),
        ("WlanSvc", Text("wireless networks", "无线网络")),
        ("DiagTrack", Text("usage reports", "使用情况上报")),
    ]

    func judge(_ domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        if let reason = Inside.isOff(guest) { return .notApplicable(reason) }
        let services: Set<String>
        switch guest.inside.flatMap(\.services) {
        case .unknown(let reason): return .unknown(reason)
        case .known(let value): services = value
        }
        var found: [(service: String, what: Text)] = []
        for service in services.sorted() {
            if domain.isWindows {
                if let entry = Self.windows.first(where: { $0.name.lowercased() == service.lowercased() }) {
                    found.append((service, entry.what))
                }
            } else if let entry = Self.linux.first(where: { service.hasPrefix($0.prefix) }) {
                found.append((service, entry.what))
            }
        }
        guard !found.isEmpty else { return .pass }
        let names = found.map(\.service).joined(separator: ", ")
        let english = found.map { "\($0.service) (\($0.what.english))" }.joined(separator: ", ")
        let chinese = found.map { "\($0.service)(\($0.what.chinese))" }.joined(separator: "、")
        let commands =
            domain.isWindows
            ? found.map { "sc.exe config \($0.service) start= disabled" }
            : ["systemctl disable --now " + found.map(\.service).joined(separator: " ")]
        return .finding(
            Finding(
                .info, Text("services that a virtual machine seldom needs: \(english)", "虚拟机通常不需要的服务:\(chinese)"),
                observed: names, expected: "not running",
                remedy: .byHand(
                    Text("Disable in the guest what nobody uses.", "在客户机内停用无人使用的服务。"), commands: commands,
                    disrupts: .live),
                evidence: [Evidence("services in the guest", names)]))
    }

    var examples: Examples {
        Examples(
            fires: .guest(
                "a graphical login and printing", "",
                expect: .fires(.info, observed: "cups.service, display-manager.service"),
                guest: Inside.facts {
                    $0.services = .known(["display-manager.service", "cups.service", "sshd.service"])
                }),
            .guest(
                "Windows indexes its disk", "<features><hyperv/></features>",
                expect: .fires(.info, observed: "WSearch"),
                guest: Inside.facts { $0.services = .known(["WSearch", "Dhcp"]) }),
            quiet: .guest(
                "what a server needs", "", expect: .pass,
                guest: Inside.facts { $0.services = .known(["sshd.service", "chronyd.service", "qemu-ga.service"]) }),
            .guest("nothing listed", "", expect: .pass, guest: Inside.facts { _ in }),
            others: [
                .guest("no agent inside", "", expect: .unknown),
                .guest("it is off", "", expect: .notApplicable, active: false),
                .guest(
                    "a name that only begins alike on Windows", "<features><hyperv/></features>", expect: .pass,
                    guest: Inside.facts { $0.services = .known(["ThemesBackup"]) }),
            ])
    }
}
