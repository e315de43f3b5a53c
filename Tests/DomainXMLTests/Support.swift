import DomainXML
import Foundation
import ToolRunning

extension Corpora {
    /// All families that hold libvirt's XML.
    static let families = [
        "domains", "domains-rejected", "domains-normalized", "domain-edits", "domain-status", "snapshots-xml",
        "storage-xml", "nodedev-xml",
        "capabilities",
    ]
}

/// Random numbers that can be had again: the seed is printed when a test begins, and taken from NEARMETAL_SEED if set.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(named name: String) {
        let seed =
            ProcessInfo.processInfo.environment["NEARMETAL_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 1 ... .max)
        print("\(name): NEARMETAL_SEED=\(seed)")
        state = seed
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Edits a text and gives the text.
func edited(_ source: String, _ edits: XMLEdit..., path: String = "test.xml") throws -> String {
    String(decoding: try XMLDocument(Array(source.utf8), path: path).applying(edits).source, as: UTF8.self)
}

/// The error of an edit, as it is printed.
func refusal(_ source: String, _ edits: XMLEdit...) -> String {
    do {
        let result = try XMLDocument(Array(source.utf8), path: "test.xml").applying(edits)
        return "no error: " + String(decoding: result.source, as: UTF8.self)
    } catch {
        return error.description
    }
}
