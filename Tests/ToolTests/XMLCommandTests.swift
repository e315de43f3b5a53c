import Foundation
import Testing
import ToolRunning

/// `nearmetal xml` on real files.
@Suite struct XMLCommandTests {
    private static let source = """
        <?xml version='1.0'?>
        <!-- kept -->
        <domain type = "kvm"  >
        \t<name>web&#49;</name>\r
          <vcpu >2</vcpu>
          <devices><disk><target dev='vda'/><driver name="qemu" cache='writeback'/></disk></devices>
        </domain>

        """

    private func inFile(_ body: (_ folder: String, _ path: String) async throws -> Void) async throws {
        try await inTemporaryFolder { folder in
            let path = "\(folder)/web1.xml"
            try Data(Self.source.utf8).write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
            try await body(folder, path)
        }
    }

    private func bytes(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map { Array($0) } }
    private func inode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
    }

    @Test func printsTheSameBytes() async throws {
        try await inFile { _, path in
            let run = try await Nearmetal.run("xml", path)
            #expect(run.status == 0)
            #expect(run.errors == "")
            #expect(run.output == Array(Self.source.utf8))
            let piped = try await Nearmetal.run("xml", "-", input: .bytes(Array(Self.source.utf8)))
            #expect(piped.output == Array(Self.source.utf8))
        }
    }

    /// Only the bytes of the changed nodes differ; the file stays as it is.
    @Test func setsNodes() async throws {
        try await inFile { folder, path in
            let run = try await Nearmetal.run(
                "xml", path, "--set", "/domain/vcpu=4", "--set", "//disk[target/@dev='vda']/driver/@cache=none")
            #expect(run.status == 0)
            #expect(
                run.text
                    == Self.source.replacingOccurrences(of: "<vcpu >2<", with: "<vcpu >4<")
                    .replacingOccurrences(of: "cache='writeback'", with: "cache='none'"))
            #expect(bytes(path) == Array(Self.source.utf8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["web1.xml"])
        }
    }

    /// The file is replaced whole: who has the old one open reads on in it; its bytes are beside the new one.
    @Test func inPlace() async throws {
        try await inFile { folder, path in
            let before = try inode(path)
            let open = try #require(FileHandle(forReadingAtPath: path))
            let run = try await Nearmetal.run("xml", path, "--set", "/domain/vcpu=4", "--in-place")
            #expect(run.status == 0)
            #expect(run.text == "")
            #expect(run.errors == "nearmetal: \(path) is written; what was there is in \(path)~\n")
            let edited = Self.source.replacingOccurrences(of: "<vcpu >2<", with: "<vcpu >4<")
            #expect(bytes(path) == Array(edited.utf8))
            #expect(bytes(path + "~") == Array(Self.source.utf8))
            #expect(try open.readToEnd().map { Array($0) } == Array(Self.source.utf8))
            #expect(try inode(path) != before)
            for file in [path, path + "~"] {
                #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o640)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["web1.xml", "web1.xml~"])
        }
    }

    /// Nothing to change, nothing written.
    @Test func inPlaceWithoutAChange() async throws {
        try await inFile { folder, path in
            let before = try inode(path)
            let run = try await Nearmetal.run("xml", path, "--set", "/domain/vcpu=2", "--in-place")
            #expect(run.status == 0)
            #expect(run.text == "" && run.errors == "")
            #expect(try inode(path) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["web1.xml"])
        }
    }

    /// An edit that cannot be made, alone or among others, leaves the file alone.
    @Test(arguments: [
        ["/domain/nothing=1"], ["/domain/vcpu=4", "/domain/nothing=1"], ["/domain/2=4"],
        ["/domain/vcpu=4", "/domain/vcpu=5"],
    ])
    func refusedEdits(_ edits: [String]) async throws {
        try await inFile { folder, path in
            let run = try await Nearmetal.start(["xml", path, "--in-place"] + edits.flatMap { ["--set", $0] }).end()
            #expect(run.status == 2, "\(run)")
            #expect(run.text == "")
            #expect(run.errorLines.count == 1, "\(run.errors)")
            #expect(run.errors.hasPrefix("nearmetal: \(path)"), "\(run.errors)")
            #expect(bytes(path) == Array(Self.source.utf8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["web1.xml"])
        }
    }
}
