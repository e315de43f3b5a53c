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

    /// What stands before each path: tests have files that stand for the kernel's.
    var folder: String

    private func value(_ name: String) throws(TransactionError) -> String { try Self.value(folder + name) }
    private func put(_ value: String, _ name: String) throws(TransactionError) { try Self.put(value, folder + name) }

    func read(_ name: String) async throws(TransactionError) -> ResourceState {
        let value = try self.value(name)
        if value == "0", let twin = Self.twins[name] {
            let other = try self.value(Self.sibling(of: name, twin))
            if other != "0" { return ResourceState(text: "\(twin)=\(other)") }
        }
        return ResourceState(text: value)
    }

    func write(_ state: ResourceState, to name: String) async throws(TransactionError) {
        guard let text = state.text else {
            throw TransactionError(.failed, "a kernel setting cannot be taken away", place: name)
        }
        if let twin = Self.twins[name], text.hasPrefix("\(twin)=") {
            return try put(String(text.dropFirst(twin.count + 1)), Self.sibling(of: name, twin))
        }
        let pool = HugePagePool(name)
        if let pool, let wanted = Int(text), wanted > Int(try value(name)) ?? 0 {
            // Pages are found only where memory is in one piece; without the file the kernel cannot compact.
            do throws(TransactionError) { try put("1", pool.compact) } catch {
                try? put("1", HugePagePool.compactAll)
            }
        }
        try put(text, name)
        guard let pool, let wanted = Int(text), let got = Int(try value(name)), got < wanted else { return }
        throw TransactionError(
            .failed, pool.shortfall(got: got, of: wanted, meminfo: try? value(pool.meminfo)), place: name,
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
        let descriptor = open(name, O_WRONLY | O_TRUNC | O_CLOEXEC)
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

/// Huge pages of one size, on one node or on the host, as the file that reserves them says.
private struct HugePagePool {
    static let compactAll = "/proc/sys/vm/compact_memory"

    /// The file that makes memory of the place be put together.
    let compact: String
    /// The file that tells the place's memory.
    let meminfo: String
    private let place: String
    private let pageKiB: Int?

    /// `nil` for a setting that reserves none.
    init?(_ name: String) {
        let parts = name.split(separator: "/")
        guard parts.last == "nr_hugepages" else { return nil }
        pageKiB = parts.dropLast().last.flatMap {
            $0.hasPrefix("hugepages-") && $0.hasSuffix("kB") ? Int($0.dropFirst(10).dropLast(2)) : nil
        }
        let node = parts.first { $0.hasPrefix("node") && Int($0.dropFirst(4)) != nil }
        let folder = node.map { "/sys/devices/system/node/\($0)" }
        compact = folder.map { "\($0)/compact" } ?? Self.compactAll
        meminfo = folder.map { "\($0)/meminfo" } ?? "/proc/meminfo"
        place = node.map { "node \($0.dropFirst(4))" } ?? "the host"
    }

    /// How many were got, and why not all.
    ///
    /// - Parameters:
    ///   - got: pages the kernel found, those it had before included.
    ///   - wanted: pages it was asked for.
    ///   - meminfo: the words of the place's meminfo; `nil` where it cannot be read.
    ///
    /// - Returns: a sentence for people.
    func shortfall(got: Int, of wanted: Int, meminfo: String?) -> String {
        let words = meminfo?.split(separator: " ") ?? []
        func number(_ key: String) -> Int? {
            guard let index = words.firstIndex(of: Substring(key)), index + 1 < words.count else { return nil }
            return Int(words[index + 1])
        }
        let what = "the kernel found \(got) of \(wanted) huge pages"
        guard let free = number("MemFree:"), let size = pageKiB ?? number("Hugepagesize:") else {
            return "\(what): the rest of its memory is in use or in pieces"
        }
        let (missing, isHuge) = (wanted - got).multipliedReportingOverflow(by: size)
        return isHuge || free < missing
            ? "\(what): \(place) has \(free / 1024) MiB free, and the others would take \(isHuge ? Int.max : missing / 1024) MiB"
            : "\(what): \(place) has \(free / 1024) MiB free, but in pieces that are smaller than a page"
    }
}
