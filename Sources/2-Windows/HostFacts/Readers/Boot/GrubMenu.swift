/// The menu that a generated grub.cfg makes, and the entry it starts by itself.
///
/// GRUB's language is a shell. What generated files use of it is carried out: `set`, `if` with the tests they contain, entries and
/// submenus. Functions are not called, commands not run, and a test that is not understood fails.
///
/// - Source: GRUB manual, "Writing full configuration files directly"; util/grub.d of GRUB and SUSE.
struct GrubMenu {
    /// An entry, or a submenu with entries.
    struct Entry {
        var title: String
        var id: String?
        /// Parameters after the kernel's path, variables put in.
        var kernel: String?
        /// Parameters of Xen, where it is the one that is loaded.
        var hypervisor: String?
        var children: [Entry] = []
        var isSubmenu = false
    }

    /// The menu's first level.
    private(set) var entries: [Entry] = []
    /// Whether the menu is to be filled from the boot loader specification's entries.
    private(set) var hasLoaderEntries = false
    private var variables: [String: String]
    private var frames: [Frame] = []

    /// What a brace or an `if` opened.
    private enum Frame {
        case entry(Entry)
        /// A function's body, which is passed over.
        case body
        /// An `if`: whether the branch at hand is carried out, and whether one of them was.
        case test(isTaken: Bool, wasTaken: Bool)
    }

    /// Most entries kept; distributions write dozens.
    private static let most = 4096

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - bytes: grub.cfg.
    ///   - environment: grubenv's variables.
    ///   - isEFI: whether the firmware is UEFI.
    init(_ bytes: [UInt8], environment: [String: String], isEFI: Bool) {
        variables = environment
        variables["grub_platform"] = isEFI ? "efi" : "pc"
        variables["feature_menuentry_id"] = "y"
        variables["menuentry_id_option"] = "--id"
        variables["prefix"] = "/boot/grub2"
        hasEnvironment = !environment.isEmpty
        for command in Self.commands(bytes) {
            // Generated files nest four deep.
            guard frames.count < 256 else { break }
            carryOut(command)
        }
        // A file that was cut off still has the entries that were open.
        while let frame = frames.popLast() { if case .entry(let entry) = frame { close(entry) } }
    }

    private let hasEnvironment: Bool
    private var work = 0
    private static let mostWork = 8 << 20
    /// Bytes of a variable or a line; kernels take 2,048 to 4,096.
    private static let longest = 1 << 14

    /// The entry that is started when nobody touches the keyboard; `nil` where the menu is empty.
    var preset: Entry? {
        let wanted = expand(variables["default"] ?? "0")
        var level = entries
        for (depth, part) in wanted.split(separator: ">").enumerated() {
            guard depth < 8, let found = Self.find(part.trimmed, in: level) else { break }
            if !found.isSubmenu { return found }
            level = found.children
        }
        return Self.firstKernel(entries)
    }

    /// The variable `default` as set, for a menu that is filled from elsewhere.
    var wanted: String { expand(variables["default"] ?? "") }

    private static func find(_ name: String, in level: [Entry]) -> Entry? {
        if let number = Array(name.utf8).decimal { return number < UInt64(level.count) ? level[Int(number)] : nil }
        return level.first { $0.id == name || $0.title == name }
    }

    private static func firstKernel(_ level: [Entry]) -> Entry? {
        for entry in level {
            if entry.kernel != nil { return entry }
            if let child = firstKernel(entry.children) { return child }
        }
        return nil
    }

    // MARK: Carrying out

    private var isPassedOver: Bool {
        frames.contains { frame in
            switch frame {
            case .body: true
            case .test(let isTaken, _): !isTaken
            case .entry: false
            }
        }
    }

    private mutating func carryOut(_ command: [Word]) {
        guard let name = command.first?.text else { return }
        switch name {
        case "if":
            let holds = !isPassedOver && test(command)
            frames.append(.test(isTaken: holds, wasTaken: holds))
        case "elif", "else":
            guard case .test(_, let wasTaken)? = frames.last else { return }
            frames.removeLast()
            let holds = !isPassedOver && !wasTaken && (name == "else" || test(command))
            frames.append(.test(isTaken: holds, wasTaken: wasTaken || holds))
        case "fi":
            if case .test? = frames.last { frames.removeLast() }
        case "function", "for", "while", "until":
            if command.last?.isOpening == true { frames.append(.body) }
        case "{": frames.append(.body)
        case "}":
            switch frames.last {
            case .entry(let entry)?:
                frames.removeLast()
                if !isPassedOver { close(entry) }
            case .body?: frames.removeLast()
            default: break
            }
        case "menuentry", "submenu": open(command, isSubmenu: name == "submenu")
        default: if !isPassedOver { plain(name, command) }
        }
    }

    private mutating func open(_ command: [Word], isSubmenu: Bool) {
        guard command.last?.isOpening == true else { return }
        var entry = Entry(title: command.count > 1 ? expand(command[1]) : "", isSubmenu: isSubmenu)
        for (index, word) in command.enumerated() where expand(word) == "--id" && index + 1 < command.count {
            entry.id = expand(command[index + 1])
        }
        frames.append(.entry(entry))
    }

    private mutating func close(_ entry: Entry) {
        for index in frames.indices.reversed() {
            guard case .entry(var parent) = frames[index] else { continue }
            if parent.children.count < Self.most { parent.children.append(entry) }
            frames[index] = .entry(parent)
            return
        }
        if entries.count < Self.most { entries.append(entry) }
    }

    private mutating func plain(_ name: String, _ command: [Word]) {
        switch name {
        case "set":
            for word in command.dropFirst() { assign(word) }
        case "blscfg": hasLoaderEntries = true
        default:
            let program = expand(command[0])
            switch program {
            case "linux", "linuxefi", "linux16": kernel(command.dropFirst(2))
            case "multiboot", "multiboot2", "xen_hypervisor":
                if command.count > 1, expand(command[1]).contains("xen") { hypervisor(command.dropFirst(2)) }
            case "module", "module2", "xen_module":
                let rest = command.dropFirst().drop { expand($0).hasPrefix("--") }
                // Under Xen the kernel is a module of the hypervisor; its initrd is one too.
                if let path = rest.first.map(expand),
                    path.contains("vmlinu") || path.contains("/Image") || path.contains("bzImage")
                {
                    kernel(rest.dropFirst())
                }
            default:
                if command.count == 1 { assign(command[0]) }
            }
        }
    }

    private mutating func assign(_ word: Word) {
        guard let equals = word.parts.first?.text.firstIndex(of: "="), !word.parts[0].isLiteral else { return }
        let first = word.parts[0]
        let name = String(first.text[..<equals])
        guard !name.isEmpty, variables.count < 1024 else { return }
        var rest = word
        rest.parts[0] = Word.Part(text: String(first.text[first.text.index(after: equals)...]), isLiteral: false)
        let value = expand(rest)
        // `set a=$a$a` doubles: what is put in is counted, and a variable holds no more than a kernel takes.
        work += value.utf8.count
        variables[name] = value.utf8.count > Self.longest || work > Self.mostWork ? "" : value
    }

    private mutating func kernel(_ words: ArraySlice<Word>) {
        let line = line(words)
        change { $0.kernel = line }
    }
    private mutating func hypervisor(_ words: ArraySlice<Word>) {
        let line = line(words)
        change { $0.hypervisor = line }
    }
    private mutating func change(_ body: (inout Entry) -> Void) {
        for index in frames.indices.reversed() {
            guard case .entry(var entry) = frames[index] else { continue }
            body(&entry)
            frames[index] = .entry(entry)
            return
        }
    }

    /// Arguments as one line; `placeholder` stands before Xen's and its kernel's, for old loaders.
    ///
    /// What was quoted because of white space is so again.
    private mutating func line(_ words: ArraySlice<Word>) -> String {
        guard work <= Self.mostWork else { return "" }
        let line = words.prefix(4096).map { word in
            let text = expand(word)
            // An unquoted variable may hold several parameters; a quoted word is one.
            return word.isQuoted && text.contains(" ") && !text.contains("\"") ? "\"\(text)\"" : text
        }.filter { !$0.isEmpty && $0 != "placeholder" }.joined(separator: " ")
        work += line.utf8.count
        return line
    }

    // MARK: Tests

    /// `if [ … ]` with the tests that generated files contain.
    private func test(_ command: [Word]) -> Bool {
        var words = command.dropFirst().map(expand)
        guard let opening = words.first, opening == "[" || opening == "test" else { return false }
        words.removeFirst()
        if words.last == "]" { words.removeLast() }
        switch words.count {
        case 1: return !words[0].isEmpty
        case 2:
            switch words[0] {
            case "-n": return !words[1].isEmpty
            case "-z": return words[1].isEmpty
            case "!": return words[1].isEmpty
            case "-s", "-f", "-e": return words[1].hasSuffix("grubenv") && hasEnvironment
            default: return false
            }
        case 3:
            switch words[1] {
            case "=", "==": return words[0] == words[2]
            case "!=": return words[0] != words[2]
            default: return false
            }
        default: return false
        }
    }

    // MARK: Words

    /// A word of the script in its parts: literal text from single quotes, and text in which variables stand.
    struct Word {
        struct Part {
            var text: String
            var isLiteral: Bool
        }
        var parts: [Part] = []
        var isQuoted = false
        /// The text where nothing is quoted or put in.
        var text: String { parts.count == 1 ? parts[0].text : parts.map(\.text).joined() }
        var isOpening: Bool { !isQuoted && text == "{" }
    }

    private func expand(_ word: Word) -> String {
        word.parts.map { $0.isLiteral ? $0.text : expand($0.text) }.joined()
    }

    private func expand(_ text: String) -> String {
        guard text.contains("$") else { return text }
        var result: [UInt8] = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count, result.count <= Self.longest {
            guard bytes[index] == 0x24 else {
                result.append(bytes[index])
                index += 1
                continue
            }
            var end = index + 1
            let isBraced = end < bytes.count && bytes[end] == 0x7B
            if isBraced { end += 1 }
            let start = end
            while end < bytes.count, Self.isName(bytes[end]) { end += 1 }
            guard end > start, !isBraced || (end < bytes.count && bytes[end] == 0x7D) else {
                result.append(0x24)
                index += 1
                continue
            }
            result += Array((variables[bytes[start..<end].string] ?? "").utf8)
            index = isBraced ? end + 1 : end
        }
        return result.string
    }

    private static func isName(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }

    /// The script's commands in order: ended by line ends and semicolons, each with its words.
    ///
    /// Braces are words of their own.
    private static func commands(_ bytes: [UInt8]) -> [[Word]] {
        var commands: [[Word]] = []
        var command: [Word] = []
        var word = Word()
        var text: [UInt8] = []
        var isOpen = false
        func isEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x3B }
        func part(_ isLiteral: Bool) {
            if !text.isEmpty { word.parts.append(Word.Part(text: text.string, isLiteral: isLiteral)) }
            text = []
        }
        func finishWord() {
            part(false)
            if isOpen { command.append(word) }
            word = Word()
            isOpen = false
        }
        func finishCommand() {
            finishWord()
            // `then` and `do` begin a command of their own.
            if let first = command.first, !first.isQuoted, first.text == "then" || first.text == "do" {
                command.removeFirst()
            }
            if !command.isEmpty { commands.append(command) }
            command = []
        }
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case 0x27:
                part(false)
                let end = bytes[index...].firstIndex(of: 0x27) ?? bytes.count
                text = Array(bytes[index..<end])
                part(true)
                index = min(end + 1, bytes.count)
                (isOpen, word.isQuoted) = (true, true)
            case 0x22:
                (isOpen, word.isQuoted) = (true, true)
                while index < bytes.count, bytes[index] != 0x22 {
                    if bytes[index] == 0x5C, index + 1 < bytes.count {
                        index += 1
                        part(false)
                        text = [bytes[index]]
                        part(true)
                    } else {
                        text.append(bytes[index])
                    }
                    index += 1
                }
                index = min(index + 1, bytes.count)
            case 0x5C:
                guard index < bytes.count else { break }
                if bytes[index] != 0x0A {
                    part(false)
                    text = [bytes[index]]
                    part(true)
                    isOpen = true
                }
                index += 1
            case 0x23 where !isOpen:
                while index < bytes.count, bytes[index] != 0x0A { index += 1 }
            case 0x20, 0x09, 0x0D: finishWord()
            case _ where isEnd(byte): finishCommand()
            case 0x7B where !isOpen:
                (isOpen, text) = (true, [byte])
                finishCommand()
            case 0x7D where !isOpen:
                finishCommand()
                (isOpen, text) = (true, [byte])
                finishCommand()
            default:
                text.append(byte)
                isOpen = true
            }
        }
        finishCommand()
        return commands
    }
}

extension Substring {
    fileprivate var trimmed: String { Array(utf8).trimmed.string }
}
