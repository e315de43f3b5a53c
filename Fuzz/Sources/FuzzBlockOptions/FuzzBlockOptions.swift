import DiskImage
import FuzzDriver

/// One input: what an image's header, or a command line, has for a name. What is understood names its files, whom a gate is asked about.
private func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    if let node = try? BlockNode(named: "json:" + text) { look(node) }
    let pairs = text.split(separator: ",").map { part in
        let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(pair[0]), pair.count > 1 ? String(pair[1]) : "on")
    }
    if let node = try? BlockNode(BlockOptions(pairs)) { look(node) }
    _ = ImageReference("json:" + text, in: "/images/top.qcow2").path
    return 0
}

private func look(_ node: BlockNode) {
    let files = node.files
    if let path = node.path { precondition(files.contains(path), "\(path) is opened, and nobody asked") }
    _ = (node.secretIDs, node.declaredFormat)
}

@main
struct FuzzBlockOptions {
    static func main() { runFuzzer(test) }
}
