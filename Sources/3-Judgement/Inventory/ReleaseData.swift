public import DomainXML
public import HostFacts
public import Quantities

/// What is known of releases: SUSE's systems, what each dropped, which live migrations are supported; QEMU's releases, and when it drops a machine type.
///
/// One file, so that a new release is one edit.
///
/// - Sources: SUSE release notes (SLES 12 SP5 to 16.1); SUSE "Virtualization Limits and Support" and "Migrating Spice-based Virtual Machines to VNC"
///   for SLES 16; QEMU's release announcements, docs/about/deprecated.rst, docs/about/removed-features.rst and `MACHINE_VER_DELETION`.
public enum ReleaseData {
    /// One release of a system that hosts guests.
    public struct Release: Sendable, Hashable {
        /// `sles-15-sp6`, `sles-16`, as `--target` and `migration: release:` name it.
        public var id: String
        /// `SLES 15 SP6`.
        public var name: String
        /// 12, 15, 16.
        public var major: Int
        /// Service pack, or minor number from 16 on.
        public var minor: Int
        /// QEMU it shipped with.
        public var qemu: SoftwareVersion
        /// libvirt it shipped with.
        public var libvirt: SoftwareVersion
        /// Whether its QEMU has Spice.
        public var offersSpice: Bool
        /// Whether it can be a Xen host.
        public var offersXen: Bool

        init(_ major: Int, _ minor: Int, qemu: SoftwareVersion, libvirt: SoftwareVersion) {
            self.major = major
            self.minor = minor
            self.qemu = qemu
            self.libvirt = libvirt
            offersSpice = major < 16
            offersXen = major < 16
            if major >= 16 {
                id = minor == 0 ? "sles-16" : "sles-16.\(minor)"
                name = "SLES 16.\(minor)"
            } else {
                id = minor == 0 ? "sles-\(major)" : "sles-\(major)-sp\(minor)"
                name = minor == 0 ? "SLES \(major)" : "SLES \(major) SP\(minor)"
            }
        }
    }

    /// SUSE's releases, oldest first.
    ///
    /// openSUSE Leap of the same number has the same packages.
    ///
    /// - Source: "QEMU" and "libvirt" of each release's notes.
    public static let releases: [Release] = [
        Release(12, 5, qemu: SoftwareVersion(3, 1, 1), libvirt: SoftwareVersion(5, 1, 0)),
        Release(15, 0, qemu: SoftwareVersion(2, 11, 1), libvirt: SoftwareVersion(4, 0, 0)),
        Release(15, 1, qemu: SoftwareVersion(3, 1, 0), libvirt: SoftwareVersion(5, 1, 0)),
        Release(15, 2, qemu: SoftwareVersion(4, 2, 0), libvirt: SoftwareVersion(6, 0, 0)),
        Release(15, 3, qemu: SoftwareVersion(5, 2, 0), libvirt: SoftwareVersion(7, 0, 0)),
        Release(15, 4, qemu: SoftwareVersion(6, 2, 0), libvirt: SoftwareVersion(8, 0, 0)),
        Release(15, 5, qemu: SoftwareVersion(7, 1, 0), libvirt: SoftwareVersion(9, 0, 0)),
        Release(15, 6, qemu: SoftwareVersion(8, 2, 0), libvirt: SoftwareVersion(10, 0, 0)),
        Release(15, 7, qemu: SoftwareVersion(9, 2, 2), libvirt: SoftwareVersion(11, 0, 0)),
        Release(16, 0, qemu: SoftwareVersion(10, 0, 2), libvirt: SoftwareVersion(11, 4, 0)),
        Release(16, 1, qemu: SoftwareVersion(11, 0, 0), libvirt: SoftwareVersion(12, 3, 0)),
    ]

    /// A release by a name people use: `sles-16`, `sles-16.0`, `SLES 15 SP6`, `15-sp6`, `15.6`; `nil` where none is meant.
    public static func release(named name: String) -> Release? {
        var rest = Substring(name.lowercased())
        for word in ["sles", "sle", "opensuse", "leap"] {
            if rest.hasPrefix(word) { rest = rest.dropFirst(word.count) }
            rest = rest.drop { $0 == "-" || $0 == " " || $0 == "_" }
        }
        let major = rest.prefix(while: \.isNumber)
        rest = rest.dropFirst(major.count).drop { "-. _".contains($0) }
        if rest.hasPrefix("sp") { rest = rest.dropFirst(2) }
        guard let major = Int(major), let minor = rest.isEmpty ? 0 : Int(rest) else { return nil }
        return releases.first { $0.major == major && $0.minor == minor }
    }

    /// The release a host runs; `nil` for systems that are not in the table.
    public static func release(of distribution: Distribution) -> Release? {
        guard distribution.id == "sles" || distribution.id == "sles_sap" || distribution.id == "opensuse-leap" else {
            return nil
        }
        return release(named: distribution.version)
    }

    // MARK: Live migration

    /// What SUSE says of a live migration between two releases.
    public enum MigrationSupport: Sendable, Hashable {
        /// Between hosts of one release, and to the next service pack.
        case supported
        /// Within a major version, over more than one service pack: SUSE aims at it, and wants it tested on site first.
        case withTests
        /// Not listed: to an older release, or to another major version (15 SP7 to 16).
        case unsupported
    }

    /// Whether running guests can be moved from one release to another.
    ///
    /// - Source: SUSE "Virtualization Limits and Support", supported VM migration scenarios, of SLES 16.
    public static func liveMigration(from source: Release, to target: Release) -> MigrationSupport {
        guard source.major == target.major, source.minor <= target.minor else { return .unsupported }
        return target.minor - source.minor <= 1 ? .supported : .withTests
    }

    // MARK: Limits

    /// The most a release supports for one guest.
    public struct Limits: Sendable, Hashable {
        /// vCPUs.
        public var vcpus: Int
        /// Memory.
        public var memory: ByteCount
    }

    /// The limits of a release; `nil` where none are on record here.
    ///
    /// - Source: SUSE "Virtualization Limits and Support" of SLES 16.
    public static func limits(of release: Release) -> Limits? {
        release.major == 16 ? Limits(vcpus: 768, memory: ByteCount(gibibytes: 8 << 10)) : nil
    }

    // MARK: QEMU

    /// The day QEMU was released, by version.
    ///
    /// - Source: QEMU's release announcements on qemu.org.
    static let qemuReleases: [SoftwareVersion: String] = [
        SoftwareVersion(1, 4): "2013-02-15", SoftwareVersion(1, 5): "2013-05-20", SoftwareVersion(1, 6): "2013-08-15",
        SoftwareVersion(1, 7): "2013-11-27", SoftwareVersion(2, 0): "2014-04-17", SoftwareVersion(2, 1): "2014-08-01",
        SoftwareVersion(2, 2): "2014-12-09", SoftwareVersion(2, 3): "2015-04-24", SoftwareVersion(2, 4): "2015-08-11",
        SoftwareVersion(2, 5): "2015-12-16", SoftwareVersion(2, 6): "2016-05-11", SoftwareVersion(2, 7): "2016-09-02",
        SoftwareVersion(2, 8): "2016-12-20", SoftwareVersion(2, 9): "2017-04-20", SoftwareVersion(2, 10): "2017-08-30",
        SoftwareVersion(2, 11): "2017-12-13", SoftwareVersion(2, 12): "2018-04-24", SoftwareVersion(3, 0): "2018-08-14",
        SoftwareVersion(3, 1): "2018-12-11", SoftwareVersion(4, 0): "2019-04-23", SoftwareVersion(4, 1): "2019-08-15",
        SoftwareVersion(4, 2): "2019-12-12", SoftwareVersion(5, 0): "2020-04-28", SoftwareVersion(5, 1): "2020-08-11",
        SoftwareVersion(5, 2): "2020-12-08", SoftwareVersion(6, 0): "2021-04-29", SoftwareVersion(6, 1): "2021-08-24",
        SoftwareVersion(6, 2): "2021-12-14", SoftwareVersion(7, 0): "2022-04-19", SoftwareVersion(7, 1): "2022-08-30",
        SoftwareVersion(7, 2): "2022-12-13", SoftwareVersion(8, 0): "2023-04-19", SoftwareVersion(8, 1): "2023-08-22",
        SoftwareVersion(8, 2): "2023-12-19", SoftwareVersion(9, 0): "2024-04-23", SoftwareVersion(9, 1): "2024-09-03",
        SoftwareVersion(9, 2): "2024-12-10", SoftwareVersion(10, 0): "2025-04-22", SoftwareVersion(10, 1): "2025-08-26",
        SoftwareVersion(10, 2): "2025-12-24",
    ]

    /// The day a QEMU version was or is to be released: the day itself where it is on record, else the month its schedule gives (April, August,
    /// December; a new major number each April); `nil` for numbers the schedule cannot have.
    public static func qemuRelease(_ version: SoftwareVersion) -> CivilDay? {
        if let day = qemuReleases[SoftwareVersion(version.major, version.minor)] { return CivilDay(day) }
        guard version.major >= 11, version.major < 100, (0...2).contains(version.minor) else { return nil }
        return CivilDay(year: 2015 + version.major, month: 4 + 4 * version.minor, day: 28)
    }

    /// When QEMU deprecates and deletes a machine type.
    public struct Lifetime: Sendable, Hashable {
        /// The first QEMU that warns of it.
        public var deprecatedIn: SoftwareVersion
        /// The first QEMU without it.
        public var deletedIn: SoftwareVersion
        /// The day of that QEMU's release, as ``ReleaseData/qemuRelease(_:)`` has it.
        public var deletion: CivilDay?
        /// `QEMU 13.2 (December 2028)`.
        public var end: String {
            guard let day = deletion?.description else { return "QEMU \(deletedIn.major).\(deletedIn.minor)" }
            return "QEMU \(deletedIn.major).\(deletedIn.minor) (\(day.prefix(7)))"
        }
    }

    /// How long a machine type lasts; `nil` for aliases, boards without versions, and vendors' own (their QEMU has its own times).
    ///
    /// The rule since QEMU 9.1: deprecated when the major number is 3 higher, gone when it is 6 higher. It was first enforced in 10.1; before, some
    /// were taken out one by one.
    ///
    /// - Source: QEMU docs/about/deprecated.rst and removed-features.rst; include/hw/boards.h `MACHINE_VER_SHOULD_DELETE`.
    public static func lifetime(of machine: MachineTypeName) -> Lifetime? {
        guard let version = machine.version, machine.family != .other, machine.family != .xen else { return nil }
        let firstRule = SoftwareVersion(10, 1)
        let byRule = SoftwareVersion(version.major + 6, version.minor)
        var deleted = version.major < 4 ? firstRule : max(firstRule, byRule)
        switch machine.family {
        case .i440fx:
            if version < SoftwareVersion(1, 0) {
                deleted = SoftwareVersion(5, 0)
            } else if version < SoftwareVersion(1, 4) {
                deleted = SoftwareVersion(6, 0)
            } else if version < SoftwareVersion(2, 0) {
                deleted = SoftwareVersion(8, 2)
            } else if version < SoftwareVersion(2, 4) {
                deleted = SoftwareVersion(9, 1)
            }
        case .q35:
            if version < SoftwareVersion(2, 4) { deleted = SoftwareVersion(2, 5) }
        case .s390:
            if version < SoftwareVersion(2, 9) { deleted = SoftwareVersion(10, 0) }
        default: break
        }
        let deprecated = min(
            deleted,
            version.major < 4
                ? SoftwareVersion(9, 1) : max(SoftwareVersion(9, 1), SoftwareVersion(version.major + 3, version.minor)))
        return Lifetime(deprecatedIn: deprecated, deletedIn: deleted, deletion: qemuRelease(deleted))
    }

    /// The first release of the table after another whose QEMU no longer has a machine type; `nil` where all that are known have it.
    public static func firstWithout(_ machine: MachineTypeName, after release: Release) -> Release? {
        guard let lifetime = lifetime(of: machine) else { return nil }
        return releases.first {
            ($0.major, $0.minor) > (release.major, release.minor)
                && SoftwareVersion($0.qemu.major, $0.qemu.minor) >= lifetime.deletedIn
        }
    }

    /// Whether a QEMU of a version has a machine type; `nil` where nothing is known of it.
    public static func qemu(_ qemu: SoftwareVersion, has machine: MachineTypeName) -> Bool? {
        if machine.isAlias { return true }
        guard let version = machine.version, let lifetime = lifetime(of: machine) else { return nil }
        let release = SoftwareVersion(qemu.major, qemu.minor)
        return release >= SoftwareVersion(version.major, version.minor) && release < lifetime.deletedIn
    }
}
