import JSONText

extension NativeCommand {
    /// The same for a person who starts it: it runs at once, ends with the guest, and needs nothing that libvirt makes for it.
    ///
    /// - Parameter name: the guest's name, of which its sockets in the folder it is started in get theirs.
    ///
    /// - Returns: another command; what could not be helped is still in its notes.
    public func byHand(_ name: String) -> NativeCommand {
        var kept: [String] = []
        var index = 0
        while index < arguments.count {
            let option = arguments[index]
            let value = index + 1 < arguments.count ? arguments[index + 1] : ""
            switch option {
            // Paused for libvirt's monitor, which is not there; and not to stay when the guest is off.
            case "-S", "-no-shutdown":
                index += 1
                continue
            case "-object" where Self.id(value) == "masterKey0", "-chardev" where Self.id(value) == "charmonitor",
                "-mon" where value.contains("charmonitor"):
                index += 2
                continue
            case "-chardev" where value.hasPrefix("socket,") && value.contains("server=on"):
                let parts = value.split(separator: ",").map { part in
                    guard part.hasPrefix("path="), let last = part.split(separator: "/").last else {
                        return String(part)
                    }
                    return "path=./\(name)-\(last).sock"
                }
                kept += [option, parts.joined(separator: ",")]
                index += 2
                continue
            default: break
            }
            kept.append(option)
            index += 1
        }
        // Homes that libvirt makes for each guest.
        let variables = environment.filter { $0.name != "HOME" && !$0.name.hasPrefix("XDG_") }
        return NativeCommand(environment: variables, arguments: kept)
    }

    /// The id in an option's value, in either of QEMU's forms.
    private static func id(_ value: String) -> String? {
        if value.hasPrefix("{") { return (try? JSONValue(value))?["id"]?.text }
        return value.split(separator: ",").first { $0.hasPrefix("id=") }.map { String($0.dropFirst(3)) }
    }
}
