internal import Changes
internal import Glibc

/// Kernel settings below /proc/sys and /sys.
///
/// A choice (`always [madvise] never`) is its chosen word; white space is squeezed. Of twins, of which the kernel keeps one at zero, the one
/// in force is the state of both: `dirty_bytes=524288000`.
struct SettingPerformer: Performer {
    /// Settings of which writing one zeroes the other, which then refuses a zero.
    ///
    /// - Source: kernel Documentation/admin-guide/sysctl/vm.rst.
    private static let twins: [String: String] = [
        "/proc/sys/vm/dirty_ratio": "dirty_bytes",
        "/proc/sys/vm/dirty_background_ratio": "dirty_background_bytes",
        "/proc/sys/vm/overcommit_ratio": "overcommit_kbytes",
    ]
    private static let sizeLimit = 1 << 16

    func read(_ name: String) async throws(TransactionError) -> ResourceState {
        let value = try Self.value(name)
        if value == "0", let twin = Self.twins[name] {
            let other = try Self.value(Self.sibling(of: name, twin))
            if other != "0" { return ResourceState(text: "\(twin)=\(other)") }
        }
        return ResourceState(text: value)
    }

    func write(_ state: ResourceState, to name: String) async throws(TransactionError) {
        guard let text = state.text else {
            throw TransactionError(.failed, "a kernel setting cannot be taken away", place: name)
        }
        if let twin = Self.twins[name], text.hasPrefix("\(twin)=") {
            return try Self.put(String(text.dropFirst(twin.count + 1)), Self.sibling(of: name, twin))
        }
        let isPages = name.hasSuffix("/nr_hugepages")
        // Pages are found only where memory is in one piece; without the file the kernel cannot compact.
        if isPages { try? Self.put("1", "/proc/sys/vm/compact_memory") }
        try Self.put(text, name)
        guard isPages || name == "/proc/sys/vm/nr_hugepages", let wanted = Int(text),
            let got = Int(try Self.value(name)),
            got < wanted
        else { return }
        throw TransactionError(
            .failed, "the kernel found \(got) of \(wanted) huge pages: the rest of its memory is in use or in pieces",
            place: name,
            remedy: "Reserve them at boot (hugepages= on the kernel command line), or stop what takes the memory")
    }

    private static func sibling(of name: String, _ twin: String) -> String {
        let slash = name.utf8.lastIndex(of: 0x2F) ?? name.startIndex
        return "\(name[..<slash])/\(twin)"
    }

    /// A setting's value.
    static func value(_ name: String) throws(TransactionError) -> String {
        let descriptor = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Rooted.Failure(errno).at(name) }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: sizeLimit)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw Rooted.Failure(errno).at(name) }
        let words = String(decoding: buffer[..<count], as: UTF8.self).split { $0 == " " || $0 == "\t" || $0 == "\n" }
        if let chosen = words.first(where: { $0.hasPrefix("[") && $0.hasSuffix("]") && $0.count > 2 }) {
            return String(chosen.dropFirst().dropLast())
        }
        return words.joined(separator: " ")
    }

    private static func put(_ value: String, _ name: String) throws(TransactionError) {
        let descriptor = open(name, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Rooted.Failure(errno).at(name) }
        defer { close(descriptor) }
        let bytes = Array((value + "\n").utf8)
        // One write: a second would be another value.
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw TransactionError(
                .failed, "the kernel refuses \"\(value)\": \(String(cString: strerror(errno)))", place: name,
                remedy: Rooted.Failure.remedy(errno))
        }
    }
}
