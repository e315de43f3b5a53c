import Foundation
import ToolRunning

/// Images that real tools made, with what the real tools say of them.
struct ImageCase {
    let kind: String
    let name: String
    /// The folder the case is unpacked in.
    let folder: String
    /// The image's name inside.
    let image: String
    /// The format it is said to have.
    let format: String
    let tags: Set<String>
    private let expect: [String: Any]

    /// `info`, `infoProbe`, `check` …: exit status and JSON of the real tool; `nil` where it was not asked.
    func answer(_ question: String) -> (exit: Int, json: [String: Any]?, list: [[String: Any]]?, words: String)? {
        guard let answer = expect[question] as? [String: Any], let exit = answer["exit"] as? Int else { return nil }
        return (
            exit, answer["json"] as? [String: Any], answer["json"] as? [[String: Any]],
            answer["stderr"] as? String ?? ""
        )
    }

    /// What the real tool shows of it.
    var content: (exit: Int, size: Int, digest: String)? {
        guard let answer = expect["content"] as? [String: Any], let exit = answer["exit"] as? Int else { return nil }
        return (exit, answer["size"] as? Int ?? 0, answer["sha256"] as? String ?? "")
    }

    var path: String { folder + "/" + image }

    /// Where the corpus is; `nil` where there is none.
    static let corpus: String? = Corpora.folder.map { "\($0)/images" }.flatMap {
        FileManager.default.fileExists(atPath: $0) ? $0 : nil
    }

    static let kinds: [String] =
        corpus.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0).sorted() } ?? []

    /// Unpacks all cases of a kind and hands each over; they are removed afterwards.
    static func each(of kind: String, _ body: (ImageCase) throws -> Void) throws {
        guard let corpus else { return }
        let place = NSTemporaryDirectory() + "nearmetal-images-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: place) }
        for file in try FileManager.default.contentsOfDirectory(atPath: corpus + "/" + kind).sorted()
        where file.hasSuffix(".json") {
            let name = String(file.dropLast(5))
            guard let data = FileManager.default.contents(atPath: "\(corpus)/\(kind)/\(file)"),
                let json = try JSONSerialization.jsonObject(with: data) as? [String: Any],
                let image = json["image"] as? String,
                let expect = json["expect"] as? [String: Any]
            else { throw ImageCaseError(what: "\(file) is not a case") }
            let folder = place + "/" + name
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try unpack("\(corpus)/\(kind)/\(name).tar.zst", into: folder)
            let tags = Set(json["tags"] as? [String] ?? [])
            try body(
                ImageCase(
                    kind: kind, name: name, folder: folder, image: image, format: json["format"] as? String ?? "",
                    tags: tags, expect: expect))
            try? FileManager.default.removeItem(atPath: folder)
        }
    }

    private static func unpack(_ archive: String, into folder: String) throws {
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["tar", "--zstd", "-xSf", archive, "-C", folder]
        try tar.run()
        tar.waitUntilExit()
        guard tar.terminationStatus == 0 else {
            throw ImageCaseError(what: "\(archive) cannot be unpacked (are tar and zstd there?)")
        }
    }
}

struct ImageCaseError: Error { let what: String }
