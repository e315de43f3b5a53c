/// An amount of memory or storage, in bytes.
public struct ByteCount: RawRepresentable, Hashable, Comparable, Sendable {
    /// Bytes.
    public let rawValue: UInt64
    /// Wraps a number of bytes.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// A number of bytes.
    public init(bytes: UInt64) { rawValue = bytes }
    /// A number of KiB (1,024 bytes), the unit of /proc/meminfo and of libvirt; saturates at the largest count.
    public init(kibibytes: UInt64) { rawValue = kibibytes.saturatingProduct(1024) }
    /// A number of MiB; saturates at the largest count.
    public init(mebibytes: UInt64) { rawValue = mebibytes.saturatingProduct(1 << 20) }
    /// A number of GiB; saturates at the largest count.
    public init(gibibytes: UInt64) { rawValue = gibibytes.saturatingProduct(1 << 30) }

    /// No bytes.
    public static let zero = ByteCount(rawValue: 0)
    /// Whole KiB, rounded down.
    public var kibibytes: UInt64 { rawValue / 1024 }
    /// Whole MiB, rounded down.
    public var mebibytes: UInt64 { rawValue / (1 << 20) }
    /// Fewer bytes is less.
    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
    /// The sum; saturates at the largest count.
    public static func + (lhs: Self, rhs: Self) -> Self {
        ByteCount(rawValue: lhs.rawValue.saturatingSum(rhs.rawValue))
    }
    /// Adds; saturates at the largest count.
    public static func += (lhs: inout Self, rhs: Self) { lhs = lhs + rhs }
    /// The difference, or zero if that would be negative.
    public static func - (lhs: Self, rhs: Self) -> Self {
        ByteCount(rawValue: lhs.rawValue > rhs.rawValue ? lhs.rawValue - rhs.rawValue : 0)
    }
    /// The product; saturates at the largest count.
    public static func * (lhs: Self, rhs: UInt64) -> Self {
        ByteCount(rawValue: lhs.rawValue.saturatingProduct(rhs))
    }

    /// How many units of a size it takes to hold this; 0 if the size is zero.
    public func count(of unit: ByteCount) -> UInt64 {
        guard unit.rawValue > 0 else { return 0 }
        let (quotient, remainder) = rawValue.quotientAndRemainder(dividingBy: unit.rawValue)
        return quotient + (remainder > 0 ? 1 : 0)
    }

    /// A number and one of libvirt's units; `nil` if the unit is not one of them or the product does not fit.
    ///
    /// - Parameters:
    ///   - number: how many of the unit.
    ///   - unit: case-insensitive, as libvirt has it: `b`/`bytes`, `KB` (1,000), `k`/`KiB` (1,024), `MB`, `M`/`MiB`,
    ///     `GB`, `G`/`GiB`, `TB`, `T`/`TiB`, `PB`, `P`/`PiB`, `EB`, `E`/`EiB`.
    ///
    /// - Source: guide §4.1.5; libvirt src/util/virutil.c `virScaleInteger`.
    public init?(_ number: UInt64, unit: String) {
        guard let scale = Self.scale(of: unit) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: scale)
        guard !overflow else { return nil }
        rawValue = product
    }

    /// Bytes in one of libvirt's units.
    static func scale(of unit: String) -> UInt64? {
        // ASCII's cases only: Unicode has a Kelvin sign that would pass for a k.
        switch String(decoding: unit.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self) {
        case "b", "byte", "bytes": 1
        case "kb": 1_000
        case "k", "kib": 1 << 10
        case "mb": 1_000_000
        case "m", "mib": 1 << 20
        case "gb": 1_000_000_000
        case "g", "gib": 1 << 30
        case "tb": 1_000_000_000_000
        case "t", "tib": 1 << 40
        case "pb": 1_000_000_000_000_000
        case "p", "pib": 1 << 50
        case "eb": 1_000_000_000_000_000_000
        case "e", "eib": 1 << 60
        default: nil
        }
    }
}

extension ByteCount: CustomStringConvertible {
    /// The count in the largest binary unit that keeps it short and honest: `4 GiB`, `1.5 GiB`, `512 KiB`, `17 B`.
    public var description: String {
        let units: [(String, UInt64)] = [
            ("EiB", 1 << 60), ("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ]
        for (name, size) in units where rawValue >= size {
            let (whole, rest) = rawValue.quotientAndRemainder(dividingBy: size)
            if rest == 0 { return "\(whole) \(name)" }
            let tenths = UInt64((Double(rest) / Double(size) * 10).rounded())
            return tenths == 10
                ? "\(whole + 1) \(name)" : tenths == 0 ? "\(whole) \(name)" : "\(whole).\(tenths) \(name)"
        }
        return "\(rawValue) B"
    }
}

extension UInt64 {
    func saturatingProduct(_ other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }

    func saturatingSum(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
