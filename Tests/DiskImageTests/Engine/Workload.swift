import Foundation
import ImageModels
import Testing
import ToolRunning

@testable import DiskImage

/// Something done to an image.
enum Deed {
    case write(Int, [UInt8])
    case zero(Int, Int, unmap: Bool)
    case discard(Int, Int)
    case flush

    /// A deed on an image of a size; ranges like to begin and end with clusters.
    static func random(_ size: Int, cluster: Int, _ random: inout Seeded) -> Deed {
        func place() -> Int {
            let any = Int.random(in: 0..<size / 512, using: &random) * 512
            return Int.random(in: 0..<3, using: &random) == 0 ? any / cluster * cluster : any
        }
        let start = min(place(), size - 512)
        var most = min(size - start, [512, cluster, 3 * cluster, 9 * cluster].randomElement(using: &random) ?? 512)
        most = max(512, most / 512 * 512)
        var count = Int.random(in: 1...most / 512, using: &random) * 512
        if Int.random(in: 0..<4, using: &random) == 0 {
            count = max(512, min(size - start, (start + count) / cluster * cluster - start))
        }
        switch Int.random(in: 0..<10, using: &random) {
        case 0...5: return .write(start, random.bytes(count, above: 0))
        case 6: return .zero(start, count, unmap: true)
        case 7: return .zero(start, count, unmap: false)
        case 8: return .discard(start, count)
        default: return .flush
        }
    }

    /// Does it.
    func perform(on image: Image) throws {
        switch self {
        case .write(let start, let bytes): try bytes.withUnsafeBytes { try image.write($0, at: UInt64(start)) }
        case .zero(let start, let count, let unmap):
            try image.writeZeroes(at: UInt64(start), count: UInt64(count), unmap: unmap)
        case .discard(let start, let count): try image.discard(at: UInt64(start), count: UInt64(count))
        case .flush: try image.flush()
        }
    }

    /// What it is called.
    var kind: String {
        switch self {
        case .write: "write"
        case .zero(_, _, let unmap): unmap ? "zero, unmapping," : "zero"
        case .discard: "discard"
        case .flush: "flush"
        }
    }

    /// The bytes it touches.
    var range: Range<Int> {
        switch self {
        case .write(let start, let bytes): start..<start + bytes.count
        case .zero(let start, let count, _), .discard(let start, let count): start..<start + count
        case .flush: 0..<0
        }
    }

    /// What an image shows after it; a discard may leave what was, or zeros.
    func apply(to bytes: inout [UInt8]) {
        switch self {
        case .write(let start, let new): bytes.replaceSubrange(start..<start + new.count, with: new)
        case .zero(let start, let count, _):
            bytes.replaceSubrange(start..<start + count, with: [UInt8](repeating: 0, count: count))
        case .discard, .flush: break
        }
    }

    /// As qemu-io does it; a write has to be of one byte again and again.
    var command: String? {
        switch self {
        case .write(let start, let bytes): "write -P \(bytes[0]) \(start) \(bytes.count)"
        case .zero(let start, let count, let unmap): "write -z \(unmap ? "-u " : "")\(start) \(count)"
        case .discard(let start, let count): "discard \(start) \(count)"
        case .flush: "flush"
        }
    }
}

extension Image {
    /// All that it shows.
    func content() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(size))
        try bytes.withUnsafeMutableBytes { try read(into: $0, at: 0) }
        return bytes
    }
}

/// What a check by a program of our own, or the real one, finds.
func qemuImgCheck(_ path: String) throws -> (status: Int32, text: String) {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["qemu-img", "check", "-f", "qcow2", path]
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let text = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: text, as: UTF8.self))
}

@discardableResult
func tool(_ words: String...) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = words
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw RunFailure("\(words): \(text)") }
    return text
}

/// A folder that is gone after.
func inFolder<Value>(_ body: (String) throws -> Value) throws -> Value {
    let folder = NSTemporaryDirectory() + "nearmetal-image-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
}

let hasQemuImg = ["/usr/bin", "/usr/local/bin"].contains {
    FileManager.default.isExecutableFile(atPath: $0 + "/qemu-io")
}
