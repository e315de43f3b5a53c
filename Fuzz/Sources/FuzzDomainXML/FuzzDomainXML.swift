/// libFuzzer's entry: any bytes as a definition, read and edited.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDomainXML(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try DocumentCheck.run(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        fatalError("\(error)")
    }
    return 0
}
