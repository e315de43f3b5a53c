public import Quantities

/// The running kernel.
public struct KernelFacts: Sendable, Equatable {
    /// `uname -r`, from `proc/sys/kernel/osrelease`.
    public var release: Fact<String> = .unexamined("/proc/sys/kernel/osrelease")
    /// The machine's architecture as libvirt names it (`x86_64`, `aarch64`, `s390x`, `ppc64le`).
    public var architecture: Fact<String> = .unexamined("architecture")
    /// Parameters the running kernel was started with, from `proc/cmdline`.
    public var commandLine: Fact<KernelCommandLine> = .unexamined("/proc/cmdline")
    /// Names of loaded modules, from `proc/modules`.
    public var modules: Fact<Set<String>> = .unexamined("/proc/modules")
    /// Values below `sys/module/MODULE/parameters/`, keyed `MODULE/PARAMETER` (`kvm/halt_poll_ns`, `kvm_intel/nested`); those that exist.
    public var moduleParameters: [String: Fact<String>] = [:]

    /// Nothing known yet.
    public init() {}

    /// A module's parameter.
    public func parameter(_ module: String, _ name: String) -> Fact<String> {
        moduleParameters["\(module)/\(name)"]
            ?? .unknown(
                Unknown(
                    release.reason?.cause == .notExamined ? .notExamined : .missing,
                    source: "/sys/module/\(module)/parameters/\(name)"))
    }

    /// Major and minor version, from ``release``: `(6, 4)` for `6.4.0-150600.23.25-default`.
    public var version: Fact<KernelVersion> {
        release.flatMap { text in
            KernelVersion(text).map(Fact.known)
                ?? .unknown(Unknown(.malformed(text), source: "/proc/sys/kernel/osrelease"))
        }
    }
}

/// A kernel's major and minor number, to gate what a release can do.
public struct KernelVersion: Sendable, Hashable, Comparable {
    /// The first number.
    public var major: Int
    /// The second number.
    public var minor: Int
    /// A version.
    public init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }
    /// Reads the start of a release; `nil` if it does not begin with two numbers.
    public init?(_ release: String) {
        let parts = release.split(separator: ".", maxSplits: 2)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix(while: \.isNumber)) else {
            return nil
        }
        self.init(major, minor)
    }
    /// Older is less.
    public static func < (lhs: Self, rhs: Self) -> Bool { (lhs.major, lhs.minor) < (rhs.major, rhs.minor) }
}

/// A kernel command line: parameters in order.
///
/// Order matters for huge pages.
public struct KernelCommandLine: Sendable, Hashable {
    /// One parameter; `value` is `nil` for a bare word.
    public struct Parameter: Sendable, Hashable {
        /// The name as written.
        public var name: String
        /// What follows the first `=`, without quotes.
        public var value: String?
        /// A parameter.
        public init(_ name: String, _ value: String? = nil) {
            self.name = name
            self.value = value
        }
    }
    /// The parameters in order.
    public var parameters: [Parameter]

    /// Splits a line as the kernel does: at white space outside double quotes.
    ///
    /// - Source: kernel lib/cmdline.c `next_arg`.
    public init(_ line: String) {
        parameters = []
        var word = ""
        var quoted = false
        func finish(_ word: String) -> Parameter {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return Parameter(String(parts[0]), parts.count > 1 ? String(parts[1]) : nil)
        }
        for scalar in line.unicodeScalars {
            switch scalar {
            case "\"": quoted.toggle()
            case " ", "\t", "\n", "\r":
                if quoted {
                    word.unicodeScalars.append(scalar)
                } else if !word.isEmpty {
                    parameters.append(finish(word))
                    word = ""
                }
            default: word.unicodeScalars.append(scalar)
            }
        }
        if !word.isEmpty { parameters.append(finish(word)) }
    }

    /// The last value of a parameter, which is the one most of the kernel heeds; `nil` if it is absent or bare.
    ///
    /// `-` and `_` are one.
    public func value(_ name: String) -> String? {
        parameters.last { Self.same($0.name, name) }?.value
    }
    /// Whether a parameter stands there at all.
    public func has(_ name: String) -> Bool { parameters.contains { Self.same($0.name, name) } }

    private static func same(_ one: String, _ other: String) -> Bool {
        one == other || one.utf8.elementsEqual(other.utf8, by: { ($0 == 0x2D ? 0x5F : $0) == ($1 == 0x2D ? 0x5F : $1) })
    }
}
