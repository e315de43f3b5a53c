import HostFacts

extension ServiceFacts {
    /// The tool that owns a sysctl key or sysfs path, by name, where one does.
    func owner(of setting: String) -> String? {
        owners.value?.first { $0.owns(setting) }.map { owner in
            owner.profile.map { "\(owner.tool.rawValue) (\($0))" } ?? owner.tool.rawValue
        }
    }
}
