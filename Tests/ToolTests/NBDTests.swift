import Foundation
import Testing
import ToolRunning

/// The programs that serve disks, where they are installed.
private enum Servers {
    static let qemuNBD = program("qemu-nbd")
    static let nbdkit = program("nbdkit")

    private static func program(_ name: String) -> String? {
        ["/usr/bin/", "/usr/sbin/", "/usr/local/bin/"].map { $0 + name }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}

/// Disks that servers export: qemu-nbd's and nbdkit's, read and written beside qemu-img.
@Suite(.enabled(if: QemuImg.path != nil && Servers.qemuNBD != nil, "qemu-nbd is not installed"))
struct NBDTests {
    /// 4 MiB in stretches of data and holes; the end lies within a block of 4 KiB.
    private static let content: Data = {
        var bytes = Data()
        for block in 0..<1023 {
            bytes.append(Data(repeating: block / 64 % 3 == 1 ? 0 : UInt8(block % 251 + 1), count: 4096))
        }
        bytes.append(Data(repeating: 7, count: 512))
        return bytes
    }()

    /// Whether a file begins with the content; its bytes are not for the report.
    private func isContent(_ path: String) throws -> Bool {
        try Data(contentsOf: URL(filePath: path)).prefix(Self.content.count) == Self.content
    }

    /// A folder with images, in which programs started as `qemu-img` are ours.
    private func inImages(_ body: (_ folder: String) async throws -> Void) async throws {
        try await inTemporaryFolder { folder in
            try Self.content.write(to: URL(filePath: "\(folder)/a.raw"))
            try await QemuImg.succeed(["convert", "-f", "raw", "-O", "qcow2", "a.raw", "a.qcow2"], in: folder)
            try await QemuImg.succeed(["convert", "-f", "raw", "-O", "raw", "a.raw", "sparse.raw"], in: folder)
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/qemu-img", withDestinationPath: Nearmetal.path)
            try await body(folder)
        }
    }

    @discardableResult private func ours(_ words: [String], in folder: String) async throws -> Run {
        let run = try await RunningProgram("\(folder)/qemu-img", words, folder: folder).end(within: 60)
        #expect(run.status == 0, "\(words): \(run.errors)")
        return run
    }

    /// Serves a disk at the folder's socket `s` while something is done with it.
    private func serving(
        _ program: String?, _ words: [String], in folder: String, _ body: () async throws -> Void
    ) async throws {
        let socket = "\(folder)/s"
        let server = try RunningProgram(
            try #require(program), words, folder: folder, output: .file("/dev/null"))
        var isServing = false
        for _ in 0..<600 where !isServing {
            try await Task.sleep(for: .milliseconds(50))
            isServing = FileManager.default.fileExists(atPath: socket)
        }
        var failure: (any Error)?
        do {
            if isServing { try await body() }
        } catch { failure = error }
        kill(server.id, SIGTERM)
        let run = await server.end(within: 10)
        try? FileManager.default.removeItem(atPath: socket)
        if let failure { throw failure }
        try #require(isServing, "\(program ?? "") does not serve: \(run.errors)")
    }

    private func exporting(
        _ image: String, _ format: String, _ more: [String] = [], in folder: String, _ body: () async throws -> Void
    ) async throws {
        try await serving(
            Servers.qemuNBD, ["-t", "-e", "4", "-k", "\(folder)/s", "-f", format, image] + more, in: folder, body)
    }

    private static let names = [
        "nbd+unix:///?socket=s", "nbd+unix://?socket=s", "nbd:unix:s", "nbd+unix:///x?socket=s",
        #"json:{"driver":"raw","file":{"driver":"nbd","server":{"type":"unix","path":"s"}}}"#,
        #"json:{"driver":"nbd","path":"s"}"#,
        #"json:{"driver":"raw","offset":4096,"file":{"driver":"nbd","server":{"type":"unix","path":"s"}}}"#,
        "nbd+unix://host/?socket=s", "nbd+unix:///?path=s", "nbd+unix:///", "nbd://", "nbd:", "nbd://localhost:1",
        #"json:{"driver":"nbd"}"#, #"json:{"driver":"nbd","path":"s","host":"h"}"#,
        #"json:{"driver":"nbd","path":"s","foo":"1"}"#,
        "nbd+unix:///?socket=absent", "nbd:unix:s:exportname=x", #"json:{"driver":"nbd","path":"s","port":"1"}"#,
    ]

    /// What a disk is called, what is told of it, and why another one cannot be opened.
    @Test func areToldOfAsQEMUDoes() async throws {
        try await inImages { folder in
            try await exporting("sparse.raw", "raw", in: folder) {
                for name in Self.names {
                    for words in [["info", name], ["info", "--output=json", name], ["map", "-f", "raw", name]] {
                        if words[0] == "map", name.hasPrefix("json:") { continue }
                        let (ours, theirs) = try await QemuImg.both(words, in: folder)
                        #expect(ours.status == theirs.status, "\(words): \(ours.errors) / \(theirs.errors)")
                        let text = theirs.text.replacing("file format: nbd", with: "file format: raw")
                            .replacing(#""format": "nbd""#, with: #""format": "raw""#)
                        #expect(ours.text == text, "\(words)")
                        #expect(ours.errors.isEmpty == theirs.errors.isEmpty)
                    }
                }
            }
        }
    }

    /// Data, holes and zeros are where the server says: the content is read, and only data are.
    @Test func areReadAsQEMUDoes() async throws {
        try await inImages { folder in
            for (image, format) in [("sparse.raw", "raw"), ("a.qcow2", "qcow2"), ("a.qcow2", "raw")] {
                try await exporting(image, format, ["-r"], in: folder) {
                    let name = "nbd+unix:///?socket=s"
                    let (ours, theirs) = try await QemuImg.both(["map", "--output=json", name], in: folder)
                    #expect(ours.text == theirs.text)
                    #expect(ours.status == 0)
                    try await self.ours(["compare", name, "a.raw"].map { $0 }, in: folder)
                    try await self.ours(["convert", "-m", "8", "-O", "raw", name, "b.raw"], in: folder)
                    try await self.ours(["convert", "-c", "-O", "qcow2", name, "b.qcow2"], in: folder)
                }
                #expect(try isContent("\(folder)/b.raw"))
                try await QemuImg.succeed(["compare", "a.raw", "b.qcow2"], in: folder)
                try await QemuImg.succeed(["check", "b.qcow2"], in: folder)
            }
        }
    }

    /// What is written into a disk is there, also as an image within it, which keeps to its size.
    @Test func areWritten() async throws {
        try await inImages { folder in
            let name = "nbd+unix:///?socket=s"
            try await QemuImg.succeed(["create", "-f", "raw", "t.raw", "8M"], in: folder)
            try await exporting("t.raw", "raw", in: folder) {
                for format in ["raw", "qcow2"] {
                    try await self.ours(["convert", "-m", "8", "-O", format, "a.raw", name], in: folder)
                    try await self.ours(["compare", "-f", "raw", "-F", format, "a.raw", name], in: folder)
                    try await QemuImg.succeed(["compare", "-f", "raw", "-F", format, "a.raw", name], in: folder)
                }
                try await QemuImg.succeed(["check", name], in: folder)
                try await self.ours(["check", name], in: folder)
                try await self.ours(["create", "-f", "qcow2", name, "1G"], in: folder)
                try await QemuImg.succeed(["check", name], in: folder)
                try await self.ours(["convert", "-n", "-f", "raw", "-O", "qcow2", "-c", "a.raw", name], in: folder)
                try await QemuImg.succeed(["compare", "-f", "raw", "-F", "qcow2", "a.raw", name], in: folder)
                // Larger than it can hold: nothing but an error comes of it.
                try await QemuImg.succeed(["create", "-f", "raw", "large.raw", "16M"], in: folder)
                let refused = try await QemuImg.both(["convert", "-O", "raw", "large.raw", name], in: folder)
                #expect(refused.ours.status == 1)
                #expect(refused.theirs.status == 1)
                #expect(refused.ours.errors.contains("Cannot grow NBD nodes"), "\(refused.ours.errors)")
                // Onto itself, under any of its names, and from below an image: it would be written over before it is read.
                try await QemuImg.succeed(["create", "-f", "qcow2", "-b", name, "-F", "raw", "top.qcow2"], in: folder)
                for (source, target) in [(name, "nbd:unix:s"), ("nbd:unix:s", name), ("top.qcow2", name)] {
                    for words in [
                        ["convert", "-O", "qcow2", source, target],
                        ["dd", "-O", "raw", "if=\(source)", "of=\(target)"],
                    ] {
                        let refused = try await RunningProgram("\(folder)/qemu-img", words, folder: folder)
                            .end(within: 60)
                        #expect(refused.status == 1)
                        #expect(refused.errors.contains("which is read"), "\(words): \(refused.errors)")
                    }
                }
            }
            try await exporting("t.raw", "raw", ["-r"], in: folder) {
                let refused = try await QemuImg.both(["convert", "-n", "-O", "raw", "a.raw", name], in: folder)
                #expect(refused.ours.status == refused.theirs.status)
                #expect(refused.ours.errors.contains("denied"), "\(refused.ours.errors)")
            }
        }
    }

    /// An image may be backed by a disk of a server, where the one who opens it lets it.
    @Test func backImagesIfTheyMay() async throws {
        try await inImages { folder in
            try await exporting("sparse.raw", "raw", ["-r"], in: folder) {
                let name = "nbd+unix:///?socket=s"
                try await self.ours(["create", "-f", "qcow2", "-b", name, "-F", "raw", "top.qcow2"], in: folder)
                let (ours, theirs) = try await QemuImg.both(["info", "--backing-chain", "top.qcow2"], in: folder)
                #expect(ours.text == theirs.text)
                try await self.ours(["compare", "a.raw", "top.qcow2"], in: folder)
                try await self.ours(["convert", "-O", "raw", "top.qcow2", "b.raw"], in: folder)
                #expect(try isContent("\(folder)/b.raw"))
                for which in ["none", folder] {
                    let refused = try await Nearmetal.run(
                        "image", "convert", "--allow-named", which, "-O", "raw", "top.qcow2", "c.raw", folder: folder)
                    #expect(refused.status == 1)
                    #expect(refused.errors.contains("may not be opened"), "\(refused.errors)")
                }
            }
        }
    }

    /// A server that wants whole blocks, one that tells of no holes, one that zeroes nothing, small requests only.
    @Test(
        .enabled(if: Servers.nbdkit != nil, "nbdkit is not installed"),
        arguments: [
            [
                "--filter=blocksize-policy", "blocksize-minimum=4096", "blocksize-maximum=64k",
                "blocksize-error-policy=error",
            ],
            ["--filter=noextents"], ["--filter=nozero"], ["--filter=multi-conn", "multi-conn-mode=disable"],
        ])
    func areOfManyKinds(_ filter: [String]) async throws {
        try await inImages { folder in
            let words = ["-f", "-U", "\(folder)/s", filter[0], "memory", "8M"] + filter.dropFirst()
            try await serving(Servers.nbdkit, words, in: folder) {
                let name = "nbd+unix:///?socket=s"
                for format in ["raw", "qcow2"] {
                    try await ours(["convert", "-O", format, "a.raw", name], in: folder)
                    try await ours(["convert", "-f", format, "-O", "raw", name, "b.raw"], in: folder)
                    #expect(try isContent("\(folder)/b.raw"), "\(format)")
                    try await QemuImg.succeed(["compare", "-f", "raw", "-F", format, "a.raw", name], in: folder)
                }
                try await QemuImg.succeed(["check", name], in: folder)
            }
        }
    }

    /// A server that fails, or goes away, is told of: nothing hangs, and what was read is not taken for the whole.
    @Test(
        .enabled(if: Servers.nbdkit != nil, "nbdkit is not installed"),
        arguments: [
            ["--filter=error", "memory", "8M", "error=EIO", "error-pread-rate=100%"],
            ["--filter=error", "pattern", "8M", "error=EIO", "error-extents-rate=100%", "error-pread-rate=50%"],
            [
                "eval", "get_size=echo 8M",
                "pread=if [ $4 -ge 4194304 ]; then kill -9 $PPID; kill -9 $(cat $PIDFILE); fi; dd if=/dev/zero bs=$3 count=1 2>/dev/null",
            ],
        ])
    func thatFailAreToldOf(_ words: [String]) async throws {
        try await inImages { folder in
            let words = words.map { $0.replacing("$PIDFILE", with: "\(folder)/pid") }
            try await serving(Servers.nbdkit, ["-f", "-P", "\(folder)/pid", "-U", "\(folder)/s"] + words, in: folder) {
                let run = try await Nearmetal.run(
                    "image", "convert", "-f", "raw", "-O", "raw", "nbd+unix:///?socket=s", "b.raw", folder: folder)
                #expect(run.status == 1)
                #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)")
                #expect(run.errors.hasPrefix("nearmetal: "), "\(run.errors)")
            }
        }
    }

    /// What is to be encrypted is, with certificates or a key that both know; a server in the clear is refused then.
    @Test func areEncryptedWhereThatIsAsked() async throws {
        try await inImages { folder in
            let keys = "\(folder)/keys"
            try FileManager.default.createDirectory(atPath: keys, withIntermediateDirectories: true)
            try put("qemu:0123456789abcdef0123456789abcdef\n", "\(keys)/keys.psk")
            let server = ["--object", "tls-creds-psk,id=t,endpoint=server,dir=\(keys)", "--tls-creds", "t"]
            let name = "driver=nbd,path=s,tls-creds=c"
            let object = ["--object", "tls-creds-psk,id=c,endpoint=client,dir=\(keys)"]
            try await exporting("sparse.raw", "raw", server, in: folder) {
                try await ours(
                    ["convert"] + object + ["--image-opts", "-O", "raw", name, "b.raw"], in: folder)
                #expect(try isContent("\(folder)/b.raw"))
                for words in [["--image-opts", name], ["nbd+unix:///?socket=s"]] {
                    let (ours, theirs) = try await QemuImg.both(["info"] + words, in: folder)
                    #expect(ours.status == 1)
                    #expect(theirs.status == 1)
                }
            }
            try await exporting("sparse.raw", "raw", in: folder) {
                let (ours, theirs) = try await QemuImg.both(["info"] + object + ["--image-opts", name], in: folder)
                #expect(ours.status == 1)
                #expect(theirs.status == 1)
            }
        }
    }
}
