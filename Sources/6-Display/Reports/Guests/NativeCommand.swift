import JSONText
public import Quantities

/// The command line that libvirt starts a guest's QEMU with, and what has to be there before a person can start it.
public struct NativeCommand: Sendable {
    /// Variables in libvirt's order.
    public let environment: [(name: String, value: String)]
    /// The program and its arguments.
    public let arguments: [String]

    /// Takes libvirt's line apart.
    ///
    /// - Throws: ``ShellWords/Problem`` where that is no command line.
    public init(_ line: String) throws(ShellWords.Problem) {
        var words = try ShellWords.split(line)[...]
        var environment: [(String, String)] = []
        while let word = words.first, let equals = word.firstIndex(of: "="), !word[..<equals].contains("/") {
            environment.append((String(word[..<equals]), String(word[word.index(after: equals)...])))
            words.removeFirst()
        }
        self.environment = environment
        arguments = Array(words)
    }

    init(environment: [(name: String, value: String)], arguments: [String]) {
        self.environment = environment
        self.arguments = arguments
    }

    /// As one line for a shell; or an option a line, with backslashes.
    public func text(isPretty: Bool) -> [UInt8] {
        var text = environment.map { "\($0.name)=\($0.value.shellWord)" }.joined(separator: isPretty ? " \\\n" : " ")
        for (index, word) in arguments.enumerated() {
            let beginsLine = isPretty && (index == 0 || word.hasPrefix("-"))
            if !text.isEmpty { text += beginsLine ? " \\\n" : " " }
            text += word.shellWord
        }
        return Array((text + "\n").utf8)
    }

    /// An object with the words as they reach QEMU.
    public func json(_ language: Language) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("argv", array: arguments) { $0.string($1) }
            json.member(
                "environment",
                object: { json in
                    // A name twice is the later one's, as the shell has it.
                    var seen: Set<String> = []
                    for (name, value) in environment.reversed() where seen.insert(name).inserted {
                        json.member(name, value)
                    }
                })
            json.member("notes", array: notes) { $0.string($1[language]) }
        }
        return json.finished()
    }

    /// What libvirt makes before it starts QEMU, or does afterwards; without it the command does not work.
    public var notes: [Text] {
        var notes: [Text] = []
        var folders: Set<String> = []
        var peers: Set<String> = []
        for (option, value) in options {
            switch option {
            case "-S":
                notes.append(
                    Text(
                        "-S: it stands still until \"cont\" is said to its monitor; without -S it runs at once",
                        "-S:启动后处于暂停状态,需在监控器中执行 \"cont\";去掉 -S 则立即运行"))
            case "-object" where value["qom-type"] == "secret":
                if let file = value["file"] {
                    folders.insert(Self.folder(file))
                    notes.append(
                        Text(
                            "\(file): a file of 32 random bytes; libvirt makes one for each start",
                            "\(file):32 字节的随机文件;libvirt 每次启动时都会创建"))
                } else {
                    notes.append(
                        Text(
                            "secret \(value["id"] ?? ""): libvirt encrypts it with its own key; give the file of the passphrase instead",
                            "密钥 \(value["id"] ?? "") 由 libvirt 自身的密钥加密;请改为提供口令文件"))
                }
            case "-chardev", "-object", "-blockdev", "-vnc", "-spice", "-netdev", "-add-fd":
                if let path = value["path"] ?? value["unix"], path.hasPrefix("/"), value.isSocket || option == "-vnc" {
                    if value["server"] == "on" || option == "-vnc" {
                        folders.insert(Self.folder(path))
                    } else {
                        peers.insert(path)
                    }
                }
                if let path = value["mem-path"] { folders.insert(Self.folder(path)) }
                if let number = value["fd"] ?? value["fds"] {
                    notes.append(
                        Text(
                            "\(option) \(value["id"] ?? value.head): libvirt hands it open as descriptor \(number); for a network interface put type=user, or tap with ifname=, instead",
                            "\(option) \(value["id"] ?? value.head):libvirt 以已打开的描述符 \(number) 传入;网络接口请改用 type=user 或带 ifname= 的 tap"
                        ))
                }
                if option == "-vnc", value["password"] == "on" {
                    notes.append(
                        Text(
                            "-vnc: nobody gets in before the monitor was told a password (set_password vnc)",
                            "-vnc:在监控器中设置密码(set_password vnc)之前无法登录"))
                }
            default: break
            }
        }
        if !folders.isEmpty {
            notes.append(
                Text(
                    "folders that have to be there: \(folders.sorted().joined(separator: " "))",
                    "必须存在的目录:\(folders.sorted().joined(separator: " "))"))
        }
        for peer in peers.sorted() {
            notes.append(
                Text(
                    "\(peer): a program has to listen there (virtiofsd, swtpm, vhost-user …)",
                    "\(peer):必须有程序在此监听(virtiofsd、swtpm、vhost-user 等)"))
        }
        return notes
    }

    private static func folder(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// Options with their values taken apart.
    private var options: [(String, Value)] {
        arguments.indices.dropFirst().filter { arguments[$0].hasPrefix("-") }.map { index in
            let next = index + 1 < arguments.count ? arguments[index + 1] : ""
            return (arguments[index], Value(next.hasPrefix("-") ? "" : next))
        }
    }

    /// An option's value, in either of QEMU's forms.
    private struct Value {
        var head = ""
        private var members: [String: String] = [:]
        var isSocket: Bool { head == "socket" || head.hasPrefix("unix:") || members["type"] == "unix" }

        init(_ text: String) {
            if text.hasPrefix("{") {
                guard let json = try? JSONValue(text) else { return }
                for name in ["qom-type", "id", "file", "fd", "fds", "path", "mem-path", "server", "type"] {
                    members[name] = json[name]?.text ?? json[name]?.bool.map { $0 ? "on" : "off" }
                }
                return
            }
            for (index, part) in text.split(separator: ",").enumerated() {
                let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                if words.count == 2 { members[words[0]] = words[1] } else if index == 0 { head = words[0] }
            }
            if head.hasPrefix("unix:") { members["unix"] = String(head.dropFirst(5)) }
            if members["qom-type"] == nil, !head.isEmpty { members["qom-type"] = head }
        }

        subscript(_ name: String) -> String? { members[name] }
    }
}
