import Foresight
import Quantities

/// Words of the answers about the future, in both languages.
enum ForesightWords {
    /// The question, as a heading.
    static func heading(_ question: Forecast.Question) -> Text {
        switch question {
        case .afterReboot: Text("If the host rebooted now", "若主机现在重启")
        case .target(let name): Text("Ready for \(name)?", "是否可以迁移到 \(name)?")
        }
    }

    /// The question in a sentence.
    static func question(_ question: Forecast.Question) -> Text {
        switch question {
        case .afterReboot: Text("Would the guest start if the host rebooted now?", "若主机现在重启,客户机能否启动?")
        case .target(let name): Text("Is it ready for \(name)?", "是否可以迁移到 \(name)?")
        }
    }

    /// An answer to a question.
    static func verdict(_ verdict: Forecast.Verdict, of question: Forecast.Question) -> Text {
        switch (question, verdict) {
        case (.afterReboot, .good): Text("would start", "可以启动")
        case (.afterReboot, .bad): Text("would not start", "无法启动")
        case (.target, .good): Text("ready", "就绪")
        case (.target, .bad): Text("blocked", "受阻")
        case (_, .unknown): Text("cannot be told", "无法判断")
        }
    }

    /// How many guests have which answer.
    static func summary(_ forecast: Forecast) -> Text {
        let good = forecast.count(.good)
        let bad = forecast.count(.bad)
        let unknown = forecast.count(.unknown)
        let guests = forecast.guests == 1 ? "1 guest" : "\(forecast.guests) guests"
        return switch forecast.question {
        case .afterReboot:
            Text(
                "\(guests): \(good) would start, \(bad) would not, \(unknown) cannot be told.",
                "\(forecast.guests) 个客户机:\(good) 个可以启动,\(bad) 个无法启动,\(unknown) 个无法判断。")
        case .target:
            Text(
                "\(guests): \(good) ready, \(bad) blocked, \(unknown) cannot be told.",
                "\(forecast.guests) 个客户机:\(good) 个就绪,\(bad) 个受阻,\(unknown) 个无法判断。")
        }
    }

    /// A few words for a reason, with its kind; in the order the kinds are declared.
    static func titles(_ question: Forecast.Question) -> [(kind: String, title: Text)] {
        switch question {
        case .afterReboot: StartObstacle.Kind.allCases.map { ($0.rawValue, title($0)) }
        case .target: ReadinessFinding.Kind.allCases.map { ($0.rawValue, title($0)) }
        }
    }

    private static func title(_ kind: StartObstacle.Kind) -> Text {
        switch kind {
        case .transient: Text("Transient guest", "临时客户机")
        case .invalidDefinition: Text("Invalid definition", "定义无效")
        case .hypervisor: Text("Hypervisor missing", "缺少虚拟化支持")
        case .emulator: Text("Emulator missing", "缺少模拟器")
        case .machineType: Text("Machine type missing", "缺少机器类型")
        case .cpuModel: Text("CPU model or feature missing", "缺少 CPU 型号或特性")
        case .cpuPin: Text("Pin to absent CPUs", "绑定到不存在的 CPU")
        case .numaMemory: Text("Memory of NUMA nodes", "NUMA 节点内存")
        case .hugePages: Text("Too few huge pages", "大页不足")
        case .hugePagesMount: Text("No mount for huge pages", "大页未挂载")
        case .memory: Text("Too little memory", "内存不足")
        case .hardLimit: Text("Hard limit of memory too low", "内存硬限制过低")
        case .aio: Text("Asynchronous I/O used up", "异步 I/O 已用尽")
        case .image: Text("Disk image missing or unreadable", "磁盘映像缺失或无法读取")
        case .imageLock: Text("Disk image in use by another guest", "磁盘映像被其他客户机占用")
        case .graphics: Text("Graphics not offered", "不提供该图形显示")
        case .listenAddress: Text("Listen address missing", "监听地址不存在")
        case .portTaken: Text("Port taken", "端口已被占用")
        case .hostDevice: Text("Host device not to be had", "主机设备不可用")
        case .networkInterface: Text("Network interface missing", "网络接口不存在")
        }
    }

    private static func title(_ kind: ReadinessFinding.Kind) -> Text {
        switch kind {
        case .hypervisor: Text("Hypervisor not offered", "不提供该虚拟化类型")
        case .machineType: Text("Machine type not offered", "不提供该机器类型")
        case .machineTypeEnd: Text("Machine type with an end", "机器类型将被移除")
        case .spice: Text("Spice dropped", "不再提供 Spice")
        case .graphics: Text("Graphics not offered", "不提供该图形显示")
        case .cpuModel: Text("CPU model or feature not offered", "不提供该 CPU 型号或特性")
        case .device: Text("Device not offered", "不提供该设备")
        case .liveMigration: Text("Live migration", "热迁移")
        case .hardware: Text("Host hardware", "主机硬件")
        }
    }
}
