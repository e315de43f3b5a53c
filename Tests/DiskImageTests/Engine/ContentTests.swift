import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// What images of real tools show, beside what the real tools say they show.
@Suite(.enabled(if: ImageCase.corpus != nil, "the corpora are not here")) struct ContentTests {
    /// The content as the tool's own digest has it.
    private func digest(_ image: Image, in folder: String) throws -> String {
        let path = folder + "/content.raw"
        let target = try Image.create(path, Image.Creation(.raw, size: image.size))
        var options = ImageConversion.Options()
        options.isTargetNew = true
        try ImageConversion(image, to: target, options).run()
        try target.close()
        return String(try tool("sha256sum", path).prefix(64))
    }

    /// Healthy images show what they should; what the real tool refuses, or shows after its tables were damaged, may be refused.
    @Test(arguments: [
        "raw", "qcow2", "qcow2-broken", "qcow", "qed", "vdi", "vhdx", "vmdk", "vpc", "parallels", "chains", "samples",
    ])
    func imagesShowWhatTheyShould(_ kind: String) throws {
        var compared = 0
        try ImageCase.each(of: kind) { test in
            guard let expected = test.content, expected.size < 64 << 20, !Self.isElsewhere(test),
                let format = ImageFacts.Format(qemuName: test.format)
            else { return }
            var shown: String?
            var failure = ""
            do {
                let image = try Image.open(test.path, Image.Options(format: format, gate: .open))
                if expected.exit == 0 { #expect(image.size == UInt64(expected.size), "\(test.name)") }
                shown = try digest(image, in: test.folder)
            } catch { failure = "\(error)" }
            let mayBeRefused =
                expected.exit != 0 || test.tags.contains("mutated") || test.tags.contains("broken")
            if let shown {
                if expected.exit == 0 { #expect(shown == expected.digest, "\(test.name)") }
                compared += 1
            } else {
                #expect(mayBeRefused, "\(test.name): \(failure)")
                #expect(!failure.isEmpty && !failure.contains("\n") && failure.count < 600, "\(test.name): \(failure)")
            }
        }
        #expect(compared > (kind.hasPrefix("qcow2") ? 40 : 0))
    }

    /// What it shows lies on this machine, and is another one's.
    private static func isElsewhere(_ test: ImageCase) -> Bool {
        // Names in JSON are relative to where the program was started.
        test.name == "vmdk-extent-elsewhere" || test.name.hasPrefix("chain-json")
    }

    /// Where things lie, piece by piece, as `qemu-img map` has it.
    @Test(arguments: [
        "raw", "qcow2", "qcow", "qed", "vdi", "vhdx", "vmdk", "vpc", "parallels", "chains", "samples",
    ])
    func mapsAreTheSame(_ kind: String) throws {
        try ImageCase.each(of: kind) { test in
            guard let expected = test.answer("map"), let list = expected.list, !Self.isElsewhere(test),
                let format = ImageFacts.Format(qemuName: test.format),
                test.tags.contains("broken") == false
            else { return }
            let image = try Image.open(test.path, Image.Options(format: format, gate: .open))
            var pieces: [ImageMapEntry] = []
            try image.map { pieces.append($0) }
            #expect(pieces.count == list.count, "\(test.name)")
            for (piece, json) in zip(pieces, list) {
                func number(_ key: String) -> UInt64? { (json[key] as? NSNumber)?.uint64Value }
                let isSame =
                    piece.start == number("start") && piece.length == number("length")
                    && UInt64(piece.depth) == number("depth") && piece.offset == number("offset")
                    && piece.isPresent == json["present"] as? Bool && piece.isZero == json["zero"] as? Bool
                    && piece.isData == json["data"] as? Bool
                #expect(isSame, "\(test.name): \(piece), \(json)")
                if !isSame { return }
            }
        }
    }

    /// What one image says of its blocks, and with what it is told apart, is what it shows.
    @Test func whatIsSaidToBeZeroIsZero() throws {
        try ImageCase.each(of: "qcow2") { test in
            guard let expected = test.content, expected.exit == 0, expected.size < 8 << 20 else { return }
            let image = try Image.open(test.path, Image.Options(format: .qcow2, gate: .open))
            let content = try image.content()
            var place = 0
            try image.map { entry in
                #expect(Int(entry.start) == place, "\(test.name)")
                place += Int(entry.length)
                if entry.isZero {
                    #expect(content[Int(entry.start)..<place].allSatisfy { $0 == 0 }, "\(test.name) at \(entry.start)")
                }
            }
            #expect(place == content.count, "\(test.name)")
        }
    }
}
