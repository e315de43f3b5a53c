/// Something that was read, or the reason why it could not be.
///
/// A fact that could not be read is never zero, never empty and never a pass.
public enum Fact<Value: Sendable>: Sendable {
    /// The value as read.
    case known(Value)
    /// Why there is no value.
    case unknown(Unknown)

    /// The value, or `nil` where it is unknown.
    @inlinable public var value: Value? {
        if case .known(let value) = self { value } else { nil }
    }

    /// The reason, or `nil` where the value is known.
    @inlinable public var reason: Unknown? {
        if case .unknown(let reason) = self { reason } else { nil }
    }

    /// The fact seen through a function.
    @inlinable public func map<Result>(_ transform: (Value) -> Result) -> Fact<Result> {
        switch self {
        case .known(let value): .known(transform(value))
        case .unknown(let reason): .unknown(reason)
        }
    }

    /// The fact seen through a function that may itself not know.
    @inlinable public func flatMap<Result>(_ transform: (Value) -> Fact<Result>) -> Fact<Result> {
        switch self {
        case .known(let value): transform(value)
        case .unknown(let reason): .unknown(reason)
        }
    }

    /// The file is not there: on Linux this says that the feature is absent, not that it could not be read.
    @inlinable public var isMissing: Bool { reason?.cause == .missing }
}

extension Fact: Equatable where Value: Equatable {}
extension Fact: Hashable where Value: Hashable {}

/// Why a fact has no value, and what would make it readable.
public struct Unknown: Sendable, Hashable, Error {
    /// The classes of reasons.
    public enum Cause: Sendable, Hashable {
        /// The file or value does not exist.
        case missing
        /// Permission was refused.
        case denied
        /// It was read, and does not say what its format promises; the words say what was found.
        case malformed(String)
        /// Nobody looked: no host was given, no daemon asked, no agent inside.
        case notExamined
        /// The daemon or the system refused; the words are its own.
        case failed(String)
    }

    /// The class of reason.
    public let cause: Cause
    /// Where the value would have come from: a path, a libvirt call, an XPath.
    public let source: String
    /// What to do to make it readable; `nil` if the cause says enough.
    public let remedy: Text?

    /// A reason.
    public init(_ cause: Cause, source: String, remedy: Text? = nil) {
        self.cause = cause
        self.source = source
        self.remedy = remedy
    }

    /// The reason as a sentence without a full stop.
    public var why: Text {
        switch cause {
        case .missing: Text("\(source) does not exist", "\(source) 不存在")
        case .denied: Text("\(source) may not be read by this user", "当前用户无权读取 \(source)")
        case .malformed(let found): Text("\(source) cannot be understood: \(found)", "无法理解 \(source):\(found)")
        case .notExamined: Text("\(source) was not examined", "未检查 \(source)")
        case .failed(let words): Text("\(source) failed: \(words)", "\(source) 失败:\(words)")
        }
    }

    /// What to do about it, in a sentence.
    public var howToRead: Text {
        if let remedy { return remedy }
        return switch cause {
        case .missing: Text("Needs a kernel or package that provides it", "需要提供它的内核或软件包")
        case .denied: Text("Run as root", "以 root 身份运行")
        case .malformed: Text("Look at the file; report it if it is as the kernel wrote it", "检查该文件;若为内核原样输出请报告")
        case .notExamined: Text("Name the host: --root / for this machine", "指定主机:本机用 --root /")
        case .failed: Text("See the message, then run again", "按提示处理后重试")
        }
    }
}
