import Foundation
import Glibc
import Quantities
import Testing

@testable import DiskImage

/// Files that are no images, images that lie, and links that lead astray.
@Suite struct HostileTests {
    /// A folder of its own for each test.
    final class Folder {
        let path = NSTemporaryDirectory() + "nearmetal-hostile-\(UUID().uuidString)"
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ name: String, _ bytes: [UInt8]) -> String {
            let file = path + "/" + name
            _ = FileManager.default.createFile(atPath: file, contents: Data(bytes))
            return file
        }
    }

    /// A qcow2 header of version 3 with a backing file's name.
    static func qcow2(size: UInt64 = 1 << 20, backing: String? = nil, format: String? = nil) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536 * 3)
        func put(_ value: UInt64, _ width: Int, at offset: Int) {
            for index in 0..<width {
                bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - index)))
            }
        }
        put(0x5146_49FB, 4, at: 0)
        put(3, 4, at: 4)
        put(16, 4, at: 20)
        put(size, 8, at: 24)
        put((size + (1 << 29) - 1) >> 29, 4, at: 36)
        put(131_072, 8, at: 40)
        put(65_536, 8, at: 48)
        put(1, 4, at: 56)
        put(4, 4, at: 96)
        put(104, 4, at: 100)
        var offset = 104
        if let format {
            put(0xE279_2ACA, 4, at: offset)
            put(UInt64(format.utf8.count), 4, at: offset + 4)
            for (index, byte) in format.utf8.enumerated() { bytes[offset + 8 + index] = byte }
            offset += 8 + (format.utf8.count + 7) / 8 * 8
        }
        if let backing {
            put(1024, 8, at: 8)
            put(UInt64(backing.utf8.count), 4, at: 16)
            for (index, byte) in backing.utf8.enumerated() { bytes[1024 + index] = byte }
        }
        return bytes
    }

    @Test func missing() {
        #expect(ImageFacts.read(path: "/nowhere/a.qcow2").isMissing)
        #expect(ImageFacts.read(path: "/etc/passwd/a.qcow2").isMissing)
    }

    @Test func notAFile() throws {
        let folder = try Folder()
        let fifo = folder.path + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        for path in [fifo, folder.path, "/dev/null", "/dev/zero"] {
            guard case .malformed = ImageFacts.read(path: path).reason?.cause else {
                Issue.record("\(path): \(ImageFacts.read(path: path))")
                continue
            }
        }
    }

    @Test func whatTheSystemSays() throws {
        let folder = try Folder()
        let path = folder.write("disk.raw", [UInt8](repeating: 1, count: 5000))
        let image = try #require(ImageFacts.read(path: path).value)
        #expect(image.format == .raw)
        #expect(image.virtualSize == .known(ByteCount(bytes: 5120)))
        #expect(image.fileSize == .known(ByteCount(bytes: 5000)))
        #expect((image.allocated.value?.rawValue ?? 0) >= 4096)
        #expect(image.isPreallocated == true)
        #expect(image.fileSystem.value?.isEmpty == false)
        #expect((image.fileSystemFree.value?.rawValue ?? 0) > 0)
        #expect(image.fileSystemID != nil && image.identity != nil && image.malformed == nil && !image.isBlockDevice)
        #expect(abs((image.modified.value ?? 0) - Int64(Date().timeIntervalSince1970)) < 3600)
    }

    /// Every cut of a header is an answer, and so is every byte of it set to 255.
    @Test func cutAndDamaged() throws {
        let folder = try Folder()
        let whole = Self.qcow2(backing: "base.qcow2", format: "qcow2")
        for length in [0, 1, 3, 4, 7, 8, 20, 71, 72, 100, 103, 104, 111, 112, 300, 1030, 65_536] {
            let path = folder.write("cut-\(length)", Array(whole[..<length]))
            #expect(ImageFacts.read(path: path).value != nil)
        }
        for offset in 0..<160 {
            for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
                var bytes = Array(whole[..<2048])
                bytes[offset] = value
                let path = folder.write("damaged", bytes)
                #expect(ImageFacts.read(path: path).value != nil)
            }
        }
        for magic: [UInt8] in [
            Array("QED\0".utf8), Array("KDMV".utf8), Array("COWD".utf8), Array("conectix".utf8), Array("vhdxfile".utf8),
            [0x4C, 0x55, 0x4B, 0x53, 0xBA, 0xBE, 0x00, 0x01], [0x51, 0x46, 0x49, 0xFB, 0, 0, 0, 1],
            Array("WithouFreSpacExt".utf8) + [2, 0, 0, 0],
        ] {
            for filler: UInt8 in [0, 0xFF] {
                let path = folder.write("filled", magic + [UInt8](repeating: filler, count: 4096))
                #expect(ImageFacts.read(path: path).value?.malformed != nil, "\(magic) \(filler)")
            }
        }
    }

    @Test func names() {
        func reference(_ name: String) -> ImageReference { ImageReference(name, in: "/images/top.qcow2") }
        #expect(reference("base.qcow2") == .file("/images/base.qcow2"))
        #expect(reference("./a//base.qcow2") == .file("/images/a/base.qcow2"))
        #expect(reference("../base.qcow2") == .file("/images/../base.qcow2"))
        #expect(reference("/srv/base.qcow2") == .file("/srv/base.qcow2"))
        #expect(reference("file:/srv/base.qcow2") == .file("/srv/base.qcow2"))
        #expect(reference("a/b:c") == .file("/images/a/b:c"))
        #expect(reference("nbd://host/export") == .other(scheme: "nbd", name: "nbd://host/export"))
        #expect(reference("json:{\"driver\":\"raw\"}") == .other(scheme: "json", name: "json:{\"driver\":\"raw\"}"))
        #expect(reference("https://example.com/a.qcow2").path == nil)
    }

    /// A description of a format on a file is that file, and declares its format; of anything else it is followed no further.
    @Test func descriptions() throws {
        let folder = try Folder()
        let base = folder.write("base.qcow2", Self.qcow2())
        let whole = #"json:{"driver":"qcow2","file":{"driver":"file","filename":"\#(base)"}}"#
        let dotted = "json:{'file.filename': '\(base)', 'driver': 'qcow2'}"
        for name in [whole, dotted] {
            let top = folder.write("top.qcow2", Self.qcow2(backing: name))
            let chain = ImageChain.read(path: top, declaredFormat: "qcow2", gate: .open)
            #expect(chain.links.map(\.path) == [top, base] && chain.end == .base)
            #expect(chain.links.last?.declaredFormat == "qcow2")
            let closed = ImageChain.read(path: top, declaredFormat: "qcow2", gate: .closed)
            #expect(closed.links.count == 1 && closed.end == .refused(base))
            #expect(throws: ImageError.self) { try Image.open(top, Image.Options(format: .qcow2, gate: .closed)) }
            #expect(try Image.open(top, Image.Options(format: .qcow2, gate: .open)).below?.format == .qcow2)
        }
        for name in [
            #"json:{"driver":"raw","offset":512,"file":{"driver":"file","filename":"\#(base)"}}"#,
            #"json:{"driver":"qcow2","file":{"driver":"nbd","host":"h"}}"#, "json:{", "json:[]", "json:{}",
        ] {
            let top = folder.write("top.qcow2", Self.qcow2(backing: name))
            #expect(ImageChain.read(path: top, declaredFormat: "qcow2", gate: .open).end == .notLocal(name))
        }
        // What only a person may choose is not taken from an image.
        let choosing =
            #"json:{"driver":"qcow2","l2-cache-size":"1T","file":{"driver":"file","locking":"off","cache.no-flush":"on","filename":"\#(base)"}}"#
        #expect(
            try BackingName(choosing, format: nil).node(of: "/a", .open)
                == BackingName(whole, format: nil).node(of: "/a", .open))
        // The image itself, in a format of its own choice, below itself.
        let place = folder.path + "/loop.qcow2"
        let nested =
            #"json:{"driver":"qcow2","file":{"driver":"qcow2","file":{"driver":"file","filename":"\#(place)"}}}"#
        let loop = folder.write("loop.qcow2", Self.qcow2(backing: nested))
        let error = #expect(throws: ImageError.self) {
            try Image.open(loop, Image.Options(format: .qcow2, gate: .open))
        }
        #expect(error?.isLoop == true)
    }

    /// Nodes on nodes without end.
    @Test func towers() {
        var name = #"{"driver":"file","filename":"/nowhere"}"#
        for _ in 0..<60 { name = #"{"driver":"raw","file":\#(name)}"# }
        #expect(throws: ImageError.self) { try Image.open("json:" + name, Image.Options(format: nil, gate: .open)) }
        for _ in 0..<60 { name = #"{"driver":"raw","file":\#(name)}"# }
        #expect(throws: ImageError.self) { try BlockNode(named: "json:" + name) }
        let flat = "json:{'driver': 'raw', '" + String(repeating: "file.", count: 5000) + "filename': 'a'}"
        #expect(throws: ImageError.self) { try BlockNode(named: flat) }
        let twice = #"json:{"file":{"filename":"a"},"file.filename":"b"}"#
        #expect(throws: ImageError.self) { try BlockNode(named: twice) }
    }

    @Test func loops() throws {
        let folder = try Folder()
        let path = folder.write("a.qcow2", Self.qcow2(backing: "b.qcow2", format: "qcow2"))
        _ = folder.write("b.qcow2", Self.qcow2(backing: "a.qcow2", format: "qcow2"))
        let chain = ImageChain.read(path: path, declaredFormat: "qcow2", gate: .open)
        #expect(chain.links.count == 2 && chain.end == .loop(folder.path + "/a.qcow2"))
        // The same file under another name is the same file.
        let other = folder.write("self.qcow2", Self.qcow2(backing: "link.qcow2", format: "qcow2"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link.qcow2", withDestinationPath: "self.qcow2")
        #expect(
            ImageChain.read(path: other, declaredFormat: "qcow2", gate: .open).end == .loop(folder.path + "/link.qcow2")
        )
    }

    @Test func depth() throws {
        let folder = try Folder()
        for level in 0..<70 {
            _ = folder.write("\(level).qcow2", Self.qcow2(backing: "\(level + 1).qcow2", format: "qcow2"))
        }
        let chain = ImageChain.read(path: folder.path + "/0.qcow2", declaredFormat: nil, gate: .open)
        #expect(chain.links.count == 64 && chain.end == .tooDeep(64))
        #expect(
            ImageChain.read(path: folder.path + "/60.qcow2", declaredFormat: nil, gate: .open).end
                == .unreadable(folder.path + "/70.qcow2"))
    }

    /// A guest with a raw disk writes a header that names a file of the host: nobody goes there.
    @Test func aGuestsWordIsNotFollowed() throws {
        let folder = try Folder()
        let path = folder.write("disk.raw", Self.qcow2(backing: "/etc/shadow", format: "raw"))
        let opened = Opened()
        let chain = ImageChain.read(path: path, declaredFormat: "raw", gate: .open) { path in
            opened.paths.append(path)
            return ImageFacts.read(path: path)
        }
        #expect(chain.end == .base && opened.paths == [path])
        #expect(ImageChain.read(path: path, declaredFormat: "qcow2", gate: .closed).end == .refused("/etc/shadow"))
        #expect(
            ImageChain.read(path: path, declaredFormat: "qcow2", gate: .folders(["/var/lib/libvirt"])).end
                == .refused("/etc/shadow"))
    }

    final class Opened { var paths: [String] = [] }

    @Test func gates() {
        let gate = ImageChain.Gate.folders(["/var/lib/libvirt/images"])
        #expect(gate.allows("/var/lib/libvirt/images/a", ""))
        #expect(!gate.allows("/var/lib/libvirt/images-old/a", ""))
        #expect(!gate.allows("/var/lib/libvirt/images/../../../etc/shadow", ""))
    }

    /// Links of a captured tree stay in the tree.
    @Test func capturedTree() throws {
        let folder = try Folder()
        try FileManager.default.createDirectory(atPath: folder.path + "/srv", withIntermediateDirectories: true)
        let real = folder.write("srv/real.raw", [UInt8](repeating: 1, count: 512))
        #expect(!real.isEmpty)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/srv/link.raw", withDestinationPath: "/srv/real.raw")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/srv/out.raw", withDestinationPath: "../../../../etc/passwd")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/srv/round.raw", withDestinationPath: "round.raw")
        #expect(
            ImageFacts.read(path: "/srv/link.raw", root: folder.path).value?.fileSize == .known(ByteCount(bytes: 512)))
        #expect(ImageFacts.read(path: "/srv/../srv/link.raw", root: folder.path).value != nil)
        #expect(ImageFacts.read(path: "/srv/out.raw", root: folder.path).isMissing)
        #expect(ImageFacts.read(path: "/etc/passwd", root: folder.path).isMissing)
        #expect(ImageFacts.read(path: "/srv/round.raw", root: folder.path).value == nil)
    }
}
