import Augeas

/// Edits of kernel command lines in the files of boot loaders.
///
/// Each line is parsed, edited, parsed again and compared: the word is there, and every other word as it was and where it was.
public enum BootText {
    /// A word of a command line to set or take out.
    public struct WordChange: Sendable, Hashable {
        /// Its name; `hugepagesz=1G hugepages` is the ordered pair.
        public var name: String
        /// Its value; `nil` takes it out, empty writes the bare word.
        public var value: String?
        /// A change.
        public init(name: String, value: String?) {
            self.name = name
            self.value = value
        }
    }

    /// A command line with changes made.
    ///
    /// - Throws: where a word cannot be written, or an edit would change another.
    public static func edit(commandLine line: String, _ changes: [WordChange], in place: String = "command line")
        throws(ConfigTextError) -> String
    {
        for change in changes {
            let value = change.value ?? ""
            let isQuoted = value.count > 1 && value.hasPrefix("\"") && value.hasSuffix("\"")
            guard !change.name.isEmpty, !(change.name + value).utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }),
                isQuoted || !value.contains("\""), isQuoted || !value.hasPrefix(" ")
            else { throw ConfigTextError(place, "\(change.name)=\(value) cannot be written on a command line") }
        }
        return try applied(changes, to: line, place)
    }

    private static func applied(_ changes: [WordChange], to line: String, _ place: String) throws(ConfigTextError)
        -> String
    {
        var line = line
        for change in changes {
            let old = CommandLineText(line)
            let edited = old.applying(change)
            let new = CommandLineText(edited)
            guard new.has(change), new.others(than: change) == old.others(than: change) else {
                throw ConfigTextError(place, "to set \(change.name) would change another word")
            }
            line = edited
        }
        return line
    }

    /// `/etc/default/grub` with words of a variable changed.
    ///
    /// - Throws: where the variable is put together by shell code, or set more than once.
    public static func defaultGrub(_ text: String, variable: String, _ changes: [WordChange]) throws(ConfigTextError)
        -> String
    {
        let place = "/etc/default/grub: \(variable)"
        let count = TextLine.lines(of: text).count { assigns(variable, $0.text) }
        guard count <= 1 else { throw ConfigTextError(place, "it is set \(count) times: edit it by hand") }
        let set = try ConfigText.setting(variable, in: "/etc/default/grub", of: text)
        // Set in the middle of a line or inside of an `if`, or put together with `+=`: only a shell knows what it will be.
        guard (set == nil) == (count == 0) else {
            throw ConfigTextError(place, "it is put together by shell code: edit it by hand")
        }
        let old = set ?? ""
        var (quote, inner) = ("\"", old)
        if let first = old.first, first == "\"" || first == "'", old.count > 1, old.last == first {
            quote = String(first)
            inner = String(old.dropFirst().dropLast())
            guard isPlain(inner, quote) else {
                throw ConfigTextError(place, "it is put together by shell code: edit it by hand")
            }
        } else if old.contains(where: { "\"'\\$`*?[]~<>&|;()".contains($0) }) {
            throw ConfigTextError(place, "it is put together by shell code: edit it by hand")
        }
        guard !inner.utf8.contains(0x0A) else {
            throw ConfigTextError(place, "its value has several lines: edit it by hand")
        }
        for change in changes {
            guard !change.name.contains(where: { "\"'\\$`".contains($0) }),
                !(change.value ?? "").contains(where: { "\\$`".contains($0) || quote == "'" && $0 == "'" })
            else {
                throw ConfigTextError(
                    place, "\(change.name)=\(change.value ?? "") would not come through a shell as it is")
            }
        }
        _ = try edit(commandLine: "", changes, in: place)
        let written =
            quote == "'"
            ? changes
            : changes.map { WordChange(name: $0.name, value: $0.value?.replacing("\"", with: "\\\"")) }
        let edited = try applied(written, to: inner, place)
        guard edited != inner else { return text }
        return try ConfigText.written(variable, quote + edited + quote, in: "/etc/default/grub", of: text)
    }

    /// Whether a line of shell code sets a variable, anywhere on it.
    private static func assigns(_ variable: String, _ line: String) -> Bool {
        let code = line.drop { $0 == " " || $0 == "\t" }
        guard !code.hasPrefix("#") else { return false }
        for operation in ["=", "+="] {
            var rest = code
            while let found = rest.firstRange(of: variable + operation) {
                let before = rest[..<found.lowerBound].last
                if before.map({ !$0.isLetter && !$0.isNumber && $0 != "_" }) ?? (rest.startIndex == code.startIndex) {
                    return true
                }
                rest = rest[found.upperBound...]
            }
        }
        return false
    }

    /// Whether what is between a shell's quotes is the text itself, but for backslashes before quotes and dollars.
    private static func isPlain(_ inner: String, _ quote: String) -> Bool {
        if quote == "'" { return !inner.contains("'") }
        var isEscaped = false
        for byte in inner.utf8 {
            if !isEscaped, byte == 0x22 || byte == 0x24 || byte == 0x60 { return false }
            isEscaped = byte == 0x5C && !isEscaped
        }
        return !isEscaped
    }

    /// A Boot Loader Specification entry with words of its `options` changed.
    public static func bls(_ text: String, _ changes: [WordChange]) throws(ConfigTextError) -> String {
        try lines(text, "options") { line in
            line == "options" || line.hasPrefix("options ") || line.hasPrefix("options\t")
        } edit: { line throws(ConfigTextError) in
            try after(1, of: line, changes, "options")
        }
    }

    /// `/etc/kernel/cmdline` with words changed.
    public static func kernelCmdline(_ text: String, _ changes: [WordChange]) throws(ConfigTextError) -> String {
        if text.allSatisfy(\.isWhitespace) {
            return try edit(commandLine: "", changes, in: "/etc/kernel/cmdline") + "\n"
        }
        return try lines(text, "/etc/kernel/cmdline") { line in
            !line.hasPrefix("#") && !line.allSatisfy(\.isWhitespace)
        } edit: { line throws(ConfigTextError) in
            try edit(commandLine: line, changes, in: "/etc/kernel/cmdline")
        }
    }

    /// A GRUB environment block with words of `kernelopts` changed: 1,024 bytes before and after.
    public static func grubenv(_ text: String, _ changes: [WordChange]) throws(ConfigTextError) -> String {
        let size = 1024
        guard text.utf8.count == size, text.hasPrefix("# GRUB Environment Block\n") else {
            throw ConfigTextError("grubenv", "this is no environment block of \(size) bytes")
        }
        var body = Substring(text)
        while body.hasSuffix("#") { body.removeLast() }
        let edited = try lines(String(body), "kernelopts") {
            $0.hasPrefix("kernelopts=")
        } edit: {
            line throws(ConfigTextError) in
            "kernelopts="
                + (try edit(commandLine: String(line.dropFirst("kernelopts=".count)), changes, in: "kernelopts"))
        }
        let used = edited.utf8.count
        guard used <= size else {
            throw ConfigTextError("grubenv", "the block holds \(size) bytes, and \(used) are needed")
        }
        return edited + String(repeating: "#", count: size - used)
    }

    /// GRUB legacy's menu with words changed: in every entry but those for failures, so that one stays as it was.
    public static func menuList(_ text: String, _ changes: [WordChange], isForXen: Bool) throws(ConfigTextError)
        -> String
    {
        var result: [TextLine] = []
        var isKept = true
        var isXen = false
        var edited = 0
        for whole in TextLine.lines(of: text) {
            let line = whole.text
            let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
            if words.first == "title" {
                let title = line.lowercased()
                isKept = ["failsafe", "recovery", "memtest", "floppy", "rescue"].contains { title.contains($0) }
                isXen = false
            }
            // Options of GRUB's own stand before the file.
            let file = words.dropFirst().firstIndex { !$0.hasPrefix("--") } ?? words.count
            let name = file < words.count ? String(words[file].split(separator: "/").last ?? "") : ""
            // Not every name with `xen` in it: a kernel for Xen is called vmlinuz-3.0.101-xen.
            if words.first == "kernel" { isXen = name.hasPrefix("xen") }
            let isLinux =
                words.first == "kernel" && !isXen || isXen && words.first == "module" && name.hasPrefix("vmlinu")
            let isMine = isForXen ? words.first == "kernel" && isXen : isLinux
            guard isMine, !isKept, file < words.count else {
                result.append(whole)
                continue
            }
            edited += 1
            result.append(TextLine(text: try after(file + 1, of: line, changes, "menu.lst"), end: whole.end))
        }
        guard edited > 0 else {
            throw ConfigTextError("menu.lst", "it has no entry that starts \(isForXen ? "Xen" : "a kernel")")
        }
        return TextLine.text(of: result)
    }

    // MARK: Lines

    /// Edits what comes after the first words of a line.
    private static func after(_ count: Int, of line: String, _ changes: [WordChange], _ place: String)
        throws(ConfigTextError) -> String
    {
        var rest = line[...]
        for _ in 0..<count {
            rest = rest.drop { $0 == " " || $0 == "\t" }.drop { $0 != " " && $0 != "\t" }
        }
        let space = rest.prefix { $0 == " " || $0 == "\t" }
        let words = rest.dropFirst(space.count)
        let edited = try edit(commandLine: String(words), changes, in: place)
        let head = line[..<rest.startIndex]
        return edited.isEmpty ? String(head) : head + (space.isEmpty ? " " : space) + edited
    }

    /// Edits the one line that is meant.
    private static func lines(
        _ text: String, _ place: String, _ isMeant: (String) -> Bool, edit: (String) throws(ConfigTextError) -> String
    ) throws(ConfigTextError) -> String {
        var lines = TextLine.lines(of: text)
        let meant = lines.indices.filter { isMeant(lines[$0].text) }
        guard meant.count == 1, let index = meant.first else {
            throw ConfigTextError(
                place,
                meant.isEmpty ? "there is no such line" : "there are \(meant.count) such lines: edit them by hand")
        }
        lines[index].text = try edit(lines[index].text)
        return TextLine.text(of: lines)
    }
}
