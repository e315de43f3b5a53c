/// Limits of what a guest's processes may take.
///
/// - Source: libvirt docs/formatdomain.rst, Memory Tuning.
public enum MemoryLimit: String, Sendable, Hashable, CaseIterable {
    /// Memory.
    case hard = "hard-limit"
    /// Memory, while others want it.
    case soft = "soft-limit"
    /// Memory and swap.
    case swapHard = "swap-hard-limit"

    /// Its element in `<memtune>`.
    public var element: String {
        switch self {
        case .hard: "hard_limit"
        case .soft: "soft_limit"
        case .swapHard: "swap_hard_limit"
        }
    }
}
