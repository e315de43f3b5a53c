import DomainXML
import ToolRunning

extension Corpora {
    /// The definitions below some of its folders, in order of path; files that are no domain definition are left out.
    static func definitions(_ folders: String...) -> [(path: String, domain: DomainDefinition)] {
        folders.flatMap(documents).compactMap { path, bytes in
            (try? DomainDefinition(XMLDocument(bytes, path: path))).map { (path, $0) }
        }
    }
}
