public import Quantities

/// The CPU a guest sees: `<cpu>`.
///
/// - Source: libvirt docs/formatdomain.rst "CPU model and topology".
public struct GuestCPU: Sendable {
    /// The `<cpu>` element.
    public let element: Element

    /// `custom` (libvirt's default where a model stands there), `host-model`, `host-passthrough`, `maximum`; `nil` where neither mode nor model is
    /// written (then only topology or NUMA is).
    public var mode: String? { element["mode"] ?? (model == nil ? nil : "custom") }
    /// The model's name.
    public var model: String? { element.first("model").map(\.text).flatMap { $0.isEmpty ? nil : $0 } }
    /// `migratable`, of host-passthrough and maximum.
    public var migratable: String? { element["migratable"] }
    /// Features in order, with their policy (`require` where none is written).
    public var features: [(name: String, policy: String, element: Element)] {
        element.all("feature").compactMap { feature in
            feature["name"].map { ($0, feature["policy"] ?? "require", feature) }
        }
    }
    /// `<topology>`: sockets × dies × clusters × cores × threads.
    public var topology: GuestTopology? { element.first("topology").map(GuestTopology.init) }
}

/// `<topology>` of a guest's CPU.
///
/// Numbers that are not written are 1, as libvirt has them.
public struct GuestTopology: Sendable {
    /// The element.
    public let element: Element
    private func number(_ name: String) -> Int { element[name].flatMap { Int($0) } ?? 1 }
    /// Sockets.
    public var sockets: Int { number("sockets") }
    /// Dies in a socket.
    public var dies: Int { number("dies") }
    /// Clusters in a die.
    public var clusters: Int { number("clusters") }
    /// Cores in a cluster.
    public var cores: Int { number("cores") }
    /// Threads of a core.
    public var threads: Int { number("threads") }
    /// vCPUs in all; saturates, as numbers come from a file.
    public var vcpus: Int {
        [sockets, dies, clusters, cores, threads].reduce(1) { product, factor in
            let (result, overflow) = product.multipliedReportingOverflow(by: factor)
            return overflow ? .max : result
        }
    }
}

/// One pin: a thread of the guest, and the host CPUs it may run on.
public struct Pin: Sendable {
    /// The `<vcpupin>`, `<emulatorpin>` or `<iothreadpin>`.
    public let element: Element
    /// The vCPU or I/O thread; `nil` for the emulator.
    public let thread: Int?
    /// The CPUs; `nil` where the list cannot be understood.
    public let cpus: CPUSet?
}

extension DomainDefinition {
    /// `<cpu>`; `nil` where absent.
    public var cpu: GuestCPU? { root.first("cpu").map(GuestCPU.init) }

    /// Pins of vCPUs, in order.
    ///
    /// libvirt ignores those of vCPUs that are not there.
    public var vcpuPins: [Pin] {
        (root.first("cputune")?.all("vcpupin") ?? []).map { pin in
            Pin(element: pin, thread: pin["vcpu"].flatMap { Int($0) }, cpus: pin["cpuset"].flatMap { CPUSet(list: $0) })
        }
    }

    /// The pin of QEMU's own threads.
    public var emulatorPin: Pin? {
        root.first("cputune", "emulatorpin").map {
            Pin(element: $0, thread: nil, cpus: $0["cpuset"].flatMap { CPUSet(list: $0) })
        }
    }

    /// Pins of I/O threads.
    public var iothreadPins: [Pin] {
        (root.first("cputune")?.all("iothreadpin") ?? []).map { pin in
            Pin(
                element: pin, thread: pin["iothread"].flatMap { Int($0) },
                cpus: pin["cpuset"].flatMap { CPUSet(list: $0) })
        }
    }

    /// `placement` of `<vcpu>`: `static` or `auto`.
    public var vcpuPlacement: String? { root.first("vcpu")?["placement"] }

    /// Host CPUs that each vCPU may run on: its own pin, else ``cpuset``; `nil` for a vCPU that may run on any.
    public var vcpuCPUs: [CPUSet?] {
        var sets: [CPUSet?] = Array(repeating: cpuset, count: max(0, min(vcpus, 4096)))
        for pin in vcpuPins {
            if let thread = pin.thread, sets.indices.contains(thread), let cpus = pin.cpus { sets[thread] = cpus }
        }
        return sets
    }

    /// A child of `<features>`.
    public func feature(_ name: String) -> Element? { root.first("features")?.first(name) }
    /// Timers of `<clock>`, by name.
    public func timer(_ name: String) -> Element? { root.first("clock")?.all("timer").first { $0["name"] == name } }

    /// Whether the guest is one of x86 (`x86_64`, `i686`); libvirt takes the host's architecture where none is written, which then is not known here.
    public var isX86: Bool? { architecture.map { $0 == "x86_64" || $0 == "i686" } }
}
