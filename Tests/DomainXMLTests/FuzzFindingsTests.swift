import Foundation
import Testing

/// What the fuzzer found once, and its seeds: all of it must hold for good.
@Suite struct FuzzFindingsTests {
    static let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test(arguments: ["Tests/FuzzFindings/FuzzDomainXML", "Fuzz/Corpus/FuzzDomainXML"])
    func replay(folder: String) throws {
        let folder = Self.checkout.appending(path: folder)
        for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted() {
            let input = try Data(contentsOf: folder.appending(path: name))
            #expect(throws: Never.self, "\(name)") { try DocumentCheck.run(Array(input)) }
        }
    }
}
