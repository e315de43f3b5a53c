extension DomainDefinition {
    /// The device of an alias: the name libvirt gives it while it runs, or one that was written (`ua-…`).
    public func device(alias: String) -> Element? {
        devices.first { $0.first("alias")?["name"] == alias }
    }

    /// Whether two devices written as XML are one device: one says all that the other says.
    ///
    /// libvirt adds to what it was given, and gives some things anew whenever a device is plugged in.
    ///
    /// - Source: libvirt docs/formatdomain.rst.
    public static func isSameDevice(_ one: String, _ other: String) -> Bool {
        guard let one = try? XMLDocument(Array(one.utf8), path: "device").root,
            let other = try? XMLDocument(Array(other.utf8), path: "device").root
        else { return one == other }
        return says(one, allOf: other) || says(other, allOf: one)
    }

    private static func says(_ one: Element, allOf other: Element) -> Bool {
        guard one.name == other.name, one.text == other.text else { return false }
        for (name, value) in other.attributes where one[name] != value {
            guard isGivenAnew(name, of: other) else { return false }
        }
        var candidates = Array(one.children)
        for child in other.children where child.namespace == nil && !isGivenAnew(child) {
            guard let match = candidates.firstIndex(where: { says($0, allOf: child) }) else { return false }
            candidates.remove(at: match)
        }
        return true
    }

    /// Attributes that libvirt numbers anew.
    private static func isGivenAnew(_ attribute: String, of element: Element) -> Bool {
        switch element.name {
        case "source": attribute == "index" || attribute == "portid" || attribute == "bridge"
        case "target": element.parent?.name == "interface" && attribute == "dev"
        default: false
        }
    }

    /// Elements that tell of the moment.
    private static func isGivenAnew(_ element: Element) -> Bool {
        switch element.name {
        case "alias", "backingStore": true
        case "current": element.parent?.name == "target"
        case "target": element.parent?.name == "interface"
        default: false
        }
    }
}
