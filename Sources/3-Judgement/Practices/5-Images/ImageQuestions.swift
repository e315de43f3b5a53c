import Changes
import DiskImage
import DomainXML
import Inventory
import Quantities

extension Estate {
    /// What is known of an image; `nil` where nobody looked at it.
    func image(at path: String) -> Fact<ImageFacts>? { images[path] ?? images[ImageReference.tidied(path)] }

    /// Guests that use an image by name, with their disks.
    func users(of image: ImageFacts) -> [(guest: Guest, use: ImageRelations.Use)] {
        relations.images.users(of: image.path).all.map { (guests[$0.guest], $0) }
    }

    /// Guests whose writes go into an image.
    func writers(of image: ImageFacts) -> [(guest: Guest, use: ImageRelations.Use)] {
        relations.images.users(of: image.path).writers.map { (guests[$0.guest], $0) }
    }

    /// Why an image's header is nobody's business: a guest has the disk as raw, and the header is what the guest wrote.
    ///
    /// `nil` where it counts.
    func headerIsTheGuests(_ image: ImageFacts) -> Text? {
        guard !relations.images.isOpenedAsItIs(image) else { return nil }
        return Text(
            "it is not opened as \(image.format.rawValue): its header is what a guest wrote",
            "它不是作为 \(image.format.rawValue) 打开的:其文件头由客户机写入")
    }
}

extension ImageFacts {
    /// Its size as the guest sees it, with its format, for evidence.
    var words: String { "\(format.rawValue), \(virtualSize.value.map(\.description) ?? "size unknown")" }

    /// Why its header says nothing: the words of the reader.
    func unreadable(_ what: String) -> Unknown {
        virtualSize.reason ?? Unknown(.malformed(malformed ?? "\(what) is not in its header"), source: path)
    }

    /// `-B BASE -F FORMAT` for a copy that keeps the backing file; empty for one that has none.
    var backingArguments: String {
        guard let backingFile else { return "" }
        return " -B \(shellWord(backingFile))" + (backingFormat.map { " -F \(shellWord($0))" } ?? "")
    }

    /// The name of a copy beside it.
    func sibling(_ suffix: String) -> String {
        let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
        let stem = name.lastIndex(of: ".").flatMap { $0 > name.startIndex ? path[..<$0] : nil } ?? path[...]
        return stem + suffix
    }
}

/// A word as a shell takes it: in quotes where it needs them.
func shellWord(_ word: String) -> String {
    let plain = word.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"),
            UInt8(ascii: "="),
            UInt8(ascii: ","), UInt8(ascii: "+"), UInt8(ascii: "@"):
            true
        default: false
        }
    }
    if plain, !word.isEmpty { return word }
    return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}

/// Names of guests for a sentence, at most three.
func names(_ guests: [Guest]) -> String {
    var seen = Set<String>()
    let names = guests.map(\.name).filter { seen.insert($0).inserted }
    return names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " …" : "")
}
