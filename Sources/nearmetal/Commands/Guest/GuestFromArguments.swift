import ArgumentParser
import Glibc
import DomainXML
import NativeConversion
import Quantities
import Reports
import Survey

/// `nearmetal guest from-argv`.
struct GuestFromArguments: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "from-argv", abstract: "Print a domain definition for a QEMU command line.",
        discussion: """
            What cannot be carried over is listed on standard error, with why. The definition is a draft to be read: libvirt checks it when it is
            defined. Relative paths start in this folder.

            Examples:
              nearmetal guest from-argv 'qemu-system-x86_64 -enable-kvm -m 4G -smp 2 -drive file=/srv/a.qcow2,if=virtio'
              nearmetal guest from-argv --file start-vm.sh --name web1 > web1.xml
              nearmetal guest from-argv --passthrough -- qemu-system-x86_64 -m 1G -device edu

            Exit status: 0 it is printed, 1 with --strict: something could not be carried over, 2 it is no command line of QEMU's.
            """)

    @Argument(help: ArgumentHelp("The command line: one word in quotes, or its words after --.", valueName: "words"))
    var words: [String] = []

    @Option(help: ArgumentHelp("A file that holds it; - for standard input.", valueName: "file"), completion: .file())
    var file: String?

    @Option(help: ArgumentHelp("The guest's name, rather than the one of -name.", valueName: "name"))
    var name: String?

    @Flag(help: "Hand QEMU what a definition has no word for, in <qemu:commandline>.")
    var passthrough = false

    @Flag(help: "End with status 1 where something could not be carried over.")
    var strict = false

    @Option(name: [.short, .long], help: ArgumentHelp("text or json.", valueName: "format"))
    var format: PlainFormat = .text

    @OptionGroup var display: OutputOptions

    func validate() throws {
        guard words.isEmpty != (file == nil) else {
            throw ValidationError("Give a command line, or --file with one")
        }
    }

    func run() throws {
        do {
            var all = words
            if let file {
                var text = String(decoding: try DefinitionFile.read(file), as: UTF8.self)
                if text.hasPrefix("#!") { text = String(text.drop { $0 != "\n" }) }
                all = try ShellWords.split(text)
            } else if words.count == 1 {
                all = try ShellWords.split(words[0])
            }
            guard all.count <= 10_000 else { throw Failure("a command line of \(all.count) words is none of QEMU's") }
            guard let folder = getcwd(nil, 0) else {
                throw Failure("this folder is gone: \(String(cString: strerror(errno)))")
            }
            defer { free(folder) }
            let conversion = try NativeConversion(
                all, name: name, folder: String(cString: folder), passesThrough: passthrough)
            switch format {
            case .text:
                try print(line: conversion.definition.description)
                for entry in conversion.leftOver {
                    say("nearmetal: \(entry.words.prefix(300)): \(entry.why[display.language])")
                }
            case .json: try print(NativeConversionReport.json(conversion, display.language))
            }
            let isLost = conversion.leftOver.contains { $0.reason != .libvirtDoes }
            if strict, isLost { throw ExitCode(1) }
        } catch {
            throw failing(error)
        }
    }
}
