public import Changes

/// A plan as it was carried out.
public struct TransactionRecord: Sendable, Hashable {
    /// How far it is.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Its steps are being taken.
        case applying
        /// All its steps are in force.
        case applied
        /// It failed, or was cut short, and all is as it was before.
        case undone
        /// It is being rolled back.
        case rollingBack = "rolling-back"
        /// It was rolled back.
        case rolledBack = "rolled-back"
        /// Something could not be put back: its remark says what.
        case broken
        /// Whether nothing more is to be done.
        public var isFinished: Bool { self != .applying && self != .rollingBack }
    }
    /// Its number, from 1.
    public var id: Int64
    /// How far it is.
    public var state: State
    /// The root below which it changed files.
    public var root: String
    /// The libvirt connection it used.
    public var connection: String?
    /// Seconds since 1970.
    public var started: Int64
    /// Seconds since 1970; `nil` while it is not finished.
    public var ended: Int64?
    /// The kernel's number of the boot it ran in.
    public var boot: String?
    /// The version of the tool.
    public var tool: String
    /// What went wrong.
    public var remark: String?
    /// Its steps in order.
    public var steps: [StepRecord]

    /// A transaction.
    public init(
        id: Int64, state: State, root: String, connection: String?, started: Int64, ended: Int64? = nil, boot: String?,
        tool: String, remark: String? = nil, steps: [StepRecord]
    ) {
        self.id = id
        self.state = state
        self.root = root
        self.connection = connection
        self.started = started
        self.ended = ended
        self.boot = boot
        self.tool = tool
        self.remark = remark
        self.steps = steps
    }
}

/// A step as it was taken.
public struct StepRecord: Sendable, Hashable {
    /// How far it is.
    public enum State: String, Sendable, Hashable { case planned, begun, done, undone }
    /// Its place in the transaction, from 0.
    public var ordinal: Int
    /// How far it is.
    public var state: State
    /// What it changes.
    public var resource: Resource
    /// What was there, to be put back.
    public var before: ResourceState
    /// What was to be put in place; `nil` where a program made it.
    public var wanted: ResourceState?
    /// What was read back.
    public var after: ResourceState?
    /// What a rollback under way puts in place.
    public var aim: ResourceState?
    /// The program that made it.
    public var command: [String]
    /// What it disturbs.
    public var disruption: Disruption
    /// Why it was taken.
    public var reasons: [Step.Reason]
    /// The file and line that gave a setting its value at boot before; `nil` where none did.
    public var source: String?

    /// A step.
    public init(
        ordinal: Int, state: State, resource: Resource, before: ResourceState, wanted: ResourceState?,
        after: ResourceState? = nil, aim: ResourceState? = nil, command: [String], disruption: Disruption,
        reasons: [Step.Reason], source: String? = nil
    ) {
        self.source = source
        self.ordinal = ordinal
        self.state = state
        self.resource = resource
        self.before = before
        self.wanted = wanted
        self.after = after
        self.aim = aim
        self.command = command
        self.disruption = disruption
        self.reasons = reasons
    }
}
