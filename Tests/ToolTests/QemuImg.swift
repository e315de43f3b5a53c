import Foundation

/// The peer of `nearmetal image`.
enum QemuImg {
    /// Where it is; `nil` where it is not installed.
    static let path = ["/usr/bin/qemu-img", "/usr/local/bin/qemu-img"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }
}
