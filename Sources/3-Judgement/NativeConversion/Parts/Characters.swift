import DomainXML
import JSONText

/// What `-chardev` names.
struct CharacterBackend {
    var type: String
    var path: String?
    var isServer = false
    var host: String?
    var port: String?
    var isTelnet = false
}

extension NativeDraft {
    /// Character devices, serial ports, TPMs, shares.
    func takeCharacters(_ option: QEMUOption) throws(JSONError) -> Bool {
        let value = option.value ?? ""
        switch option.name {
        case "chardev":
            let keys = try QEMUKeys(value, head: ["backend"])
            guard let id = keys.take("id") else { return false }
            var backend = CharacterBackend(type: keys.head, path: keys.take("path"))
            backend.isServer = keys.flag("server") ?? false
            backend.host = keys.take("host")
            backend.port = keys.take("port")
            backend.isTelnet = keys.flag("telnet") ?? false
            keys.ignore(
                "wait", "fd", "append", "mux", "signal", "reconnect", "name", "debug",
                "nodelay", "size", "ipv4", "ipv6", "fdset")
            chardevs[id] = backend
            leave(keys, of: option)
        case "serial", "parallel": addPort(option.name, value)
        case "virtfs", "fsdev":
            let keys = try QEMUKeys(value)
            let driver = keys.head
            guard driver == "local", let path = keys.take("path") else { return false }
            let mode = keys.take("security_model", "security-model")
            let isReadOnly = keys.flag("readonly") ?? false
            let id = keys.take("id") ?? ""
            let tag = keys.take("mount_tag")
            keys.ignore("multidevs", "writeout", "fmode", "dmode")
            if option.name == "fsdev" {
                shares[id] = ("path", self.path(path), mode, isReadOnly)
            } else if let tag {
                addShare(self.path(path), tag, mode, isReadOnly)
            }
            leave(keys, of: option)
        case "tpmdev":
            let keys = try QEMUKeys(value)
            let id = keys.take("id") ?? ""
            switch keys.head {
            case "emulator": tpms[id] = NewElement("backend", ["type": "emulator", "version": "2.0"])
            case "passthrough":
                tpms[id] = NewElement(
                    "backend", ["type": "passthrough"],
                    [NewElement("device", ["path": keys.take("path") ?? "/dev/tpm0"])])
            default: return false
            }
            keys.ignore("chardev", "cancel-path")
        case "audiodev":
            let keys = try QEMUKeys(value)
            let known = ["none", "alsa", "coreaudio", "jack", "oss", "pa", "sdl", "spice", "wav", "dbus"]
            guard known.contains(keys.head) else { return false }
            let type = ["pa": "pulseaudio", "wav": "file"][keys.head] ?? keys.head
            if audio == nil {
                audio = type
                devices.append(NewElement("audio", ["id": "1", "type": type]))
            } else {
                leave(option.words, .notExpressible)
            }
        default: return false
        }
        return true
    }

    /// A serial or parallel port, as `-serial` has it.
    private func addPort(_ kind: String, _ value: String) {
        let parts = value.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch parts.first ?? "" {
        case "none": break
        case "null": devices.append(NewElement(kind, ["type": "null"]))
        case "file":
            devices.append(
                NewElement(kind, ["type": "file"], [NewElement("source", ["path": path(String(value.dropFirst(5)))])]))
        case "unix":
            let options = value.dropFirst(5).split(separator: ",").map(String.init)
            devices.append(
                NewElement(
                    kind, ["type": "unix"],
                    [
                        NewElement(
                            "source",
                            [
                                "mode": options.contains { $0.hasPrefix("server") } ? "bind" : "connect",
                                "path": path(options.first ?? ""),
                            ])
                    ]))
        case "tcp", "telnet":
            guard parts.count >= 3 else { return leave("-\(kind) \(value)", .malformed) }
            let isServer = value.contains(",server")
            let port = parts[2].prefix { $0.isNumber }
            devices.append(
                NewElement(
                    kind, ["type": "tcp"],
                    [
                        NewElement(
                            "source",
                            [
                                "mode": isServer ? "bind" : "connect",
                                "host": parts[1].isEmpty ? "127.0.0.1" : parts[1], "service": String(port),
                            ]),
                        NewElement("protocol", ["type": parts[0] == "telnet" ? "telnet" : "raw"]),
                    ]))
        case "chardev": addCharacter(kind, parts.count > 1 ? parts[1] : "", [])
        case "pty", "stdio", "mon", "vc":
            if parts[0] != "pty" { leave("-\(kind) \(value): it becomes a pty (virsh console)", .libvirtDoes) }
            devices.append(NewElement(kind, ["type": "pty"]))
        case let first where first.hasPrefix("/dev/"):
            devices.append(NewElement(kind, ["type": "dev"], [NewElement("source", ["path": first])]))
        default: leave("-\(kind) \(value)", .notExpressible)
        }
    }

    /// A port, console or channel over a back end.
    func addCharacter(_ kind: String, _ id: String, _ more: [NewElement]) {
        let backend = chardevs[id] ?? CharacterBackend(type: "pty")
        var element: NewElement
        switch backend.type {
        case "socket" where backend.path != nil || backend.host == nil:
            // libvirt names sockets below its own folder itself.
            let isOwn = backend.path?.contains("/libvirt/") ?? true
            element = NewElement(
                kind, ["type": "unix"],
                [
                    isOwn
                        ? nil
                        : NewElement(
                            "source", ["mode": backend.isServer ? "bind" : "connect", "path": path(backend.path ?? "")])
                ])
        case "socket":
            element = NewElement(
                kind, ["type": "tcp"],
                [
                    NewElement(
                        "source",
                        ["mode": backend.isServer ? "bind" : "connect", "host": backend.host, "service": backend.port]),
                    NewElement("protocol", ["type": backend.isTelnet ? "telnet" : "raw"]),
                ])
        case "file":
            element = NewElement(kind, ["type": "file"], [NewElement("source", ["path": path(backend.path ?? "")])])
        case "null": element = NewElement(kind, ["type": "null"])
        case "spicevmc": element = NewElement(kind, ["type": "spicevmc"])
        case "pipe":
            element = NewElement(kind, ["type": "pipe"], [NewElement("source", ["path": path(backend.path ?? "")])])
        case "serial", "parallel":
            element = NewElement(kind, ["type": "dev"], [NewElement("source", ["path": backend.path])])
        case "qemu-vdagent": element = NewElement(kind, ["type": "qemu-vdagent"])
        default: element = NewElement(kind, ["type": "pty"])
        }
        element.children += more
        devices.append(element)
    }

    func addShare(_ path: String, _ tag: String, _ mode: String?, _ isReadOnly: Bool) {
        let access = [
            "mapped-xattr": "mapped", "mapped": "mapped", "mapped-file": "mapped", "none": "squash",
            "passthrough": "passthrough",
        ][mode ?? ""]
        devices.append(
            NewElement(
                "filesystem", ["type": "mount", "accessmode": access ?? "passthrough"],
                [
                    NewElement("source", ["dir": path]), NewElement("target", ["dir": tag]),
                    isReadOnly ? NewElement("readonly") : nil,
                ]))
    }
}
