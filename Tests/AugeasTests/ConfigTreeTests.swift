import Augeas
import Foundation
import Testing

@Suite struct ConfigTreeTests {
    static let fstab = "# disks\n/dev/vda1  / ext4 rw,noatime 0 1\n\nnas:/vm\t/mnt/my\\040vm nfs4 soft,vers=4.2 0 0\n"

    @Test func readsAndEdits() throws {
        var tree = try ConfigTree(text: Self.fstab, lens: .fstab)
        #expect(tree.value("1/file") == "/")
        #expect(tree.value("2/opt[2]") == "vers")
        #expect(tree.value("2/opt[2]/value") == "4.2")
        #expect(tree.value("3/file") == nil && tree.value("*/file") == nil && tree.value("][") == nil)
        #expect(tree.paths("*/file") == ["1/file", "2/file"])
        #expect(tree.paths("nothing") == [])
        #expect(try tree.text() == Self.fstab)
        try tree.set("2/opt[1]", to: "hard")
        try tree.insert("opt", beside: "2/opt[1]")
        try tree.set("2/opt[2]", to: "nconnect")
        try tree.set("2/opt[2]/value", to: "4")
        #expect(try tree.remove("1/opt[. = 'noatime']") == 1)
        #expect(
            try tree.text()
                == "# disks\n/dev/vda1  / ext4 rw 0 1\n\nnas:/vm\t/mnt/my\\040vm nfs4 hard,nconnect=4,vers=4.2 0 0\n")
    }

    @Test func nodesAreNamed() throws {
        let tree = try ConfigTree(text: "net.ipv4.conf.eth0/1.rp_filter = 1\nvm.swappiness=35\n", lens: .sysctl)
        #expect(tree.nodes().map(\.labels).last == ["vm.swappiness"])
        #expect(tree.nodes().map(\.value) == ["1", "35"])
        #expect(tree.nodes().first?.labels == ["net.ipv4.conf.eth0/1.rp_filter"])
    }

    @Test func whatCannotBeReadIsPlaced() throws {
        func error(_ text: String, _ lens: ConfigTree.Lens) -> String? {
            #expect(throws: AugeasError.self) { _ = try ConfigTree(text: text, lens: lens).text() }?.description
        }
        #expect(error("a /b\n", .fstab)?.hasPrefix("line ") == true)
        #expect(error("a = 1\n\0\n", .sysctl) == "line 2: it has a NUL")
        #expect(
            error(String(repeating: "#", count: 300_000), .sysctl)
                == "it has 300000 bytes; more than 262144 are not read")
    }

    @Test func whatCannotBeWrittenIsRefused() throws {
        for value in ["35\nkernel.panic = 1", "a\0b"] {
            let error = #expect(throws: AugeasError.self) {
                var tree = try ConfigTree(text: "vm.swappiness = 60\n", lens: .sysctl)
                try tree.set("vm.swappiness", to: value)
                _ = try tree.text()
            }
            #expect(error?.kind == .unwritable)
        }
        let error = #expect(throws: AugeasError.self) {
            var tree = try ConfigTree(text: Self.fstab, lens: .fstab)
            try tree.insert("opt", beside: "7")
        }
        #expect(error?.kind == .failed)
    }

    /// Real files of this machine, where they are in the grammar: nothing edited is nothing changed.
    @Test func realFilesComeBackByteForByte() throws {
        var read = 0
        func check(_ path: String, _ lens: ConfigTree.Lens) throws {
            guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
            else { return }
            switch Self.readBack(text, lens) {
            case .success(let same):
                #expect(same == text, "\(path)")
                read += 1
            case .failure(let error):
                #expect(error.kind == .malformed || error.kind == .noLens, "\(path): \(error)")
            }
        }
        for (folder, lens) in [
            ("/etc/default", ConfigTree.Lens.shellVariables), ("/etc/sysconfig", .shellVariables),
            ("/etc/sysctl.d", .sysctl), ("/usr/lib/sysctl.d", .sysctl), ("/usr/lib/tmpfiles.d", .tmpfiles),
        ] {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                try check("\(folder)/\(name)", lens)
            }
        }
        for (path, lens) in [
            ("/etc/fstab", ConfigTree.Lens.fstab), ("/etc/os-release", .shellVariables),
            ("/etc/multipath.conf", .multipath), ("/etc/libvirt/qemu.conf", .libvirtQEMU),
        ] { try check(path, lens) }
        #expect(read > 0)
    }

    /// Random bytes from the grammars' own alphabets: an error or a tree that gives them back, never a trap.
    @Test(arguments: ConfigTree.Lens.allCases)
    func hostileTextsAreReadOrRefused(_ lens: ConfigTree.Lens) throws {
        let pieces = [
            "#", "\n", "=", " ", "\t", "\"", "'", "\\", "{", "}", "[", "]", "$(", "`", "a", "title", "kernel", "w", "/",
            "é", "\u{1}", "multipaths", "wwid", "0", ",", "\r",
        ]
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<150 {
            let text = (0..<Int.random(in: 0...30, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined()
            switch Self.readBack(text, lens) {
            case .success(let same): #expect(same == text, "\(text.debugDescription)")
            case .failure(let error):
                if error.kind == .noLens { return }
                #expect([.malformed, .unwritable].contains(error.kind), "\(text.debugDescription): \(error)")
            }
        }
    }

    /// Some grammars forget white space at the beginning: an edited file has it still.
    @Test(arguments: ["\n#{ a\n", "\n\n", " \n\t\nA=1\n", "\nA=1\n", "A=1\n\n\nB=2\n"])
    func whiteSpaceStays(_ text: String) throws {
        #expect(try Self.readBack(text, .shellVariables).get() == text)
        var tree = try ConfigTree(text: text, lens: .shellVariables)
        try tree.set("NEW", to: "3")
        #expect(try tree.text() == text + "NEW=3\n")
    }

    private static func readBack(_ text: String, _ lens: ConfigTree.Lens) -> Result<String, AugeasError> {
        do throws(AugeasError) {
            let tree = try ConfigTree(text: text, lens: lens)
            _ = tree.nodes()
            return .success(try tree.text())
        } catch {
            return .failure(error)
        }
    }
}
