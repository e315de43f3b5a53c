import Foundation

/// Real definitions, hosts and images, most of which nobody of this project made; they lie beside the checkout, not in it.
public enum Corpora {
    /// The folder they share with what makes more of them: `NEARMETAL_SHARED`, else `shared` in a folder above this file.
    ///
    /// `nil` where it has no corpora.
    public static let shared: String? = {
        func hasCorpora(_ folder: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/corpora") }
        if let named = ProcessInfo.processInfo.environment["NEARMETAL_SHARED"] {
            return hasCorpora(named) ? named : nil
        }
        var place = URL(filePath: #filePath)
        while place.path != "/" {
            place.deleteLastPathComponent()
            let folder = place.appending(path: "shared").path
            if hasCorpora(folder) { return folder }
        }
        return nil
    }()

    /// Their folder; `nil` where there is none.
    public static let folder: String? = shared.map { "\($0)/corpora" }

    /// The XML files below one of its folders, in order of path; paths begin with the folder's name.
    public static func documents(_ name: String) -> [(path: String, bytes: [UInt8])] {
        guard let folder, let walk = FileManager.default.enumerator(atPath: "\(folder)/\(name)") else { return [] }
        return walk.compactMap { $0 as? String }.filter { $0.hasSuffix(".xml") }.sorted().compactMap { path in
            FileManager.default.contents(atPath: "\(folder)/\(name)/\(path)").map { ("\(name)/\(path)", Array($0)) }
        }
    }
}
