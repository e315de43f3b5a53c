import ArgumentParser
import DomainXML
import FileWriting
import Glibc
import Survey

/// `nearmetal xml`.
struct XML: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "xml", abstract: "Print a definition as it is, byte for byte, or with just some nodes changed.",
        discussion: """
            The document is parsed first: what is not XML, or hostile, is refused.

            Examples:
              nearmetal xml web1.xml
              nearmetal xml web1.xml --set /domain/vcpu=4
              nearmetal xml web1.xml --set "//disk[target/@dev='vda']/driver/@cache=none" --in-place
            """)

    @Argument(help: "The file; - is standard input.", completion: .file(extensions: ["xml"]))
    var file: String

    @Option(
        name: .long, help: ArgumentHelp("Set the attribute or text that an XPath selects.", valueName: "XPATH=VALUE"))
    var set: [String] = []

    @Flag(help: "Write the file instead of printing it; what was there is kept beside it.")
    var inPlace = false

    func validate() throws {
        if inPlace, file == "-" {
            throw ValidationError("--in-place needs a file: standard input cannot be written back")
        }
        for assignment in set where XMLEdit(assignment: assignment) == nil {
            throw ValidationError("\"\(assignment)\" is no assignment. Write XPATH=VALUE, as in /domain/vcpu=4")
        }
    }

    func run() throws {
        do {
            let document = try XMLDocument(DefinitionFile.read(file), path: file)
            let edited = try document.applying(set.compactMap(XMLEdit.init(assignment:)))
            if !inPlace {
                try print(edited.source)
            } else if edited.source != document.source {
                let replaced = try FileReplacement(file, from: document.source, to: edited.source)
                say("nearmetal: \(replaced.path) is written; what was there is in \(replaced.backup)")
            }
        } catch {
            throw failing(error)
        }
    }
}
