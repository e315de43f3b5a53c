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
