public import Quantities

/// One step of a plan: a resource, from the state the facts showed to the one wanted.
public struct Step: Sendable, Hashable {
    /// A practice that asks for a step, and on whose behalf.
    public struct Reason: Sendable, Hashable {
        /// The practice's id.
        public var practice: String
        /// The host's or the guest's name.
        public var subject: String
        /// What the finding said.
        public var what: Text
        /// What the change costs.
        public var tradeOff: Text
        /// A reason.
        public init(practice: String, subject: String, what: Text, tradeOff: Text) {
            self.practice = practice
            self.subject = subject
            self.what = what
            self.tradeOff = tradeOff
        }
    }
    /// What is changed.
    public var resource: Resource
    /// What it was like when the plan was made; another state by now refuses the plan.
    public var before: ResourceState
    /// What it is to be like; `nil` where a program makes it.
    public var after: ResourceState?
    /// The program and its arguments, where it is made by one.
    public var command: [String]
    /// Why.
    public var reasons: [Reason]
    /// What must be disturbed before it holds everywhere: the step itself restarts nothing.
    public var disruption: Disruption
    /// What a person has to know.
    public var notes: [Text]
    /// The file and line that give a setting its value at boot, as it is before the step; `nil` where none does.
    public var source: String?
    /// A step.
    public init(
        _ resource: Resource, from before: ResourceState, to after: ResourceState?, command: [String] = [],
        reasons: [Reason], disrupts disruption: Disruption, notes: [Text] = [],
        source: String? = nil
    ) {
        self.source = source
        self.resource = resource
        self.before = before
        self.after = after
        self.command = command
        self.reasons = reasons
        self.disruption = disruption
        self.notes = notes
    }
}

/// An ordered set of steps that put findings right, and what was left out of it.
public struct Plan: Sendable, Hashable {
    /// A remedy that no step carries out.
    public struct LeftOut: Sendable, Hashable {
        /// The practice's id.
        public var practice: String
        /// The host's or the guest's name.
        public var subject: String
        /// Why it is left to a person.
        public var why: Text
        /// Commands to the same effect, one a line.
        public var commands: [String]
        /// A remedy left out.
        public init(practice: String, subject: String, why: Text, commands: [String]) {
            self.practice = practice
            self.subject = subject
            self.why = why
            self.commands = commands
        }
    }
    /// Two practices wanted different values of one target.
    public struct Settled: Sendable, Hashable {
        /// The target.
        public var target: String
        /// The practice that prevailed.
        public var chosen: String
        /// Its value; `nil` takes the thing away.
        public var value: String?
        /// The practice that gave way.
        public var refused: String
        /// What it wanted.
        public var refusedValue: String?
        /// A conflict that was settled.
        public init(target: String, chosen: String, value: String?, refused: String, refusedValue: String?) {
            self.target = target
            self.chosen = chosen
            self.value = value
            self.refused = refused
            self.refusedValue = refusedValue
        }
    }
    /// The root below which files are changed; `/` for this machine.
    public var root: String
    /// The libvirt connection of the definitions in it; `nil` where it has none.
    public var connection: String?
    /// The steps, in the order they are taken.
    public var steps: [Step] = []
    /// What is left to a person.
    public var leftOut: [LeftOut] = []
    /// Conflicts, and how they were settled.
    public var settled: [Settled] = []
    /// A plan without steps.
    public init(root: String, connection: String? = nil) {
        self.root = root
        self.connection = connection
    }
    /// The most any step disturbs.
    public var disruption: Disruption { steps.map(\.disruption).max() ?? .nothing }
}
