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
        }
    }

    /// The parameter of a name; `nil` where there is none of it.
    public init?(name: some StringProtocol) {
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

    private static let withoutNumber: [Self] = [.vcpus, .pluggedVCPUs, .memory, .nodeset, .emulatorPin]
    /// How names are written, for those who have to write one.
    static let names = (withoutNumber.map(\.name) + ["vcpupin.N", "iothreadpin.N"]).joined(separator: ", ")

    /// Whether a value can be one of this parameter's: it comes from a plan's file.
    func allows(_ value: String) -> Bool {
        switch self {
        case .vcpus, .pluggedVCPUs: UInt32(value).map { $0 > 0 } ?? false
        case .memory: UInt64(value).map { $0 > 0 } ?? false
        case .nodeset: NodeSet(libvirt: value).map { !$0.isEmpty } ?? false
        case .vcpuPin, .emulatorPin, .iothreadPin: CPUSet(libvirt: value).map { !$0.isEmpty } ?? false
        }
    }

    /// The virsh command that sets it.
    public func command(_ guest: String, _ value: String, connection: String? = nil) -> String {
        let virsh = "virsh \(connection.map { "-c \($0.shellWord) " } ?? "")"
        let guest = guest.shellWord
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
            }
        return virsh + words
    }
}
