public import DomainXML
import JSONText
public import Quantities

/// A domain definition out of a QEMU command line (guide §7.4).
public struct NativeConversion: Sendable {
    /// Something that is not in the definition.
    public struct LeftOver: Sendable, Hashable {
        /// Why.
        public enum Reason: String, Sendable, Hashable {
            /// libvirt does it itself, in its own way.
            case libvirtDoes = "libvirt-does"
            /// A definition has no word for it; QEMU can be handed it all the same.
            case notExpressible = "not-expressible"
            /// No option that is known here.
            case unknown
            /// Its value cannot be understood.
            case malformed
        }
        /// The option, or the part of it, as it was typed.
        public let words: String
        /// Why.
        public let reason: Reason
        /// Whether it is a whole option that QEMU can be handed as it is; parts of one cannot.
        public let isPassable: Bool
        /// Why, in words.
        public var why: Text {
            switch reason {
            case .libvirtDoes: Text("libvirt does that itself", "由 libvirt 自行处理")
            case .notExpressible where isPassable:
                Text("not carried over; --passthrough hands it to QEMU", "未转换;--passthrough 可原样传给 QEMU")
            case .notExpressible: Text("not carried over", "未转换")
            case .unknown where isPassable:
                Text("not known here; --passthrough hands it to QEMU", "未知选项;--passthrough 可原样传给 QEMU")
            case .unknown: Text("not known here", "未知")
            case .malformed: Text("it cannot be understood", "无法理解")
            }
        }
    }

    /// Why a command line is none of QEMU's.
    public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// Why, and what to do.
        public let description: String
    }

    /// The definition.
    public let definition: NewElement
    /// What is not in it.
    public let leftOver: [LeftOver]

    /// Converts a command line.
    ///
    /// - Parameters:
    ///   - words: program and arguments; settings of environment variables may precede them.
    ///   - name: the guest's name; without, the command line's, else `guest`.
    ///   - folder: where relative paths start, which libvirt has not.
    ///   - passesThrough: whether what a definition has no word for is handed to QEMU in `<qemu:commandline>`.
    ///
    /// - Throws: a ``Problem`` where the words are no command line of QEMU's.
    public init(
        _ words: [String], name: String? = nil, folder: String, passesThrough: Bool = false
    ) throws(Problem) {
        let rest = words.drop { word in
            guard let equals = word.firstIndex(of: "="), equals > word.startIndex else {
                return word == "env" || word == "sudo" || word == "exec"
            }
            return word[..<equals].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        }
        guard let program = rest.first, !program.hasPrefix("-") else {
            throw Problem(description: "there is no program: begin with qemu-system-x86_64 or the like")
        }
        let file = String(program.split(separator: "/").last ?? "")
        let architecture: String
        switch file {
        case _ where file.hasPrefix("qemu-system-"): architecture = String(file.dropFirst(12))
        case "qemu-kvm", "kvm", "qemu": architecture = "x86_64"
        default:
            throw Problem(
                description:
                    "\"\(program.prefix(80))\" is no QEMU: its name is qemu-system-ARCHITECTURE, qemu-kvm or kvm")
        }
        let draft = NativeDraft(
            architecture: architecture == "i386" ? "i686" : architecture,
            emulator: program.hasPrefix("/") ? program : nil, folder: folder)
        if file == "kvm" || file == "qemu-kvm" { draft.type = "kvm" }
        let options = QEMUOption.read(rest.dropFirst())
        // What others refer to first: QEMU does not mind the order either.
        for pass in [NativeDraft.Pass.definitions, .devices] {
            for option in options where NativeDraft.pass(of: option) == pass { draft.take(option) }
        }
        draft.finish()
        if let name { draft.name = name }
        let isName = draft.name.map { name in
            !name.isEmpty && !name.contains("/")
                && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        }
        guard isName ?? true else {
            throw Problem(
                description: "the name \"\((draft.name ?? "").prefix(80))\" is none libvirt takes: give one with --name"
            )
        }
        definition = draft.element(passesThrough: passesThrough)
        leftOver = draft.leftOver.filter { !passesThrough || !$0.isPassable }
    }
}
