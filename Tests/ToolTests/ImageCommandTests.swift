import Foundation
import Testing
import ToolRunning

/// `nearmetal image`, beside qemu-img where that is installed.
@Suite struct ImageCommandTests {
    /// A folder with an image of 3 MiB of data and an overlay over it.
    private func inImages(_ body: (_ folder: String) async throws -> Void) async throws {
        try await inTemporaryFolder { folder in
            var bytes = Data()
            for block in 1...768 { bytes.append(Data(repeating: UInt8(truncatingIfNeeded: block), count: 4096)) }
            try bytes.write(to: URL(filePath: "\(folder)/a.raw"))
            for line in [
                ["convert", "-f", "raw", "-O", "qcow2", "a.raw", "a.qcow2"],
                ["create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "b.qcow2"],
            ] {
                let run = try await Nearmetal.start(["image"] + line, folder: folder).end(within: 60)
                try #require(run.status == 0, "\(line): \(run.errors)")
            }
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/qemu-img", withDestinationPath: Nearmetal.path)
            // How much room files take is known when they are on the disk.
            sync()
            try await body(folder)
        }
    }

    /// Common lines are read without the parser of all others; `--` in front of the file has that one read them.
    @Test(arguments: [
        "info -f qcow2", "info -fqcow2", "info --output=json -f qcow2", "info --output json", "info -U",
        "info -Uf qcow2",
        "info --force-share", "info --backing-chain", "info --output", "info --output=xml", "info -f", "info -U=1",
        "info --force-share=1", "info -x", "info --unknown", "info -f -U", "info --help", "info -h", "info --outp json",
        "info --allow-named=none -f qcow2", "info --image-opts", "info -f raw --backing-chain", "info another",
        "check -f qcow2", "check -q", "check -qf qcow2", "check -r leaks", "check -rleaks", "check -r", "check -r x",
        "check --output=json", "check --output=json --quiet", "check --repair=all", "check -T none", "check -f raw",
        "map", "map -f qcow2 --output=json", "map -s 1M", "map -s1M -l 64k", "map --start-offset=1M", "map -l -1",
        "map --max-length", "map -s x", "map -U --output=human",
    ])
    func plainLinesAreReadAsAllOthers(_ line: String) async throws {
        try await inImages { folder in
            let words = line.split(separator: " ").map(String.init)
            let plain = try await Nearmetal.start(["image"] + words + ["b.qcow2"], folder: folder).end(within: 60)
            let other = try await Nearmetal.start(["image"] + words + ["--", "b.qcow2"], folder: folder).end(within: 60)
            // A word that wants a value takes what follows, which is not the same in the two.
            guard !["info --output", "info -f", "check -r", "map --max-length"].contains(line) else {
                #expect(plain.status != 0)
                #expect(plain.errors.contains("rror"))
                return
            }
            #expect(plain.status == other.status)
            #expect(plain.text == other.text)
            #expect(plain.errors == other.errors)
        }
    }

    /// Under its name, the answers are qemu-img's: what is printed, and the status.
    @Test(
        .enabled(if: QemuImg.path != nil, "qemu-img is not installed"),
        arguments: [
            "info -f qcow2 b.qcow2", "info --output=json -f qcow2 b.qcow2", "info --backing-chain b.qcow2",
            "info --output=json --backing-chain b.qcow2", "check b.qcow2", "check --output=json a.qcow2",
            "check -f raw a.raw", "map b.qcow2", "map --output=json b.qcow2", "map -s 1M -l 1M --output=json a.qcow2",
            "compare a.raw a.qcow2", "compare a.raw b.qcow2", "measure -O qcow2 a.raw", "measure --size 10G -O qcow2",
            "measure --output=json -O raw a.qcow2", "snapshot -l a.qcow2", "info absent.qcow2", "check absent.qcow2",
            "map absent.qcow2", "compare a.raw absent", "info -f nonsense a.raw", "rebase -b a.qcow2 b.qcow2",
            "commit a.qcow2", "resize a.qcow2 1M", "convert -O nonsense a.raw c", "create -f qcow2 c.qcow2",
            "snapshot -a none a.qcow2", "bitmap --remove a.qcow2 none", "amend -o nonsense=1 a.qcow2",
        ])
    func answersAsItsNamesake(_ line: String) async throws {
        try await inImages { folder in
            let words = line.split(separator: " ").map(String.init)
            let ours = try await RunningProgram("\(folder)/qemu-img", words, folder: folder).end(within: 60)
            let theirs = try await QemuImg.run(words, in: folder)
            #expect(ours.status == theirs.status, "\(ours.errors) / \(theirs.errors)")
            #expect(ours.text == theirs.text)
            #expect(ours.errors.isEmpty == theirs.errors.isEmpty, "\(ours.errors) / \(theirs.errors)")
        }
    }

    /// Blocks are copied as the words say; what comes out is qemu-img's, byte for byte.
    @Test(.enabled(if: QemuImg.path != nil, "qemu-img is not installed"))
    func copiesBlocks() async throws {
        try await inImages { folder in
            for words in [
                ["if=a.raw"], ["if=a.raw", "bs=1000", "count=7"], ["if=a.raw", "bs=64k", "skip=3"],
                ["-f", "qcow2", "if=b.qcow2", "bs=1M", "skip=1", "count=1"],
            ] {
                let ours = try await RunningProgram(
                    "\(folder)/qemu-img", ["dd"] + words + ["of=ours"], folder: folder
                ).end(within: 60)
                let theirs = try await QemuImg.run(["dd"] + words + ["of=theirs"], in: folder)
                #expect(ours.status == 0, "\(ours.errors)")
                #expect(theirs.status == 0, "\(theirs.errors)")
                #expect(
                    FileManager.default.contents(atPath: "\(folder)/ours")
                        == FileManager.default.contents(atPath: "\(folder)/theirs"), "\(words)")
            }
        }
    }

    /// Options of an image are changed in place, and what it shows stays.
    @Test(.enabled(if: QemuImg.path != nil, "qemu-img is not installed"))
    func amends() async throws {
        try await inImages { folder in
            for option in ["compat=0.10", "compat=1.1", "lazy_refcounts=on", "lazy_refcounts=off", "refcount_bits=64"] {
                let run = try await Nearmetal.run(
                    "image", "amend", "-f", "qcow2", "-o", option, "a.qcow2", folder: folder)
                #expect(run.status == 0, "\(option): \(run.errors)")
                for words in [["check", "-q", "a.qcow2"], ["compare", "-q", "a.raw", "a.qcow2"]] {
                    let run = try await QemuImg.run(words, in: folder)
                    #expect(run.status == 0, "\(option): \(run.text)\(run.errors)")
                }
            }
        }
    }

    /// Asked by a signal how far it is, it says so and goes on.
    @Test func saysHowFarItIs() async throws {
        try await inImages { folder in
            let source = try FileHandle(forWritingTo: URL(filePath: "\(folder)/a.raw"))
            try source.truncate(atOffset: 3 << 20)
            try source.close()
            let running = try Nearmetal.start(
                ["image", "convert", "-r", "1M", "-f", "raw", "-O", "qcow2", "a.raw", "c.qcow2"], folder: folder)
            // By a thread of its own: the others may be taken until there is nothing left to ask for.
            let id = running.id
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    // Before it listens, the signal would end it.
                    while let status = try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8),
                        let caught = status.split(separator: "\n").first(where: { $0.hasPrefix("SigCgt:") }),
                        UInt64(caught.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16)
                            .map({ $0 & 1 << 9 }) == 0
                    { usleep(5000) }
                    kill(id, SIGUSR1)
                    continuation.resume()
                }
            }
            let run = await running.end(within: 60)
            #expect(run.status == 0, "\(run.errors)")
            #expect((run.text + run.errors).contains("/100%)"), "\(run.text)\(run.errors)")
        }
    }

    /// Runs real tools on images of 256 KiB, in a folder.
    private func tools(_ lines: [String], in folder: String) async throws {
        for line in lines {
            let words = line.split(separator: "|").map(String.init)
            let run = try await RunningProgram("/usr/bin/env", words, folder: folder).end(within: 60)
            try #require(run.status == 0, "\(line): \(run.text)\(run.errors)")
        }
    }

    private func shown(_ name: String, in folder: String) async throws -> [UInt8] {
        try await tools(["qemu-img|convert|-O|raw|\(name)|\(name).raw"], in: folder)
        let bytes = Array(FileManager.default.contents(atPath: "\(folder)/\(name).raw") ?? Data())
        return stride(from: 0, to: bytes.count, by: 65_536).map { bytes[$0] }
    }

    /// Parts of clusters come from what the new image is backed by, and zeros hide it.
    @Test(.enabled(if: QemuImg.path != nil, "qemu-img is not installed"))
    func convertsOverABackingFile() async throws {
        try await inTemporaryFolder { folder in
            try await tools(
                [
                    "qemu-img|create|-q|-f|qcow2|base|256k", "qemu-io|-f|qcow2|-c|write -P 1 0 256k|base",
                    "qemu-img|create|-q|-f|qcow2|-o|cluster_size=4k|-b|base|-F|qcow2|top",
                    "qemu-io|-f|qcow2|-c|write -P 7 128k 4k|-c|write -z 64k 64k|top",
                ], in: folder)
            for words in [[], ["-c"]] {
                let line = ["image", "convert"] + words + ["-O", "qcow2", "-B", "base", "-F", "qcow2", "top", "copy"]
                let run = try await Nearmetal.start(line, folder: folder).end(within: 60)
                #expect(run.status == 0, "\(run.errors)")
                try await tools(["qemu-img|compare|top|copy", "qemu-img|check|-q|copy"], in: folder)
            }
        }
    }

    /// Into an image further down, all above it; none is emptied.
    @Test(.enabled(if: QemuImg.path != nil, "qemu-img is not installed"))
    func commitsFurtherDown() async throws {
        try await inTemporaryFolder { folder in
            try await tools(
                [
                    "qemu-img|create|-q|-f|qcow2|base|192k", "qemu-io|-f|qcow2|-c|write -P 1 0 192k|base",
                    "qemu-img|create|-q|-f|qcow2|-b|base|-F|qcow2|middle",
                    "qemu-io|-f|qcow2|-c|write -P 2 64k 128k|middle",
                    "qemu-img|create|-q|-f|qcow2|-b|middle|-F|qcow2|top|256k",
                    "qemu-io|-f|qcow2|-c|write -P 3 128k 64k|top",
                ], in: folder)
            let absent = try await Nearmetal.run("image", "commit", "-b", "nowhere", "top", folder: folder)
            #expect(absent.status == 1)
            #expect(absent.errors == "nearmetal: Did not find 'nowhere' in the backing chain of 'top'\n")
            let run = try await Nearmetal.run("image", "commit", "-b", "base", "top", folder: folder)
            #expect(run.text == "Image committed.\n", "\(run.errors)")
            #expect(try await shown("base", in: folder) == [1, 2, 3, 0])
            #expect(try await shown("middle", in: folder) == [1, 2, 2])
            #expect(try await shown("top", in: folder) == [1, 2, 3, 0])
        }
    }

    /// Options are told by the format, and `help` among them asks for it.
    @Test func tellsOfOptions() async throws {
        for words in [["create", "-f", "qcow2", "-o", "help"], ["convert", "-O", "qcow2", "-o", "compat=1.1,?"]] {
            let run = try await Nearmetal.start(["image"] + words).end(within: 60)
            #expect(run.status == 0)
            #expect(run.text.hasPrefix("Supported qcow2 options:\n  backing_file=<str>     - "))
            #expect(run.text.contains("\n  lazy_refcounts=<bool (on/off)> - Postpone refcount updates\n"))
        }
        // Of a format that is only read that is said, whatever else is wrong.
        let readOnly = try await Nearmetal.run("image", "create", "-f", "vdi", "-o", "static=on", "/nowhere/a", "1M")
        #expect(readOnly.status == 1)
        #expect(readOnly.errors == "nearmetal: /nowhere/a: Format driver 'vdi' does not support image creation\n")
        let wrong = try await Nearmetal.run("image", "create", "-f", "qcow2", "-o", ",help", "/nowhere/a", "1M")
        #expect(wrong.status == 1 && wrong.errors == "nearmetal: Invalid option list: ,help\n")
    }
}
