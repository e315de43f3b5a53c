// Usage: practice-registry OUTPUT SOURCE…
// Finds `struct NAME: HostPractice` (or GuestPractice, ImagePractice) at the start of a line and writes an array of them.
import Foundation

let arguments = CommandLine.arguments.dropFirst()
guard let output = arguments.first else {
    FileHandle.standardError.write(Data("usage: practice-registry OUTPUT SOURCE...\n".utf8))
    exit(64)
}
var names: [String] = []
for path in arguments.dropFirst() {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
        FileHandle.standardError.write(Data("practice-registry: cannot read \(path)\n".utf8))
        exit(2)
    }
    for line in text.split(separator: "\n") {
        var rest = line
        if rest.hasPrefix("public ") { rest = rest.dropFirst(7) }
        guard rest.hasPrefix("struct ") else { continue }
        let declaration = rest.dropFirst(7).split(separator: "{")[0].split(separator: ":", maxSplits: 1)
        guard declaration.count == 2 else { continue }
        let protocols = declaration[1].split(whereSeparator: { ", ".contains($0) })
        if protocols.contains(where: {
            ["HostPractice", "GuestPractice", "ImagePractice", "SettingsPractice"].contains($0)
        }) {
            names.append(declaration[0].trimmingCharacters(in: .whitespaces))
        }
    }
}
let list = names.map { "        \($0)(),\n" }.joined()
let source = """
    // Written by the PracticeRegistry plugin from the files of this module.
    extension Practices {
        /// Every practice this build knows, in order of file.
        static let declared: [any Practice] = [
    \(list)    ]
    }

    """
if (try? String(contentsOfFile: output, encoding: .utf8)) != source {
    try source.write(toFile: output, atomically: true, encoding: .utf8)
}
