import Configuration
import Inventory

/// libFuzzer's entry: any bytes as a `nearmetal.yaml`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConfiguration(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        _ = try Settings.parse(Array(UnsafeBufferPointer(start: start, count: count)), path: "fuzz")
    } catch {
        _ = error.description
    }
    return 0
}
