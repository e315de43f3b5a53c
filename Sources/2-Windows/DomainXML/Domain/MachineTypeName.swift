/// What a machine type's name says: its family, its version, and whose QEMU has it.
///
/// `pc-q35-8.2` is QEMU's own; `pc-i440fx-rhel7.6.0` and `pc-q35-jammy` exist in one vendor's QEMU only; `pc`, `q35` and `virt` are aliases of the
/// newest, which libvirt replaces by the full name when a guest is defined.
///
/// - Source: QEMU `-machine help`; libvirt src/qemu/qemu_domain.c `qemuDomainIsI440FX`, `qemuDomainMachineIsQ35` and their kin.
public struct MachineTypeName: Sendable, Hashable {
    /// The board a machine type is a version of.
    public enum Family: String, Sendable, Hashable, CaseIterable {
        /// x86 with a PCI bus (1996).
        case i440fx = "pc-i440fx"
        /// x86 with PCI Express (2009).
        case q35 = "pc-q35"
        /// x86 without PCI.
        case isapc
        /// x86 with virtio-mmio only.
        case microvm
        /// Arm, RISC-V and LoongArch.
        case virt
        /// IBM Z.
        case s390 = "s390-ccw-virtio"
        /// POWER.
        case pseries
        /// Xen's.
        case xen
        /// Any other board; its name is the family.
        case other
    }

    /// Whose QEMU has the machine type.
    public enum Vendor: Sendable, Hashable {
        /// QEMU as its project releases it.
        case upstream
        /// A distribution's, with its own word for the version: `rhel7.6.0`, `jammy`, `vz7.8.0`.
        case distribution(String)
    }

    /// The name as written.
    public let name: String
    /// The board.
    public let family: Family
    /// The QEMU release it stands for; `nil` for aliases, boards without versions, and vendors' names.
    public let version: SoftwareVersion?
    /// Whose QEMU has it.
    public let vendor: Vendor
    /// A name that stands for the newest version of its family.
    public let isAlias: Bool

    /// Reads a name; every text is one (of an unknown board at worst).
    public init(_ name: String) {
        self.name = name
        let (family, rest) = Self.split(name)
        self.family = family
        guard let rest else {
            version = nil
            vendor = .upstream
            switch family {
            case .i440fx, .q35, .virt, .s390, .pseries: isAlias = true
            case .isapc, .microvm, .xen, .other: isAlias = false
            }
            return
        }
        isAlias = false
        let (version, tag) = Self.version(rest)
        if let version, Self.isUpstreamTag(tag) {
            self.version = version
            vendor = .upstream
        } else {
            self.version = nil
            vendor = .distribution(String(rest))
        }
    }

    /// Families with the prefixes their names have, the longer first.
    private static func split(_ name: String) -> (Family, Substring?) {
        switch name {
        case "pc": return (.i440fx, nil)
        case "q35": return (.q35, nil)
        case "ubuntu": return (.i440fx, "ubuntu")
        case "ubuntu-q35": return (.q35, "ubuntu")
        case "isapc": return (.isapc, nil)
        case "microvm": return (.microvm, nil)
        case "xenfv", "xenpv", "xenpvh": return (.xen, nil)
        default: break
        }
        let prefixes: [(String, Family)] = [
            ("pc-i440fx", .i440fx), ("pc-q35", .q35), ("s390-ccw-virtio", .s390), ("pseries", .pseries),
            ("virt", .virt), ("xenfv", .xen),
        ]
        for (prefix, family) in prefixes where name.hasPrefix(prefix) {
            let rest = name.dropFirst(prefix.count)
            if rest.isEmpty { return (family, nil) }
            if rest.first == "-", rest.count > 1 { return (family, rest.dropFirst()) }
        }
        // QEMU up to 1.3 had one x86 board, and RHEL 6 named its own without a board.
        if name.hasPrefix("pc-"), name.dropFirst(3).first?.isNumber == true { return (.i440fx, name.dropFirst(3)) }
        if name.hasPrefix("rhel"), name.dropFirst(4).first?.isNumber == true { return (.i440fx, name[...]) }
        return (.other, nil)
    }

    /// The numbers a text begins with, and what follows them.
    private static func version(_ text: Substring) -> (SoftwareVersion?, Substring) {
        var numbers: [Int] = []
        var rest = text
        while numbers.count < 3 {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard !digits.isEmpty, digits.count <= 4, let number = Int(digits) else { break }
            numbers.append(number)
            rest = rest.dropFirst(digits.count)
            guard rest.first == ".", rest.dropFirst().first?.isNumber == true else { break }
            rest = rest.dropFirst()
        }
        guard numbers.count >= 2 else { return (nil, text) }
        return (SoftwareVersion(numbers[0], numbers[1], numbers.count > 2 ? numbers[2] : 0), rest)
    }

    /// Whether what follows the numbers is QEMU's own: nothing, or POWER's variant with and without mitigations.
    private static func isUpstreamTag(_ tag: Substring) -> Bool { tag.isEmpty || tag == "-sxxm" }

    /// The version as its name has it (`8.2`, `4.0.1`); `nil` where it has none.
    public var versionText: String? {
        version.map { $0.micro > 0 ? "\($0.major).\($0.minor).\($0.micro)" : "\($0.major).\($0.minor)" }
    }

    /// A vendor's word for the version without its numbers (`rhel`, `jammy`); `nil` for QEMU's own.
    public var vendorWord: String? {
        guard case .distribution(let word) = vendor else { return nil }
        return String(word.prefix { $0.isLetter })
    }

    /// The numbers a vendor counts by (`rhel7.6.0`); `nil` for QEMU's own and for code names.
    public var vendorVersion: SoftwareVersion? {
        guard case .distribution(let word) = vendor else { return nil }
        return Self.version(word.drop { $0.isLetter }).0
    }

    /// Whether this one is older than another of the same family and vendor; `nil` where they cannot be compared.
    public func isOlder(than other: MachineTypeName) -> Bool? {
        guard family == other.family, family != .other else { return nil }
        if let version, let theirs = other.version { return version < theirs }
        if vendorWord != nil, vendorWord == other.vendorWord, let mine = vendorVersion, let theirs = other.vendorVersion
        {
            return mine < theirs
        }
        return nil
    }
}

extension DomainDefinition {
    /// What the machine type's name says; `nil` where none is written (libvirt then takes the emulator's default and writes it down).
    public var machineType: MachineTypeName? { machine.map(MachineTypeName.init) }
}

extension GuestSupport {
    /// The machine type of a name, with aliases resolved; `nil` where the emulator has none of it.
    public func machine(named name: String) -> MachineType? {
        guard let found = machines.first(where: { $0.name == name }) else {
            return machines.first { $0.canonical == name }
        }
        guard let canonical = found.canonical, canonical != name else { return found }
        return machines.first { $0.name == canonical } ?? found
    }

    /// The newest machine type of the same family and vendor as a name; `nil` where there is none.
    public func newest(like name: MachineTypeName) -> MachineTypeName? {
        var newest: MachineTypeName?
        for machine in machines {
            // A canonical name may be listed only through its alias.
            for text in [machine.name, machine.canonical].compactMap({ $0 }) {
                let candidate = MachineTypeName(text)
                guard candidate.family == name.family, candidate.vendorWord == name.vendorWord || name.isAlias,
                    !candidate.isAlias
                else {
                    continue
                }
                guard let best = newest else {
                    newest = candidate
                    continue
                }
                if best.isOlder(than: candidate) == true { newest = candidate }
            }
        }
        return newest
    }
}
