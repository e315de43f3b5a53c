import Foundation
import Testing
import ToolRunning

/// Images that are named by QEMU's block options: nodes on nodes, in JSON and as pairs, beside qemu-img.
@Suite(.enabled(if: QemuImg.path != nil, "qemu-img is not installed"))
struct BlockOptionsTests {
    /// A folder with images of several formats, some of them in others.
    private func inImages(_ body: (_ folder: String) async throws -> Void) async throws {
        try await inTemporaryFolder { folder in
            var bytes = Data()
            for block in 1...768 { bytes.append(Data(repeating: UInt8(truncatingIfNeeded: block), count: 4096)) }
            try bytes.write(to: URL(filePath: "\(folder)/a.raw"))
            try Data("open sesame".utf8).write(to: URL(filePath: "\(folder)/key"))
            for line in [
                "convert -f raw -O qcow2 a.raw a.qcow2", "create -q -f qcow2 -b a.qcow2 -F qcow2 b.qcow2",
                "create -q -f qcow2 -o data_file=d.raw,data_file_raw=on d.qcow2 3M",
                "convert -n -f raw -O qcow2 a.raw d.qcow2",
                "create -q -f luks --object secret,id=s,file=key -o key-secret=s,iter-time=10 l.luks 64k",
                "convert -f raw -O qcow2 l.luks l.qcow2", "create -q -f qcow2 e.qcow2 3M", "create -q -f raw e.raw 4M",
            ] {
                let words = line.split(separator: " ").map(String.init)
                try await QemuImg.succeed(words, in: folder)
            }
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/qemu-img", withDestinationPath: Nearmetal.path)
            sync()
            try await body(folder)
        }
    }

    /// Words that name an image; some are pairs, which need a word in front.
    private static func naming(_ name: String) -> [String] {
        name.hasPrefix("json:") || name.hasSuffix("://") ? [name] : ["--image-opts", name]
    }

    /// What encryption takes is counted.
    @Test(arguments: [
        "-O qcow2 -o encrypt.format=luks,encrypt.key-secret=s a.raw", "-O luks -o key-secret=s --size 1G",
        "-O qcow2 -o encrypt.format=luks,encrypt.key-secret=s,cluster_size=512 --size 10M", "-O luks --size 1G",
        "-O luks -o key-secret=s,cipher-alg=aes-128 a.qcow2",
    ])
    func measuresEncryptedImages(_ line: String) async throws {
        try await inImages { folder in
            let words = ["measure", "--object", "secret,id=s,file=key"] + line.split(separator: " ").map(String.init)
            let (ours, theirs) = try await QemuImg.both(words, in: folder)
            #expect(ours.status == theirs.status, "\(ours.errors) / \(theirs.errors)")
            #expect(ours.text == theirs.text)
        }
    }

    /// A passphrase that is no text opens nothing in QEMU: nothing is made with it.
    @Test func passphrasesAreText() async throws {
        try await inImages { folder in
            try Data([0xFF, 0xFE, 0x80]).write(to: URL(filePath: "\(folder)/binary"))
            let secret = ["--object", "secret,id=s,file=binary"]
            for words in [
                ["create", "-q", "-f", "luks"] + secret + ["-o", "key-secret=s,iter-time=10", "new.luks", "64k"],
                ["create", "-q", "-f", "qcow2"] + secret
                    + ["-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", "new.qcow2", "64k"],
                ["convert"] + secret + [
                    "-O", "raw", "--image-opts", "driver=luks,key-secret=s,file.filename=l.luks", "o",
                ],
            ] {
                let (ours, theirs) = try await QemuImg.both(words, in: folder)
                #expect(ours.status == 1 && theirs.status == 1)
                #expect(ours.errors.contains("Data from secret s is not valid UTF-8"), "\(words): \(ours.errors)")
            }
            for name in ["new.luks", "new.qcow2", "o"] {
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/\(name)"), "\(name)")
            }
        }
    }

    /// Clusters are packed or encrypted (guide §5.1): both at once is refused, and nothing is made.
    @Test func whatIsEncryptedIsNotPacked() async throws {
        try await inImages { folder in
            let words = ["convert", "-c", "--object", "secret,id=s,file=key", "-f", "raw", "-O", "qcow2"]
            let run = try await RunningProgram(
                "\(folder)/qemu-img", words + ["-o", "encrypt.format=luks,encrypt.key-secret=s", "a.raw", "o"],
                folder: folder
            ).end(within: 60)
            #expect(run.status == 1 && run.errors.contains("either packed or encrypted"), "\(run.errors)")
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/o"))
        }
    }

    /// An encrypted image is made larger and smaller, and shows what it did as far as it goes.
    @Test func encryptedImagesAreResized() async throws {
        try await inImages { folder in
            let object = ["--object", "secret,id=s,file=key"]
            let image = ["--image-opts", "driver=luks,key-secret=s,file.filename=l.luks"]
            try await QemuImg.succeed(["convert"] + object + ["-O", "raw"] + image + ["before.raw"], in: folder)
            for (change, size) in [("+64k", 131_072), ("64k", 65_536)] {
                let words = ["resize", "-q", "--shrink"] + object + image + [change]
                let run = try await RunningProgram("\(folder)/qemu-img", words, folder: folder).end(within: 60)
                #expect(run.status == 0, "\(run.errors)")
                let info = try await QemuImg.succeed(["info", "l.luks"], in: folder)
                #expect(info.text.contains("(\(size) bytes)"))
            }
            try await QemuImg.succeed(["convert"] + object + ["-O", "raw"] + image + ["after.raw"], in: folder)
            try await QemuImg.succeed(
                ["compare", "-s", "-f", "raw", "-F", "raw", "before.raw", "after.raw"], in: folder)
        }
    }

    /// What an encrypted image says of itself takes no passphrase.
    @Test func encryptedImagesTellOfThemselves() async throws {
        try await inImages { folder in
            let object = ["--object", "secret,id=s,file=key"]
            try await QemuImg.succeed(
                ["create", "-q", "-f", "qcow2"] + object
                    + ["-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", "x.qcow2", "64k"],
                in: folder)
            let made = try await RunningProgram(
                "\(folder)/qemu-img",
                ["create", "-q", "-f", "luks"] + object + ["-o", "key-secret=s,iter-time=10", "l.luks", "64k"],
                folder: folder
            ).end(within: 60)
            #expect(made.status == 0, "\(made.errors)")
            func blocks(_ name: String) -> Int {
                var status = stat()
                return stat("\(folder)/\(name)", &status) == 0 ? Int(status.st_blocks) : -1
            }
            try await QemuImg.succeed(
                ["create", "-q", "-f", "luks"] + object + ["-o", "key-secret=s,iter-time=10", "t.luks", "64k"],
                in: folder)
            sync()
            #expect(blocks("l.luks") == blocks("t.luks"))
            for name in [["l.luks"], ["x.qcow2"], ["--image-opts", "driver=luks,file.filename=l.luks"]] {
                for form in [[], ["--output=json"]] {
                    let (ours, theirs) = try await QemuImg.both(["info"] + form + name, in: folder)
                    #expect(ours.status == 0 && theirs.status == 0)
                    #expect(ours.text == theirs.text)
                }
            }
        }
    }

    /// A device is no empty file: what was on it is not taken for tables.
    @Test(arguments: ["qcow2", "qed", "vmdk"]) func imagesAreMadeOnDevices(_ format: String) async throws {
        guard geteuid() == 0 else {
            print("loop devices take root: not tried")
            return
        }
        try await inImages { folder in
            try Data(repeating: 0xA5, count: 8 << 20).write(to: URL(filePath: "\(folder)/disk"))
            let losetup = try await RunningProgram("/usr/sbin/losetup", ["--find", "--show", "disk"], folder: folder)
                .end(within: 60)
            guard losetup.status == 0 else {
                print("no loop device: not tried: \(losetup.errors)")
                return
            }
            let device = losetup.text.trimmingCharacters(in: .whitespacesAndNewlines)
            let done: Result<Void, any Error>
            do {
                let made = try await RunningProgram(
                    "\(folder)/qemu-img", ["create", "-q", "-f", format, device, "4M"], folder: folder
                ).end(within: 60)
                #expect(made.status == 0, "\(made.errors)")
                try await QemuImg.succeed(["create", "-q", "-f", "raw", "zeros", "4M"], in: folder)
                try await QemuImg.succeed(["compare", "-f", "raw", "-F", format, "zeros", device], in: folder)
                // Others take their clusters behind the end of the file, and a device has none.
                if format == "qcow2" {
                    let copied = try await RunningProgram(
                        "\(folder)/qemu-img", ["convert", "-f", "raw", "-O", format, "a.raw", device], folder: folder
                    ).end(within: 60)
                    #expect(copied.status == 0, "\(copied.errors)")
                    try await QemuImg.succeed(["compare", "-f", "raw", "-F", format, "a.raw", device], in: folder)
                }
                done = .success(())
            } catch { done = .failure(error) }
            _ = try await RunningProgram("/usr/sbin/losetup", ["--detach", device]).end(within: 60)
            try done.get()
        }
    }

    /// A layer with a passphrase of its own is written into.
    @Test func commitsIntoAnEncryptedLayer() async throws {
        try await inImages { folder in
            let object = ["--object", "secret,id=s,file=key"]
            let base = "driver=qcow2,encrypt.key-secret=s,file.filename=x.qcow2"
            try await QemuImg.succeed(
                ["convert"] + object + ["-f", "raw", "-O", "qcow2"]
                    + ["-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", "a.raw", "x.qcow2"],
                in: folder)
            try await QemuImg.succeed(
                ["create", "-q", "-f", "qcow2", "-b", "x.qcow2", "-F", "qcow2", "-u", "y.qcow2", "3M"], in: folder)
            let top = "driver=qcow2,file.filename=y.qcow2,backing.driver=qcow2,backing.encrypt.key-secret=s"
            let chain = ["--image-opts", top + ",backing.file.filename=x.qcow2"]
            let written = try await RunningProgram(
                "/usr/bin/qemu-io", object + ["-c", "write -P 9 1M 1M"] + chain, folder: folder
            ).end(within: 60)
            try #require(written.status == 0, "\(written.errors)")
            let run = try await RunningProgram("\(folder)/qemu-img", ["commit"] + object + chain, folder: folder)
                .end(within: 60)
            #expect(run.status == 0, "\(run.errors)")
            try await QemuImg.succeed(["convert"] + object + ["--image-opts", "-O", "raw", base, "z.raw"], in: folder)
            var expected = try Data(contentsOf: URL(filePath: "\(folder)/a.raw"))
            expected.replaceSubrange(1 << 20..<2 << 20, with: Data(repeating: 9, count: 1 << 20))
            let isAsExpected = try Data(contentsOf: URL(filePath: "\(folder)/z.raw")) == expected
            #expect(isAsExpected)
        }
    }

    private static let images = [
        "file.filename=a.qcow2", "driver=raw,offset=1M,file.filename=a.raw",
        "driver=raw,offset=1M,size=64k,file.filename=a.raw", "driver=qcow2,file.driver=raw,file.file.filename=a.qcow2",
        "driver=raw,file.driver=qcow2,file.file.filename=a.qcow2",
        "driver=raw,offset=64k,size=128k,file.driver=qcow2,file.file.filename=b.qcow2",
        "driver=qcow2,file.filename=b.qcow2,l2-cache-size=1M,lazy-refcounts=on,overlap-check=none,node-name=n",
        "driver=qcow2,file.filename=a.qcow2,file.locking=off,read-only=on,cache.direct=on,discard=unmap",
        #"json:{"driver":"raw","offset":"512","size":1024,"file":{"driver":"file","filename":"a.raw"}}"#,
        "json:{'driver': 'qcow2', 'file.driver': 'file', 'file.filename': 'b.qcow2'}",
        #"json:{"driver":"qcow2","file":{"driver":"qcow2","file":{"driver":"raw","file":{"filename":"a.raw"}}}}"#,
        #"json:{"driver":"raw","file":{"driver":"raw","offset":1048576,"file":{"driver":"file","filename":"a.raw"}},"size":4096}"#,
        #"json:{"file":{"filename":"a.qcow2"}}"#, #"json:{"driver":"null-co","size":65536,"read-zeroes":true}"#,
        #"json:{"driver":"raw","file":{"driver":"null-co","size":"1M","read-zeroes":true}}"#,
        #"json:{"driver":"qcow2","file":{"driver":"file","filename":"d.qcow2"},"data-file":{"driver":"file","filename":"a.raw"}}"#,
        "json:{}", "json:[]", #"json:{"driver":"qcow2"}"#, #"json:{"file":"a.qcow2"}"#, "filename=a.qcow2",
        "driver=qcow2,filename=a.qcow2", "driver=foo,file.filename=a", "driver=file", "file.driver=file",
        "driver=qcow2,file=a.qcow2", "driver=qcow2,bar=1,file.filename=a.qcow2", "driver=file,bar=1,filename=a.raw",
        "driver=qcow2,file.filename=a.qcow2,file.bar=3", "driver=qcow2,file.filename=absent",
        "driver=qcow2,offset=512,file.filename=a.qcow2", "driver=raw,size=5M,file.filename=a.raw",
        "driver=raw,size=513,file.filename=a.raw", "driver=raw,file.driver=qcow2,file.file.filename=a.raw",
    ]

    /// What is told of an image, how it is called, and why another cannot be opened.
    @Test func areToldOfAsQEMUDoes() async throws {
        try await inImages { folder in
            for name in Self.images {
                let (ours, theirs) = try await QemuImg.both(["info"] + Self.naming(name), in: folder)
                #expect(ours.status == theirs.status, "\(name): \(ours.errors) / \(theirs.errors)")
                // A protocol's name is no format here.
                let text = theirs.text.replacing("file format: null-co", with: "file format: raw")
                #expect(ours.text == text, "\(name)")
                #expect(ours.errors == theirs.errors, "\(name)")
            }
        }
    }

    /// What they show, and where it lies.
    @Test func showWhatQEMUShows() async throws {
        try await inImages { folder in
            let overridden = [
                #"json:{"driver":"qcow2","file":{"driver":"file","filename":"b.qcow2"},"backing":null}"#,
                "driver=qcow2,backing.driver=raw,backing.file.filename=e.raw,file.filename=b.qcow2",
                "driver=qcow2,backing.driver=raw,backing.offset=1M,backing.file.filename=a.raw,file.filename=b.qcow2",
                #"json:{"driver":"luks","key-secret":"s","file":{"driver":"qcow2","file":{"driver":"file","filename":"l.qcow2"}}}"#,
            ]
            for name in Self.images + overridden {
                let secret = ["--object", "secret,id=s,file=key"]
                let convert = ["convert"] + secret + ["-O", "raw"] + Self.naming(name)
                let ours = try await RunningProgram("\(folder)/qemu-img", convert + ["ours"], folder: folder)
                    .end(within: 60)
                let theirs = try await QemuImg.run(convert + ["theirs"], in: folder)
                #expect(ours.status == theirs.status, "\(name): \(ours.errors) / \(theirs.errors)")
                guard theirs.status == 0 else { continue }
                let isSame =
                    FileManager.default.contents(atPath: "\(folder)/ours")
                    == FileManager.default.contents(atPath: "\(folder)/theirs")
                #expect(isSame, "\(name)")
                // QEMU says of what is below an overlay that it is nowhere; and zeros have no place here.
                guard !name.contains("null-co"), !name.hasPrefix("driver=raw,offset=64k") else { continue }
                let maps = try await QemuImg.both(
                    ["map", "--output=json"] + secret + Self.naming(name), in: folder)
                #expect(maps.ours.text == maps.theirs.text, "\(name)")
            }
        }
    }

    /// Into a part of a file, and through a format into another: what is around it stays.
    @Test func areWrittenInto() async throws {
        try await inImages { folder in
            for (name, check) in [
                ("driver=raw,offset=1M,size=3M,file.filename=e.raw", nil),
                ("driver=raw,file.driver=qcow2,file.file.filename=e.qcow2", "e.qcow2"),
                ("driver=qcow2,file.driver=raw,file.file.filename=e.qcow2", "e.qcow2"),
                ("driver=qcow2,file.filename=d.qcow2,data-file.filename=d.raw,data-file.driver=file", "d.qcow2"),
            ] {
                let run = try await RunningProgram(
                    "\(folder)/qemu-img",
                    ["convert", "-n", "--target-image-opts", "-f", "raw", "a.raw", name], folder: folder
                ).end(within: 60)
                #expect(run.status == 0, "\(name): \(run.errors)")
                try await QemuImg.succeed(
                    ["compare", "--image-opts", "driver=raw,file.filename=a.raw", name], in: folder)
                if let check { try await QemuImg.succeed(["check", check], in: folder) }
            }
            let whole = try #require(FileManager.default.contents(atPath: "\(folder)/e.raw"))
            #expect(whole.count == 4 << 20 && whole.prefix(1 << 20).allSatisfy { $0 == 0 })
            let refused = try await RunningProgram(
                "\(folder)/qemu-img",
                [
                    "convert", "-n", "--target-image-opts", "-f", "raw", "a.raw",
                    "driver=raw,read-only=on,file.filename=e.raw",
                ], folder: folder
            ).end(within: 60)
            #expect(refused.status == 1 && refused.errors.contains("read-only"), "\(refused.errors)")
            // Zeros that nobody keeps.
            let gone = try await RunningProgram(
                "\(folder)/qemu-img",
                ["convert", "-n", "--target-image-opts", "-f", "raw", "a.raw", "driver=null-co,size=3M"], folder: folder
            ).end(within: 60)
            #expect(gone.status == 0, "\(gone.errors)")
        }
    }

    /// A description that stands in an image: what it names is backed by, committed into, and let in or not.
    @Test func standInImages() async throws {
        try await inImages { folder in
            let part =
                #"json:{"driver":"raw","offset":1048576,"size":1048576,"file":{"driver":"file","filename":"e.raw"}}"#
            let nested =
                #"json:{"driver":"raw","file":{"driver":"qcow2","file":{"driver":"file","filename":"e.qcow2"}}}"#
            for (name, size) in [(part, "1M"), (nested, "3M")] {
                try await QemuImg.succeed(
                    ["convert", "-n", "-f", "raw", "-O", "qcow2", "a.raw", "e.qcow2"], in: folder)
                try await QemuImg.succeed(
                    ["create", "-q", "-f", "qcow2", "-b", name, "-F", "raw", "top.qcow2", size], in: folder)
                for words in [["info", "top.qcow2"], ["info", "--backing-chain", "top.qcow2"], ["map", "top.qcow2"]] {
                    let (ours, theirs) = try await QemuImg.both(words, in: folder)
                    #expect(ours.text == theirs.text && ours.status == 0, "\(words): \(ours.errors)")
                }
                for gate in ["none", "/nowhere"] {
                    let run = try await RunningProgram(
                        "\(folder)/qemu-img", ["map", "--allow-named", gate, "top.qcow2"], folder: folder
                    ).end(within: 60)
                    #expect(run.status == 1 && run.errors.contains("may not be opened"), "\(run.errors)")
                }
                // What is written on top goes down into what the description names.
                let io = try await RunningProgram(
                    "/usr/bin/env", ["qemu-io", "-c", "write -P 0xee 64k 64k", "top.qcow2"], folder: folder
                ).end(within: 60)
                #expect(io.status == 0, "\(io.errors)")
                try await QemuImg.succeed(["convert", "-O", "raw", "top.qcow2", "before"], in: folder)
                let commit = try await RunningProgram("\(folder)/qemu-img", ["commit", "top.qcow2"], folder: folder)
                    .end(within: 60)
                #expect(commit.status == 0, "\(commit.errors)")
                try await QemuImg.succeed(["compare", "-f", "raw", "-F", "raw", "before", name], in: folder)
            }
        }
    }
}
