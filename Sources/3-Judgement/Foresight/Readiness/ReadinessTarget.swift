public import DomainXML
public import Inventory
import Quantities

/// Where guests are to go: a release, or a host that told what it can do.
public struct ReadinessTarget: Sendable {
    /// The two sorts of target.
    public enum Kind: Sendable {
        /// A release of the table.
        case release(ReleaseData.Release)
        /// A host, by its capabilities.
        case host(HypervisorCapabilities)
    }
    /// The target.
    public var kind: Kind
    /// What to call it: `SLES 16.0`, or the file the capabilities were read from.
    public var name: String

    /// A release.
    public init(_ release: ReleaseData.Release) {
        kind = .release(release)
        name = release.name
    }
    /// A host.
    public init(_ capabilities: HypervisorCapabilities, name: String) {
        kind = .host(capabilities)
        self.name = name
    }
    /// A release by a name people use (`sles-16`, `15-sp7`); `nil` where the table has none of it.
    public init?(releaseNamed name: String) {
        guard let release = ReleaseData.release(named: name) else { return nil }
        self.init(release)
    }

    /// The release, where it is one.
    public var release: ReleaseData.Release? {
        if case .release(let release) = kind { release } else { nil }
    }
    /// What the host can do, where it is one.
    public var capabilities: HypervisorCapabilities? {
        if case .host(let capabilities) = kind { capabilities } else { nil }
    }
}
