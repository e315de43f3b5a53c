import Configuration
import FuzzDriver
import Inventory

/// One input: any bytes as a `nearmetal.yaml`.
private func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        _ = try Settings.parse(Array(UnsafeBufferPointer(start: start, count: count)), path: "fuzz")
    } catch {
        _ = error.description
    }
    return 0
}

@main
struct FuzzConfiguration {
    static func main() { runFuzzer(test) }
}
