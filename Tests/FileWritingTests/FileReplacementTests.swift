import FileWriting
import Foundation
import Testing

@Suite struct FileReplacementTests {
    /// A folder of its own for each test, gone afterwards.
    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nearmetal-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func put(_ text: String, _ path: String, mode: Int = 0o640) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func replacesAndKeepsTheOldBytes() throws {
        try inFolder { folder in
            try put("old", folder + "/web1.xml")
            let done = try FileReplacement(folder + "/web1.xml", from: Array("old".utf8), to: Array("newer".utf8))
            #expect(text(folder + "/web1.xml") == "newer")
            #expect(text(folder + "/web1.xml~") == "old")
            #expect(done.backup.hasSuffix("/web1.xml~"))
            #expect(try mode(folder + "/web1.xml") == 0o640)
            #expect(try mode(folder + "/web1.xml~") == 0o640)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["web1.xml", "web1.xml~"],
                "nothing else is left")
        }
    }

    @Test func followsLinks() throws {
        try inFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/real", withIntermediateDirectories: false)
            try put("old", folder + "/real/a.xml", mode: 0o600)
            try FileManager.default.createSymbolicLink(atPath: folder + "/link.xml", withDestinationPath: "real/a.xml")
            let done = try FileReplacement(folder + "/link.xml", from: Array("old".utf8), to: Array("new".utf8))
            #expect(done.path.hasSuffix("/real/a.xml"))
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link.xml") == "real/a.xml")
            #expect(text(folder + "/real/a.xml") == "new")
            #expect(text(folder + "/real/a.xml~") == "old")
            #expect(text(folder + "/link.xml~") == nil)
        }
    }

    @Test func leavesAloneWhatChangedMeanwhile() throws {
        try inFolder { folder in
            try put("other", folder + "/a.xml")
            let error = #expect(throws: FileWritingError.self) {
                try FileReplacement(folder + "/a.xml", from: Array("old".utf8), to: Array("new".utf8))
            }
            #expect(
                error?.description.hasSuffix("/a.xml: the file has changed since it was read. Read it again") == true)
            #expect(text(folder + "/a.xml") == "other")
            #expect(text(folder + "/a.xml~") == nil)
        }
    }

    @Test func refusesWhatIsNoFile() throws {
        try inFolder { folder in
            #expect(throws: FileWritingError.self) { try FileReplacement(folder + "/absent.xml", from: [], to: [1]) }
            let error = #expect(throws: FileWritingError.self) { try FileReplacement(folder, from: [], to: [1]) }
            #expect(error?.what == "this is not a regular file")
        }
    }
}
