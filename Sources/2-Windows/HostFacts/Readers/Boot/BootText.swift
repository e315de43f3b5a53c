/// Small formats of boot loaders and of tmpfiles.d. Pure functions of bytes.
extension HostFacts {
    /// The kernel's parameters of the entry that a generated grub.cfg starts by itself; `nil` where it has no such entry.
    public static func parseGrubMenu(_ bytes: [UInt8], environment: [String: String] = [:], isEFI: Bool = true)
        -> String?
    {
        GrubMenu(bytes, environment: environment, isEFI: isEFI).preset?.kernel
    }

    /// The title, version and options of an entry of the boot loader specification; `nil` where it has no options.
    public static func parseLoaderEntry(_ bytes: [UInt8]) -> (title: String, version: String, options: String)? {
        let entry = LoaderEntry(bytes, id: "", path: "")
        return entry.options.map { (entry.title, entry.version, $0) }
    }

    /// grubenv's variables: `name=value` lines; `\` before a character stands for that character.
    public static func parseGrubEnvironment(_ bytes: [UInt8]) -> [String: String] {
        var values: [String: String] = [:]
        for line in bytes.lines where line.first != 0x23 {
            guard let (name, value) = line.cut(at: 0x3D), !name.isEmpty else { continue }
            var plain: [UInt8] = []
            var isEscaped = false
            for byte in value {
                if byte == 0x5C, !isEscaped {
                    isEscaped = true
                } else {
                    plain.append(byte)
                    isEscaped = false
                }
            }
            values[name.string] = plain.string
        }
        return values
    }

    /// The parameters of the entry that GRUB 1's menu.lst starts by itself: `default 0`, then `title` and `kernel PATH
    /// PARAMETERS`, under Xen `module`.
    ///
    /// `nil` where there is no kernel.
    public static func parseMenuLst(_ bytes: [UInt8]) -> String? {
        var chosen: UInt64 = 0
        var kernels: [String?] = []
        for line in bytes.lines {
            // `default=0` is read as `default 0`.
            let words = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            guard let command = words.first else { continue }
            func parameters() -> String {
                let rest = words.dropFirst().drop { $0.hasPrefix("--") }
                return rest.dropFirst().map(\.string).joined(separator: " ")
            }
            if command.equals("title") {
                kernels.append(nil)
            } else if command.equals("default"), words.count > 1, let number = words[1].decimal {
                chosen = number
            } else if command.hasPrefix("default="), let number = command.dropFirst(8).decimal {
                chosen = number
            } else if command.equals("kernel"), words.count > 1, !kernels.isEmpty {
                kernels[kernels.count - 1] = parameters()
            } else if command.equals("module"), words.count > 1, words[1].string.contains("vmlinu"), !kernels.isEmpty {
                kernels[kernels.count - 1] = parameters()
            }
            if kernels.count > 4096 { break }
        }
        if chosen < UInt64(kernels.count), let kernel = kernels[Int(chosen)] { return kernel }
        return kernels.lazy.compactMap { $0 }.first
    }

    /// The parameters of zipl's preset section; a `parmfile` is read through the function given.
    ///
    /// `nil` where there is none.
    ///
    /// - Source: s390-tools, zipl.conf(5).
    public static func parseZipl(_ bytes: [UInt8], file: (String) -> [UInt8]? = { _ in nil }) -> String? {
        var sections: [(name: String, values: [String: String])] = []
        for line in bytes.lines {
            let line = line.trimmed
            guard let first = line.first, first != 0x23 else { continue }
            if first == 0x5B || first == 0x3A {
                sections.append((line.dropFirst().prefix { $0 != 0x5D }.trimmed.string, [:]))
                if sections.count > 4096 { break }
            } else if let (name, value) = line.cut(at: 0x3D), !sections.isEmpty {
                var text = value.trimmed
                if text.count >= 2, let quote = text.first, quote == 0x22 || quote == 0x27, text.last == quote {
                    text = text.dropFirst().dropLast()
                }
                sections[sections.count - 1].values[name.trimmed.string] = text.string
            }
        }
        func section(_ name: String?) -> [String: String]? {
            name.flatMap { name in sections.first { $0.name == name }?.values }
        }
        func parameters(_ values: [String: String]?) -> String? {
            guard let values else { return nil }
            var line = values["parameters"]
            if let path = values["parmfile"], let bytes = file(path) {
                line = [bytes.lines.map(\.string).joined(separator: " "), line ?? ""].joined(separator: " ")
            }
            return line.map { $0[...].utf8 }.map { Array($0).trimmed.string }
        }
        let first = section("defaultboot")
        if let line = parameters(section(first?["default"])) { return line }
        if let menu = section(first?["defaultmenu"]), let line = parameters(section(menu[menu["default"] ?? "1"])) {
            return line
        }
        for section in sections { if let line = parameters(section.values) { return line } }
        return nil
    }

    /// A string in a firmware variable's file: four bytes of attributes, then UTF-16; `nil` where it holds none.
    public static func parseEFIString(_ bytes: [UInt8]) -> String? {
        guard bytes.count > 4, bytes.count <= 4096 else { return nil }
        var units: [UInt16] = []
        var index = 4
        while index + 1 < bytes.count {
            let unit = UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8
            if unit == 0 { break }
            units.append(unit)
            index += 2
        }
        return String(decoding: units, as: UTF16.self).nonEmpty
    }

    /// One line of tmpfiles.d that writes into a file.
    public struct TmpfilesLine: Sendable, Hashable {
        /// The file written to; may hold wildcards.
        public var path: String
        /// What is written.
        public var value: String
        /// Whether it comes after what another line wrote (`w+`).
        public var appends: Bool
        /// Its line, from 1.
        public var line: Int
    }

    /// Lines of type `w`: `w /sys/kernel/mm/ksm/run - - - - 1`.
    ///
    /// Lines of other types are passed over.
    ///
    /// - Source: tmpfiles.d(5).
    public static func parseTmpfiles(_ bytes: [UInt8]) -> [TmpfilesLine] {
        var result: [TmpfilesLine] = []
        for (index, line) in bytes.allLines.enumerated() {
            let text = line.trimmed
            guard text.first == 0x77 else { continue }
            var rest = text
            var words: [String] = []
            // Type, path, mode, user, group, age; all that follows is the argument.
            while words.count < 6, !rest.isEmpty { words.append(tmpfilesWord(&rest)) }
            guard words.count == 6, words[0].dropFirst().allSatisfy({ "+!-=~^$".contains($0) }), words[1].hasPrefix("/")
            else { continue }
            let value = unescaped(rest.trimmed)
            guard !value.isEmpty else { continue }
            result.append(
                TmpfilesLine(
                    path: words[1].replacing("%%", with: "%"), value: value, appends: words[0].contains("+"),
                    line: index + 1))
        }
        return result
    }

    /// The next word, quotes taken off.
    private static func tmpfilesWord(_ rest: inout ArraySlice<UInt8>) -> String {
        rest = rest.trimmed
        var word: [UInt8] = []
        var quote: UInt8 = 0
        while let byte = rest.first {
            if quote != 0 {
                if byte == quote { quote = 0 } else { word.append(byte) }
            } else if byte == 0x22 || byte == 0x27 {
                quote = byte
            } else if byte == 0x20 || byte == 0x09 {
                break
            } else {
                word.append(byte)
            }
            rest.removeFirst()
        }
        return word.string
    }

    /// `\n` and its like at a value's end say nothing about it; `%%` is a percent sign.
    private static func unescaped(_ text: ArraySlice<UInt8>) -> String {
        var text = text
        while text.count >= 2, text[text.endIndex - 2] == 0x5C, text.last == 0x6E { text = text.dropLast(2) }
        return text.trimmed.string.replacing("%%", with: "%")
    }
}
