import CFuzzer
import Glibc

/// Hands the program over to libFuzzer, with a test of one input that answers 0, or -1 for an input not worth keeping.
public func runFuzzer(_ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt) -> Never {
    var count = CommandLine.argc
    // libFuzzer may change the list, not the strings.
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    exit(LLVMFuzzerRunDriver(&count, &arguments, test))
}
