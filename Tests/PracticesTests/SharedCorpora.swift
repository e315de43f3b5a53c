import DomainXML
import Foundation
import Inventory

/// The corpora beside the checkout: real definitions nobody of this project wrote.
enum SharedCorpora {
    /// Their folder: `NEARMETAL_SHARED`, else `shared` beside a folder above this file; `nil` where there is none.
    static let folder: String? = {
        if let named = ProcessInfo.processInfo.environment["NEARMETAL_SHARED"] {
            return FileManager.default.fileExists(atPath: named + "/corpora") ? named + "/corpora" : nil
        }
        var folder = URL(fileURLWithPath: #filePath)
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let corpora = folder.appendingPathComponent("shared/corpora").path
            if FileManager.default.fileExists(atPath: corpora) { return corpora }
        }
        return nil
    }()

    /// The definitions below some of its folders, in order of path; files that are no domain definition are left out.
    static func definitions(_ folders: String...) -> [(path: String, domain: DomainDefinition)] {
        guard let folder else { return [] }
        var found: [(String, DomainDefinition)] = []
        for name in folders {
            guard let walk = FileManager.default.enumerator(atPath: folder + "/" + name) else { continue }
            let paths = walk.compactMap { $0 as? String }.filter { $0.hasSuffix(".xml") }.sorted()
            for path in paths {
                let file = "\(folder)/\(name)/\(path)"
                guard let data = FileManager.default.contents(atPath: file),
                    let document = try? XMLDocument(Array(data), path: "\(name)/\(path)"),
                    let domain = try? DomainDefinition(document)
                else { continue }
                found.append(("\(name)/\(path)", domain))
            }
        }
        return found
    }
}
