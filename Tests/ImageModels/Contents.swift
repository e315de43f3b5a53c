import Glibc

/// Whether two images show the same.
public func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    one.withUnsafeBytes { one in
        other.withUnsafeBytes { other in
            guard one.count == other.count else { return false }
            guard let first = one.baseAddress, let second = other.baseAddress else { return true }
            return memcmp(first, second, one.count) == 0
        }
    }
}

/// Where two images of one size show something else.
public func differences(_ one: [UInt8], _ other: [UInt8]) -> [Int] {
    isSame(one, other) ? [] : one.indices.filter { one[$0] != other[$0] }
}

/// Which bytes of an image have shown something else than they did at first.
public struct Touched {
    private let start: [UInt8]
    private var isTouched: [Bool]

    /// None yet.
    public init(_ start: [UInt8]) {
        self.start = start
        isTouched = [Bool](repeating: false, count: start.count)
    }

    /// Looks at some of what it shows now.
    public mutating func note(_ now: [UInt8], in range: Range<Int>) {
        for place in range where now[place] != start[place] { isTouched[place] = true }
    }

    /// Whether a byte has.
    public subscript(place: Int) -> Bool { isTouched[place] }
}
