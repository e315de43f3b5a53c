/// Whether a CPU can be given on a host, as libvirt compares them.
///
/// - Source: libvirt src/cpu/cpu_x86.c `x86Compute`.
public enum CPUComparison: String, Sendable, Hashable, CaseIterable {
    /// The host has what is asked for, and no more.
    case identical
    /// It has more.
    case superset
    /// It lacks something, or must not have what it has.
    case incompatible

    /// A CPU in full: every feature of its model and beyond.
    public struct Expanded: Sendable, Hashable {
        /// Maker of the CPU.
        public var vendor: String?
        /// Names of its features.
        public var features: Set<String>
        /// A CPU.
        public init(vendor: String?, features: Set<String>) {
            self.vendor = vendor
            self.features = features
        }
    }

    /// What is compared, and why it is not compatible.
    public struct Answer: Sendable, Hashable {
        /// The verdict.
        public var verdict: CPUComparison
        /// Features the host lacks.
        public var missing: [String] = []
        /// Features the host must not have.
        public var forbidden: [String] = []
        /// What else is against it.
        public var reason: String?

        /// An answer.
        public init(
            verdict: CPUComparison, missing: [String] = [], forbidden: [String] = [], reason: String? = nil
        ) {
            self.verdict = verdict
            self.missing = missing
            self.forbidden = forbidden
            self.reason = reason
        }
    }

    /// Compares a CPU with a host's.
    ///
    /// - Parameters:
    ///   - cpu: the `<cpu>` element as written: a guest's with policies, or a host's.
    ///   - model: its model in full, without the features it names itself.
    ///   - host: the host's CPU in full.
    ///
    /// - Returns: the verdict.
    public static func compare(_ cpu: Element, model: Expanded, with host: Expanded) -> Answer {
        if let vendor = cpu.first("vendor")?.text, let own = host.vendor, vendor != own {
            return Answer(verdict: .incompatible, reason: "the vendor is \(own), not \(vendor)")
        }
        var wanted = model.features
        var forbidden: Set<String> = []
        var ignored: Set<String> = []
        for feature in cpu.all("feature") {
            guard let name = feature["name"] else { continue }
            switch feature["policy"] ?? "require" {
            case "disable": wanted.remove(name)
            case "forbid":
                wanted.remove(name)
                forbidden.insert(name)
            case "force", "optional":
                wanted.remove(name)
                ignored.insert(name)
            default: wanted.insert(name)
            }
        }
        let missing = wanted.subtracting(host.features)
        let unwelcome = forbidden.intersection(host.features)
        guard missing.isEmpty, unwelcome.isEmpty else {
            return Answer(verdict: .incompatible, missing: missing.sorted(), forbidden: unwelcome.sorted())
        }
        let more = host.features.subtracting(wanted).subtracting(ignored)
        if more.isEmpty { return Answer(verdict: .identical) }
        if cpu["match"] == "strict" {
            return Answer(
                verdict: .incompatible, forbidden: more.sorted(), reason: "match='strict' allows nothing more")
        }
        return Answer(verdict: .superset)
    }
}
