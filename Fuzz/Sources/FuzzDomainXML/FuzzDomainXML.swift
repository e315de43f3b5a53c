import FuzzDriver

/// One input: any bytes as a definition, read and edited.
private func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try DocumentCheck.run(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        fatalError("\(error)")
    }
    return 0
}

@main
struct FuzzDomainXML {
    static func main() { runFuzzer(test) }
}
