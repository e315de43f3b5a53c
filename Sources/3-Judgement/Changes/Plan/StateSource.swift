public import Quantities

/// Tells what things are like now; a planner asks it, so that the same answers give the same plan.
public protocol StateSource: Sendable {
    /// A resource's state; unknown where it cannot be read.
    func look(at resource: Resource) async -> Fact<ResourceState>
    /// Names of the files in a folder, in order; unknown where it cannot be read.
    func names(in folder: String) async -> Fact<[String]>
}
