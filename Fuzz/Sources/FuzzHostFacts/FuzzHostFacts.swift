import FuzzDriver
import HostFacts
import Quantities

/// One input: a host whose files are what the input says.
///
/// A line `@@path` begins a file; what follows up to the next such line is its content.
private func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var files: [String: [UInt8]] = [:]
    var path: String?
    for line in UnsafeBufferPointer(start: start, count: count).split(separator: 0x0A, omittingEmptySubsequences: false)
    {
        if line.starts(with: [0x40, 0x40]) {
            path = String(decoding: line.dropFirst(2), as: UTF8.self)
        } else if let path {
            files[path, default: []] += Array(line) + [0x0A]
        }
    }
    let facts = HostFacts.read(HostTree(files: files, name: "fuzz"))
    // Printing walks over every fact, which takes ten times as long as reading.
    if count % 16 == 0 { _ = String(describing: facts).utf8.count }
    for content in files.values {
        let text = String(decoding: content.prefix(4096), as: UTF8.self)
        if let set = CPUSet(list: text), CPUSet(list: set.description) != set { fatalError("list \(text)") }
        if let set = CPUSet(libvirt: text), CPUSet(libvirt: set.description) != set { fatalError("libvirt \(text)") }
        _ = CPUSet(mask: text)
    }
    return 0
}

@main
struct FuzzHostFacts {
    static func main() { runFuzzer(test) }
}
