import Foundation
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
    @Test(arguments: ["raw", "qcow2", "qcow2-broken"]) func imagesShowWhatTheyShould(_ kind: String) throws {
        var compared = 0
        try ImageCase.each(of: kind) { test in
            guard let expected = test.content, expected.size < 64 << 20 else { return }
            let format: ImageFacts.Format = kind == "raw" ? .raw : .qcow2
            var shown: String?
            var failure = ""
            do {
                let image = try Image.open(test.path, Image.Options(format: format, gate: .open))
                if expected.exit == 0 { #expect(image.size == UInt64(expected.size), "\(test.name)") }
                shown = try digest(image, in: test.folder)
            } catch { failure = "\(error)" }
            let mayBeRefused = expected.exit != 0 || test.tags.contains("mutated") || test.tags.contains("broken")
            if let shown {
                if expected.exit == 0 { #expect(shown == expected.digest, "\(test.name)") }
                compared += 1
            } else {
                #expect(mayBeRefused, "\(test.name): \(failure)")
                #expect(!failure.isEmpty && !failure.contains("\n") && failure.count < 600, "\(test.name): \(failure)")
            }
        }
        #expect(compared > (kind == "raw" ? 4 : 40))
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
