import Changes
import HostFacts
import Inventory
import Quantities

/// Few services on a virtualization host (guide §6.4).
struct HostServices: HostPractice {
    var about: About {
        About(
            id: "host-services", section: "6.4", scopes: [.host], severities: [.info], fixes: [.unit],
            title: Text("Services a host does not need", "主机不需要的服务"),
            why: Text(
                "Each service takes CPU time and memory from guests, wakes idle CPUs, and is code that has to be kept secure.",
                "每项服务都会占用客户机可用的 CPU 和内存、唤醒空闲 CPU,并且需要维护其安全性。"),
            tradeOff: Text(
                "What the service does is gone: printing, a desktop, finding things on the network. Disabled only when asked.",
                "相应功能(打印、桌面、网络发现等)将不可用。仅在要求时才禁用。"),
            sources: ["guide §6.4", "systemd.special(7)"], domainTypes: [])
    }

    /// What desktops bring, by unit without its suffix, and what it is for.
    static let unneeded: [String: Text] = [
        "cups": Text("printing", "打印"), "cups-browsed": Text("finding printers", "发现打印机"),
        "bluetooth": Text("Bluetooth", "蓝牙"),
        "avahi-daemon": Text("finding services on the network", "网络服务发现"),
        "ModemManager": Text("mobile modems", "移动调制解调器"),
        "colord": Text("screen colours", "屏幕色彩管理"), "geoclue": Text("location", "地理位置"),
        "saned": Text("scanners", "扫描仪"),
        "plocate-updatedb": Text("a nightly index of all files", "每晚建立文件索引"),
        "mlocate-updatedb": Text("a nightly index of all files", "每晚建立文件索引"),
        "mlocate": Text("a nightly index of all files", "每晚建立文件索引"),
        "locate": Text("a nightly index of all files", "每晚建立文件索引"),
        "display-manager": Text("a graphical login", "图形登录"), "gdm": Text("a graphical login", "图形登录"),
        "gdm3": Text("a graphical login", "图形登录"), "sddm": Text("a graphical login", "图形登录"),
        "lightdm": Text("a graphical login", "图形登录"), "xdm": Text("a graphical login", "图形登录"),
        "power-profiles-daemon": Text("a desktop's power profiles", "桌面电源模式"),
        "switcheroo-control": Text("a laptop's second graphics card", "笔记本双显卡切换"), "pcscd": Text("smart cards", "智能卡"),
        "whoopsie": Text("sending crash reports", "发送崩溃报告"), "kerneloops": Text("sending crash reports", "发送崩溃报告"),
    ]

    func judge(_ host: HostFacts, in estate: Estate) -> Judgement {
        var judgement = Judgement()
        switch host.services.enabled {
        case .unknown(let reason): judgement.add(reason)
        case .known(let enabled):
            for unit in enabled.sorted() {
                guard let dot = unit.lastIndex(of: "."), let purpose = Self.unneeded[String(unit[..<dot])] else {
                    continue
                }
                let runs = host.services.active.value?.contains(unit)
                judgement.add(
                    Finding(
                        .info, part: unit,
                        Text(
                            "\(unit) (\(purpose.english)) is enabled; a virtualization host seldom needs it",
                            "\(unit)(\(purpose.chinese))已启用;虚拟化主机通常不需要"),
                        observed: "enabled", expected: "disabled", holds: runs == false ? .nextStart : .both,
                        remedy: .change(UnitChange(unit, .disable, from: "enabled"), disrupts: .nothing).onRequest,
                        evidence: [Evidence("/etc/systemd/system/*.wants/\(unit)", "enabled")]))
            }
        }
        switch host.services.defaultTarget {
        case .unknown(let reason): judgement.add(reason)
        case .known(let target):
            guard target == "graphical.target" else { break }
            judgement.add(
                Finding(
                    .info, part: target,
                    Text(
                        "The host boots into graphical.target; multi-user.target starts no desktop",
                        "主机默认启动到 graphical.target;multi-user.target 不启动桌面"),
                    observed: target, expected: "multi-user.target",
                    remedy: .byHand(
                        Text("Only if nobody works at this host's screen", "仅当无人使用此主机的屏幕时"),
                        commands: ["systemctl set-default multi-user.target", "systemctl isolate multi-user.target"]),
                    evidence: [Evidence("/etc/systemd/system/default.target", target)]))
        }
        return judgement
    }

    var examples: Examples {
        Examples(
            fires: .host("printing", expect: .fires(.info, observed: "enabled")) {
                $0.services.enabled = .known(["libvirtd.service", "cups.service"])
            },
            .host("a desktop", expect: .fires(.info, observed: "graphical.target")) {
                $0.services.defaultTarget = .known("graphical.target")
            },
            .host("a socket starts it too", expect: .fires(.info)) {
                $0.services.enabled = .known(["avahi-daemon.socket"])
            },
            .host("found though the target is unreadable", expect: .fires(.info)) {
                $0.services.enabled = .known(["bluetooth.service"])
                $0.services.defaultTarget = .unknown(Unknown(.denied, source: "/etc/systemd/system/default.target"))
            },
            quiet: .host("a plain host", expect: .pass) { _ in },
            .host("services a host does need", expect: .pass) {
                $0.services.enabled = .known([
                    "sshd.service", "chronyd.service", "multipathd.service", "virtqemud.socket", "smartd.service",
                ])
            },
            others: [
                .host("units cannot be listed", expect: .unknown) {
                    $0.services.enabled = .unknown(Unknown(.denied, source: "/etc/systemd/system"))
                }
            ])
    }
}
