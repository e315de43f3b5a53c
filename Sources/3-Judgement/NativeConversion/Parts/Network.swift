import DomainXML
import JSONText

/// What `-netdev` names.
struct NetworkBackend {
    var type: String
    var bridge: String?
    var interface: String?
    var isVhost: Bool?
    var queues: String?
    var chardev: String?
    var socket: NewElement?
    var isUsed = false
}

extension NativeDraft {
    /// Network.
    func takeNetwork(_ option: QEMUOption) throws(JSONError) -> Bool {
        switch option.name {
        case "netdev":
            let keys = try QEMUKeys(option.value ?? "")
            let backend = self.backend(keys, option)
            if let id = keys.take("id") { netdevs[id] = backend }
            leave(keys, of: option)
        case "nic":
            let keys = try QEMUKeys(option.value ?? "")
            guard keys.head != "none" else { return true }
            let model = keys.take("model")
            let mac = keys.take("mac")
            let backend = self.backend(keys, option)
            addInterface(backend, model: model ?? (isX86 ? "e1000" : "virtio"), mac: mac, [], [])
            keys.ignore("id")
            leave(keys, of: option)
        case "net":
            let keys = try QEMUKeys(option.value ?? "")
            switch keys.head {
            case "none": break
            case "nic":
                addInterface(
                    NetworkBackend(type: "user"), model: keys.take("model") ?? "e1000", mac: keys.take("macaddr"), [],
                    [])
            case "user": leave(keys, of: option)
            default: pass(option, .notExpressible)
            }
        default: return false
        }
        return true
    }

    private func backend(_ keys: QEMUKeys, _ option: QEMUOption) -> NetworkBackend {
        var backend = NetworkBackend(type: keys.head)
        switch keys.head {
        case "user", "passt":
            for forward in keys.takeAll(prefix: "hostfwd") {
                leave("-\(option.name) user,hostfwd\(forward.key)=\(forward.value)", .notExpressible)
            }
        case "bridge":
            backend.bridge = keys.take("br") ?? "br0"
            keys.ignore("helper")
        case "tap":
            backend.interface = keys.take("ifname")
            backend.bridge = keys.take("br")
            keys.ignore(
                "script", "downscript", "fd", "fds", "vhostfd", "vhostfds", "helper", "sndbuf", "vnet_hdr", "poll-us")
            backend.isVhost = keys.flag("vhost", "vhostforce")
            backend.queues = keys.take("queues")
            if backend.bridge == nil {
                leave(
                    "-\(option.name) tap: name the bridge of \(backend.interface ?? "its interface")", .notExpressible)
            }
        case "vhost-user":
            backend.chardev = keys.take("chardev")
            backend.queues = keys.take("queues")
            keys.ignore("vhostforce")
        case "socket":
            if let address = keys.take("listen", "connect", "mcast") {
                let parts = address.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
                backend.socket = NewElement(
                    "source",
                    ["address": parts.first.flatMap { $0.isEmpty ? nil : $0 } ?? "127.0.0.1", "port": parts.last])
                backend.type = keys.peek("mcast") != nil ? "mcast" : keys.peek("connect") != nil ? "client" : "server"
            }
        default: leave(option.words, .notExpressible)
        }
        return backend
    }

    func addInterface(
        _ backend: NetworkBackend, model: String, mac: String?, _ more: [NewElement], _ driver: [(String, String)]
    ) {
        var type = "user"
        var source: NewElement?
        switch backend.type {
        case "bridge", "tap":
            type = "bridge"
            source = NewElement("source", ["bridge": backend.bridge ?? "br0"])
        case "mcast", "client", "server":
            type = backend.type
            source = backend.socket
        case "vhost-user":
            type = "vhostuser"
            let chardev = backend.chardev.flatMap { chardevs[$0] }
            source = NewElement(
                "source",
                ["type": "unix", "path": chardev?.path, "mode": chardev?.isServer == true ? "server" : "client"])
        default: break
        }
        var attributes = driver
        if let queues = backend.queues { attributes.append(("queues", queues)) }
        if backend.isVhost == true { attributes.insert(("name", "vhost"), at: 0) }
        var element: NewElement?
        if !attributes.isEmpty {
            var driver = NewElement("driver")
            driver.attributes = attributes.map { .init(name: $0.0, value: $0.1) }
            element = driver
        }
        let isTap = backend.interface.map { !$0.hasPrefix("vnet") } ?? false
        devices.append(
            NewElement(
                "interface", ["type": type],
                [
                    mac.map { NewElement("mac", ["address": $0]) }, source,
                    isTap ? NewElement("target", ["dev": backend.interface]) : nil,
                    NewElement("model", ["type": model]), element,
                ] + more))
    }
}
