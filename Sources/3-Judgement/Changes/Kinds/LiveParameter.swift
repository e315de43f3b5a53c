import Quantities

/// What libvirt can change in a guest while it runs.
public enum LiveParameter: Sendable, Hashable {
    /// vCPUs online inside the guest; its agent tells and changes them.
    case vcpus
    /// vCPUs that are plugged in.
    case pluggedVCPUs
    /// What the balloon leaves it, in KiB.
    case memory
    /// Host nodes its memory may lie on, as libvirt writes sets (`0-1,3`); all that have memory where it is bound to none.
    case nodeset
    /// Host CPUs of a vCPU, from 0, as libvirt writes sets; all that there are where it is not pinned.
    case vcpuPin(Int)
    /// Host CPUs of QEMU's own threads.
    case emulatorPin
    /// Host CPUs of an iothread, by its id from 1.
    case iothreadPin(Int)

    /// A limit of its memory in KiB, or ``unlimited``.
    case memoryLimit(MemoryLimit)
    /// A device, by the alias libvirt knows it by; its value is its XML, or ``noDevice``.
    case device(String)

    /// The value of a limit that is not there.
    public static let unlimited = "unlimited"
    /// The value of a device that is not there.
    public static let noDevice = "none"
    /// Whether a value is a text of several lines rather than a few words.
    public var isText: Bool { if case .device = self { true } else { false } }

    /// Its name in plans: `memory`, `vcpupin.3`.
    public var name: String {
        switch self {
        case .vcpus: "vcpus"
        case .pluggedVCPUs: "vcpus-plugged"
        case .memory: "memory"
        case .nodeset: "nodeset"
        case .vcpuPin(let vcpu): "vcpupin.\(vcpu)"
        case .emulatorPin: "emulatorpin"
        case .iothreadPin(let thread): "iothreadpin.\(thread)"
        case .memoryLimit(let limit): limit.rawValue
        case .device(let alias): "device.\(alias)"
        }
    }

    /// The parameter of a name; `nil` where there is none of it.
    public init?(name: some StringProtocol) {
        if name.hasPrefix(Self.devicePrefix) {
            let alias = name.dropFirst(Self.devicePrefix.count)
            guard Self.isAlias(alias) else { return nil }
            self = .device(String(alias))
            return
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        // libvirt allows 16,384 vCPUs at most.
        let number = parts.count == 2 ? Int(parts[1]).flatMap { (0..<16_384).contains($0) ? $0 : nil } : nil
        switch (parts.first.map { String($0) }, number) {
        case ("vcpupin", let vcpu?): self = .vcpuPin(vcpu)
        case ("iothreadpin", let thread?) where thread > 0: self = .iothreadPin(thread)
        default:
            guard let plain = Self.withoutNumber.first(where: { $0.name == name }) else { return nil }
            self = plain
        }
    }

    private static let devicePrefix = "device."
    /// The most bytes of a device's XML.
    private static let longestDevice = 1 << 16

    /// Whether libvirt could have given or taken the alias.
    private static func isAlias(_ alias: some StringProtocol) -> Bool {
        (1...128).contains(alias.utf8.count)
            && alias.unicodeScalars.allSatisfy {
                $0.isASCII
                    && ($0.properties.isAlphabetic || $0.properties.numericType != nil
                        || "-_.".unicodeScalars.contains($0))
            }
    }

    private static let withoutNumber: [Self] =
        [.vcpus, .pluggedVCPUs, .memory, .nodeset, .emulatorPin] + MemoryLimit.allCases.map(Self.memoryLimit)
    /// How names are written, for those who have to write one.
    static let names = (withoutNumber.map(\.name) + ["vcpupin.N", "iothreadpin.N", "device.ALIAS"]).joined(
        separator: ", ")

    /// Whether a value can be one of this parameter's: it comes from a plan's file.
    func allows(_ value: String) -> Bool {
        switch self {
        case .vcpus, .pluggedVCPUs: UInt32(value).map { $0 > 0 } ?? false
        case .memory: UInt64(value).map { $0 > 0 } ?? false
        case .memoryLimit: value == Self.unlimited || UInt64(value).map { $0 > 0 } ?? false
        case .nodeset: NodeSet(libvirt: value).map { !$0.isEmpty } ?? false
        case .device: value == Self.noDevice || value.hasPrefix("<") && value.utf8.count <= Self.longestDevice
        case .vcpuPin, .emulatorPin, .iothreadPin: CPUSet(libvirt: value).map { !$0.isEmpty } ?? false
        }
    }

    /// The virsh command that sets it.
    public func command(_ guest: String, _ value: String, connection: String? = nil) -> String {
        let virsh = "virsh \(connection.map { "-c \($0.shellWord) " } ?? "")"
        let guest = guest.shellWord
        if case .device(let alias) = self {
            return value == Self.noDevice
                ? "\(virsh)detach-device-alias \(guest) \(alias.shellWord) --live"
                : "\(virsh)attach-device \(guest) /dev/stdin --live <<'NEARMETAL'\n\(value)\nNEARMETAL"
        }
        let value = value.shellWord
        let words =
            switch self {
            case .vcpus: "setvcpus \(guest) \(value) --live --guest"
            case .pluggedVCPUs: "setvcpus \(guest) \(value) --live"
            case .memory: "setmem \(guest) \(value) --live"
            case .nodeset: "numatune \(guest) --nodeset \(value) --live"
            case .vcpuPin(let vcpu): "vcpupin \(guest) \(vcpu) \(value) --live"
            case .emulatorPin: "emulatorpin \(guest) \(value) --live"
            case .iothreadPin(let thread): "iothreadpin \(guest) \(thread) \(value) --live"
            case .memoryLimit(let limit):
                "memtune \(guest) --\(limit.rawValue) \(value == Self.unlimited ? "-1" : value) --live"
            case .device: ""
            }
        return virsh + words
    }
}
