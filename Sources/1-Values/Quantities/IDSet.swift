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

    /// Reads a list as the kernel (`0-3,8`) and libvirt (`1-4,^3`) write it; `nil` if it is neither.
    ///
    /// As libvirt has it, `^n` takes away what stands before it, white space around a number is allowed, and ranges go upwards. The kernel's
    /// empty list (an absent node's `cpulist`) is the empty set. The kernel's stride form (`0-31:2/8`) is read too.
    ///
    /// - Source: libvirt src/util/virbitmap.c `virBitmapParse`; kernel lib/bitmap-str.c `bitmap_parselist`.
    public init?(list: some StringProtocol) {
        var members = Set<Int>()
        let trimmed = list.utf8.filter { $0 != 0x20 && $0 != 0x0A && $0 != 0x09 && $0 != 0x0D }
        guard !trimmed.isEmpty else {
            self.init()
            return
        }
        for part in trimmed.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            var part = part[...]
            let negated = part.first == UInt8(ascii: "^")
            if negated { part = part.dropFirst() }
            guard let first = Self.number(&part) else { return nil }
            var last = first
            var used = 1
            var group = 1
            if part.first == UInt8(ascii: "-"), !negated {
                part = part.dropFirst()
                guard let end = Self.number(&part), end >= first else { return nil }
                last = end
                if part.first == UInt8(ascii: ":") {
                    part = part.dropFirst()
                    guard let usedSize = Self.number(&part), part.first == UInt8(ascii: "/") else { return nil }
                    part = part.dropFirst()
                    guard let groupSize = Self.number(&part), groupSize > 0, usedSize <= groupSize else { return nil }
                    used = usedSize
                    group = groupSize
                }
            }
            guard part.isEmpty else { return nil }
            if negated {
                members.remove(first)
            } else {
                for number in first...last where (number - first) % group < used { members.insert(number) }
            }
        }
        self.init(members)
    }

    private static func number(_ text: inout ArraySlice<UInt8>) -> Int? {
        var value = 0
        var digits = 0
        while let digit = text.first, digit >= 0x30, digit <= 0x39 {
            value = value * 10 + Int(digit - 0x30)
            guard value <= limit else { return nil }
            digits += 1
            text = text.dropFirst()
        }
        return digits > 0 ? value : nil
    }

    /// Reads the kernel's mask (`cpumap`: hexadecimal words, highest first, separated by commas); `nil` if it is none.
    public init?(mask: some StringProtocol) {
        var members: [Int] = []
        var bit = 0
        for character in mask.utf8.reversed() where character != 0x0A && character != 0x20 && character != 0x2C {
            guard let digit = Character(UnicodeScalar(character)).hexDigitValue, bit <= Self.limit else { return nil }
            for offset in 0..<4 where digit & (1 << offset) != 0 { members.append(bit + offset) }
            bit += 4
        }
        guard bit > 0 else { return nil }
        self.init(members)
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
