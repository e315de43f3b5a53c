import DomainXML

/// What must hold for any bytes at all, used by the fuzzer and by the tests that replay what it found.
///
/// An input is a document; after a NUL byte, which no document has, lines of edits may follow: an XPath, a tab, and an
/// action (`=value`, `+fragment`, `-`, `@name=value`, `!name`).
enum DocumentCheck {
    /// What did not hold.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    static func run(_ input: [UInt8]) throws {
        let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        // UTF-16 has NUL bytes of its own.
        let isWide = input.prefix(4).contains(0) || input.first == 0xFE || input.first == 0xFF
        let source = isWide ? input : Array(parts.first ?? [])
        guard let document = try? XMLDocument(source, path: "fuzz") else { return }
        guard document.source == source else { throw Failure(description: "the bytes are not those given") }
        read(document)
        try editSomewhere(document)
        guard !isWide, parts.count == 2 else { return }
        let edits = parts[1].split(separator: 0x0A).prefix(8).compactMap(edit)
        guard let edited = try? document.applying(edits) else { return }
        guard try XMLDocument(edited.source, path: "fuzz").source == edited.source else {
            throw Failure(description: "the edited bytes are not kept")
        }
    }

    /// Calls the accessors.
    private static func read(_ document: XMLDocument) {
        var elements: [Element] = [document.root]
        var count = 0
        while let element = elements.popLast(), count < 2_000 {
            count += 1
            _ = element.text
            _ = element.attributes.count
            if count < 40 { _ = element.xpath }
            elements += element.children
        }
        guard let domain = try? DomainDefinition(document) else { return }
        _ = (domain.type, domain.name, domain.uuid, domain.osType, domain.architecture, domain.machine, domain.osInfo)
        _ = (domain.isWindows, domain.isConfidential, domain.declaredWorkload, domain.emulator)
        _ = (domain.memory, domain.currentMemory, domain.maxMemory, domain.memorySlots)
        _ = (domain.vcpus, domain.currentVCPUs, domain.cpuset)
    }

    /// Edits one element; that succeeds, or is refused for the encoding or a prefix, but is never a mistake of ours.
    private static func editSomewhere(_ document: XMLDocument) throws {
        var elements: [Element] = [document.root]
        elements += document.root.children
        let element = elements[document.source.count % elements.count]
        let value = "a<'\"&é\n]]>"
        let edits = [
            XMLEdit(element.xpath, .attribute("added-by-fuzz", value)),
            XMLEdit(element.xpath, .insert("<made x='1'/>")),
            XMLEdit(element.xpath, .text(value)), XMLEdit(element.xpath, .remove),
        ]
        for (position, edit) in edits.enumerated() {
            let result: XMLDocument
            do {
                result = try document.applying([edit])
            } catch {
                if error.what.contains("places of its elements") || error.what.contains("would change more") {
                    throw Failure(description: error.description)
                }
                continue
            }
            let found = try? result.elements(at: element.xpath)
            switch position {
            case 0 where found?.first?["added-by-fuzz"] != value:
                throw Failure(description: "the attribute was not set")
            case 1 where found?.first.map({ Array($0.children).last?["x"] == "1" }) != true:
                throw Failure(description: "nothing was inserted")
            case 2 where found?.first?.text != value: throw Failure(description: "the text was not set")
            default: break
            }
        }
    }

    private static func edit(_ line: ArraySlice<UInt8>) -> XMLEdit? {
        let parts = line.split(separator: 0x09, maxSplits: 1)
        guard parts.count == 2, let kind = parts[1].first else { return nil }
        let xpath = String(decoding: parts[0], as: UTF8.self)
        let rest = String(decoding: parts[1].dropFirst(), as: UTF8.self)
        switch kind {
        case 0x3D: return XMLEdit(xpath, .value(rest))
        case 0x2B: return XMLEdit(xpath, .insert(rest))
        case 0x2D: return XMLEdit(xpath, .remove)
        case 0x21: return XMLEdit(xpath, .removeAttribute(rest))
        case 0x40:
            let pair = rest.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return pair.count == 2 ? XMLEdit(xpath, .attribute(pair[0], pair[1])) : nil
        default: return nil
        }
    }
}
