/// A set of the numbers that the kernel or a guest gives to CPUs or to NUMA nodes; in order, each once.
///
/// The type parameter keeps CPU numbers and node numbers apart.
public struct IDSet<Kind: Sendable>: Sendable, Hashable {
    /// The members, ascending.
    public private(set) var members: [Int]

    /// The empty set.
    public init() { members = [] }
    /// The set of some numbers, in any order; negative ones are a programming error.
    public init(_ numbers: some Sequence<Int>) {
        let sorted = numbers.sorted()
        precondition((sorted.first ?? 0) >= 0, "CPU and node numbers are not negative")
        var unique: [Int] = []
        unique.reserveCapacity(sorted.count)
        for number in sorted where unique.last != number { unique.append(number) }
        members = unique
    }

    /// The largest number accepted in a list: kernels count below it, and a hostile `0-4294967295` ends here.
    public static var limit: Int { 65_535 }

    /// The longest list read.
    ///
    /// All even numbers below ``limit`` take a third of it.
    static var longestList: Int { 512 << 10 }

    /// Reads a list as the kernel (`0-3,8`) and libvirt (`1-4,^3`) write it; `nil` if it is neither.
    ///
    /// `^n` takes away what stands before it, white space around numbers is allowed, a comma at the end does no harm,
    /// and ranges go upwards. The kernel's empty list (an absent node's `cpulist`) is the empty set. The kernel's
    /// stride form (`0-31:2/8`) is read too.
    ///
    /// - Source: libvirt src/util/virbitmap.c `virBitmapParse`; kernel lib/bitmap-str.c `bitmap_parselist`.
    public init?(list: some StringProtocol) {
        guard let members = Self.members(of: list, limit: Self.limit, allowsStride: true) else { return nil }
        self.members = members
    }

    /// Reads a list as libvirt takes it in a definition (`cpuset`, `nodeset`); `nil` where libvirt refuses it: also if
    /// no number is left.
    ///
    /// - Source: libvirt src/util/virbitmap.c `virBitmapParse`, src/conf/domain_conf.h `VIR_DOMAIN_CPUMASK_LEN`
    ///   (numbers below 16,384); observed with libvirt 9.0.
    public init?(libvirt list: some StringProtocol) {
        guard let members = Self.members(of: list, limit: 16_383, allowsStride: false), !members.isEmpty else {
            return nil
        }
        self.members = members
    }

    private static func members(of list: some StringProtocol, limit: Int, allowsStride: Bool) -> [Int]? {
        guard list.utf8.count <= longestList else { return nil }
        var text = ListText(bytes: Array(list.utf8))
        var words: [UInt64] = []
        text.skipSpace()
        while !text.isAtEnd {
            let isTakenAway = text.take(0x5E)
            guard let first = text.number(limit: limit) else { return nil }
            text.skipSpace()
            var last = first
            var used = 1
            var group = 1
            if !isTakenAway, text.take(0x2D) {
                text.skipSpace()
                guard let end = text.number(limit: limit), end >= first else { return nil }
                last = end
                if allowsStride, text.take(0x3A) {
                    guard let part = text.number(limit: limit), text.take(0x2F), let whole = text.number(limit: limit),
                        whole > 0, part <= whole
                    else { return nil }
                    used = part
                    group = whole
                }
                text.skipSpace()
            }
            while words.count <= last / 64 { words.append(0) }
            if isTakenAway {
                words[first / 64] &= ~(1 << UInt64(first % 64))
            } else if used == group {
                fill(&words, first, last)
            } else if used > 0 {
                for start in stride(from: first, through: last, by: group) {
                    fill(&words, start, Swift.min(start + used - 1, last))
                }
                text.skipSpace()
            }
            guard text.take(0x2C) else { break }
            text.skipSpace()
        }
        guard text.isAtEnd else { return nil }
        var members: [Int] = []
        members.reserveCapacity(words.reduce(0) { $0 + $1.nonzeroBitCount })
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                members.append(index * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return members
    }

    private static func fill(_ words: inout [UInt64], _ first: Int, _ last: Int) {
        for word in first / 64...last / 64 {
            let low = word == first / 64 ? UInt64.max << UInt64(first % 64) : .max
            let high = word == last / 64 ? UInt64.max >> UInt64(63 - last % 64) : .max
            words[word] |= low & high
        }
    }

    /// Reads the kernel's mask (`cpumap`: hexadecimal words, highest first, separated by commas); `nil` if it is none.
    public init?(mask: some StringProtocol) {
        var members: [Int] = []
        var bit = 0
        for byte in mask.utf8.reversed() where byte != 0x0A && byte != 0x20 && byte != 0x2C {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            guard bit <= Self.limit else { return nil }
            for offset in 0..<4 where digit & (1 << offset) != 0 { members.append(bit + offset) }
            bit += 4
        }
        guard bit > 0 else { return nil }
        self.members = members
    }

    /// How many numbers it holds.
    public var count: Int { members.count }
    /// Holds none.
    public var isEmpty: Bool { members.isEmpty }
    /// The smallest number, or `nil` if it is empty.
    public var first: Int? { members.first }

    /// Whether it holds a number; logarithmic.
    public func contains(_ number: Int) -> Bool {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            if members[middle] == number { return true }
            if members[middle] < number { low = middle + 1 } else { high = middle }
        }
        return false
    }

    /// Those in either.
    public func union(_ other: Self) -> Self { Self(members + other.members) }
    /// Those in both.
    public func intersection(_ other: Self) -> Self { Self(members.filter(other.contains)) }
    /// Those in this one only.
    public func subtracting(_ other: Self) -> Self { Self(members.filter { !other.contains($0) }) }
    /// Whether the other holds all of these.
    public func isSubset(of other: Self) -> Bool { members.allSatisfy(other.contains) }
    /// Whether the two have none in common.
    public func isDisjoint(with other: Self) -> Bool { !members.contains(where: other.contains) }
}

/// Reads a list of numbers from its start.
private struct ListText {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func skipSpace() {
        while position < bytes.count, bytes[position] == 0x20 || (0x09...0x0D).contains(bytes[position]) {
            position += 1
        }
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// Digits up to a limit; `nil` if there are none, or they come to more.
    mutating func number(limit: Int) -> Int? {
        let start = position
        var value = 0
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
            value = value * 10 + Int(bytes[position] - 0x30)
            guard value <= limit else { return nil }
            position += 1
        }
        return position > start ? value : nil
    }
}

extension IDSet: CustomStringConvertible {
    /// The list as the kernel and libvirt print it: `0-3,8`.
    public var description: String {
        var text = ""
        var index = 0
        while index < members.count {
            var end = index
            while end + 1 < members.count, members[end + 1] == members[end] + 1 { end += 1 }
            if !text.isEmpty { text += "," }
            text += end == index ? "\(members[index])" : "\(members[index])-\(members[end])"
            index = end + 1
        }
        return text
    }
}

extension IDSet: Sequence {
    /// The members, ascending.
    public func makeIterator() -> IndexingIterator<[Int]> { members.makeIterator() }
}

extension IDSet: ExpressibleByArrayLiteral {
    /// The set of some numbers.
    public init(arrayLiteral elements: Int...) { self.init(elements) }
}

/// Marks numbers of logical CPUs.
public enum LogicalCPU: Sendable {}
/// Marks numbers of NUMA nodes.
public enum NUMANodeID: Sendable {}
/// A set of logical CPUs of a host, or of vCPUs of a guest.
public typealias CPUSet = IDSet<LogicalCPU>
/// A set of NUMA nodes.
public typealias NodeSet = IDSet<NUMANodeID>
