import DiskImage
import Foundation
import Quantities
import Testing

/// Headers of real images, against `qemu-img info`.
@Suite(.enabled(if: ImageCase.corpus != nil, "the corpus of images is not beside this checkout"))
struct CorpusTests {
    /// Refused for what is not in the header: snapshots' names, bitmaps' directory, the block map, a log.
    ///
    /// The header reader does not go there.
    static let beyondTheHeader: Set<String> = [
        "broken-bitmap-count-1", "broken-bitmap-data-misaligned", "broken-bitmap-dir-beyond",
        "broken-bitmap-granularity-0",
        "broken-bitmap-granularity-63", "broken-bitmap-name-0", "broken-bitmap-table-size-huge",
        "broken-snapshot-name-size", "fuzz-022",
        "vhdx-broken-bat-entry-beyond", "vhdx-broken-bat-entry-state", "vpc-broken-bat-entry",
        "sample-iotest-dirtylog-10G-4M-vhdx",
    ]

    @Test(arguments: ImageCase.kinds) func agreesWithQEMU(_ kind: String) throws {
        try ImageCase.each(of: kind) { item in
            guard let probe = item.answer("infoProbe") else { return }
            let fact = ImageFacts.read(path: item.path)
            guard case .known(let image) = fact else {
                Issue.record("\(item.name): \(String(describing: fact.reason))")
                return
            }
            guard let expected = probe.json else {
                if !Self.beyondTheHeader.contains(item.name) {
                    #expect(image.malformed != nil, "\(item.name): refused with: \(probe.words)")
                }
                return
            }
            if let malformed = image.malformed {
                // Stricter than the real tool is fine where bytes were changed.
                #expect(item.tags.contains("mutated"), "\(item.name): \(malformed)")
                return
            }
            compare(image, with: expected, item)
        }
    }

    private func compare(_ image: ImageFacts, with expected: [String: Any], _ item: ImageCase) {
        let place = Comment(rawValue: item.name)
        #expect(image.format.rawValue == expected["format"] as? String, place)
        #expect(image.virtualSize.value?.rawValue == (expected["virtual-size"] as? NSNumber)?.uint64Value, place)
        // An extent in a file of its own tells its grain; it is not opened.
        if let cluster = (expected["cluster-size"] as? NSNumber)?.uint64Value, image.extents.isEmpty {
            #expect(image.clusterSize?.rawValue == cluster, place)
        }
        #expect(image.backingFile == expected["backing-filename"] as? String, place)
        #expect((image.encryption != nil) == (expected["encrypted"] as? Bool ?? (image.format == .luks)), place)
        // The tool looks after a QED image that was not closed as it opens it, and tells of it as it is then.
        if let dirty = expected["dirty-flag"] as? Bool, image.format != .qed {
            #expect(image.isDirty == dirty, place)
        }
        guard image.format == .qcow2 || image.format == .qed else { return }
        // The tool fills in what it found by looking where nothing is declared.
        if image.backingFormat != nil || image.backingFile == nil {
            #expect(image.backingFormat == expected["backing-filename-format"] as? String, place)
        }
        guard image.format == .qcow2, let specific = expected["format-specific"] as? [String: Any],
            let data = specific["data"] as? [String: Any]
        else { return }
        #expect(image.version == (data["compat"] as? String == "0.10" ? 2 : 3), place)
        #expect(image.lazyRefcounts == (data["lazy-refcounts"] as? Bool ?? false), place)
        #expect(image.isCorrupt == (data["corrupt"] as? Bool ?? false), place)
        #expect(image.extendedL2 == (data["extended-l2"] as? Bool ?? false), place)
        #expect(image.compression == data["compression-type"] as? String, place)
        #expect(image.dataFile == data["data-file"] as? String, place)
        #expect(image.isDataFileRaw == (data["data-file-raw"] as? Bool ?? false), place)
        #expect(image.snapshots == (expected["snapshots"] as? [Any])?.count ?? 0, place)
        if let encrypt = data["encrypt"] as? [String: Any] {
            #expect(image.encryption?.rawValue == encrypt["format"] as? String, place)
        }
    }

    /// Preallocated images are known as such, others are not.
    @Test func preallocation() throws {
        try ImageCase.each(of: "qcow2") { item in
            guard item.name.hasPrefix("qcow2-prealloc"), let image = ImageFacts.read(path: item.path).value else {
                return
            }
            #expect(image.isPreallocated == !item.name.contains("prealloc-off"), Comment(rawValue: item.name))
        }
    }

    /// Chains, against `qemu-img info --backing-chain`.
    @Test(arguments: ["chains", "samples"]) func chains(_ kind: String) throws {
        try ImageCase.each(of: kind) { item in
            guard let expected = item.answer("infoChain") else { return }
            let format = item.answer("info")?.json?["format"] as? String
            let chain = ImageChain.read(path: item.path, declaredFormat: format, gate: .folders([item.folder]))
            #expect(chain.links.count <= ImageChain.deepest)
            guard let list = expected.list else {
                // Loops, missing files, formats that are not there, names that are no files.
                let top = chain.links.first?.image.value
                #expect(
                    chain.end != .base || top?.malformed != nil || Self.beyondTheHeader.contains(item.name)
                        || chain.links.contains { $0.image.value.map(isContradicted($0.declaredFormat)) ?? true },
                    "\(item.name): \(expected.words)")
                return
            }
            switch chain.end {
            case .base: #expect(chain.links.count == list.count, "\(item.name)")
            case .notLocal: #expect(chain.links.count < list.count, "\(item.name)")
            default: Issue.record("\(item.name): \(chain.end)")
            }
            for (link, expected) in zip(chain.links, list) {
                if link.declaredFormat != "raw" {
                    #expect(link.image.value?.format.rawValue == expected["format"] as? String, "\(item.name)")
                }
            }
        }
    }

    private func isContradicted(_ declared: String?) -> (ImageFacts) -> Bool {
        { image in declared != nil && declared != "raw" && declared != image.format.rawValue }
    }

    /// The class of a check, against `qemu-img check`: clean, leaks, corrupt.
    @Test(arguments: ["qcow2", "qcow2-broken", "qcow2-encrypted", "chains"]) func checks(_ kind: String) throws {
        var compared = 0
        try ImageCase.each(of: kind) { item in
            guard let expected = item.answer("check"), ImageFacts.read(path: item.path).value?.format == .qcow2 else {
                return
            }
            let check = ImageFacts.check(path: item.path)
            // 0 clean, 2 corruptions, 3 leaks only; else it could not check, or crashed.
            guard let result = check.value else {
                if [0, 2, 3].contains(expected.exit) {
                    let isStricter =
                        item.tags.contains("mutated") && ImageFacts.read(path: item.path).value?.malformed != nil
                    #expect(isStricter, "\(item.name): \(String(describing: check.reason)), expected \(expected.exit)")
                }
                return
            }
            guard [0, 2, 3].contains(expected.exit) else { return }
            compared += 1
            let exit = result.corruptions > 0 ? 2 : result.leaks > 0 ? 3 : 0
            #expect(exit == expected.exit, "\(item.name): \(result), \(expected.words.prefix(300))")
        }
        #expect(compared > 3)
    }
}
