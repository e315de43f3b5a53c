/// What a piece of an image is, as one layer has it.
public struct BlockStatus: Sendable, Hashable {
    /// Kinds of pieces.
    public enum Kind: Sendable, Hashable {
        /// This layer says nothing of it: what is below shows through.
        case unallocated
        /// It reads as zeros; where it has a place in the file all the same, at that byte.
        case zero(at: UInt64?)
        /// Data, at that byte of the storage that holds this layer's data; `nil` where the format has no plain place for it.
        case data(at: UInt64?)
        /// Data that is stored compressed.
        case compressed
    }
    /// The kind.
    public var kind: Kind
    /// How many bytes it is so for, at least one.
    public var length: UInt64
    /// Where what this layer says nothing of would have its place, if it has one already.
    public var reserved: UInt64?
    /// A status.
    public init(_ kind: Kind, _ length: UInt64, reserved: UInt64? = nil) {
        self.kind = kind
        self.length = length
        self.reserved = reserved
    }
    /// Whether this layer decides what is read.
    public var isAllocated: Bool { kind != .unallocated }
    /// Whether it reads as zeros.
    public var isZero: Bool { if case .zero = kind { true } else { false } }

    /// Whether the next piece continues this one: of the same kind, and at the next place.
    func continues(into next: BlockStatus) -> Bool {
        switch (kind, next.kind) {
        case (.unallocated, .unallocated): reserved.map { $0 &+ length } == next.reserved
        case (.compressed, .compressed), (.zero(nil), .zero(nil)),
            (.data(nil), .data(nil)):
            true
        case (.data(let here?), .data(let there?)), (.zero(let here?), .zero(let there?)): here &+ length == there
        default: false
        }
    }
}
