import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// Images of formats that are read and not written, made here byte by byte: QEMU and we see the same in them.
@Suite struct ReadOnlyFormatTests {
    /// An image as it is made, and what it shows.
    struct Made: Sendable {
        var bytes: [UInt8]
        var content: [UInt8]
    }

    private static func big(_ value: Int, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * (width - 1 - $0))) }
    }

    private static func little(_ value: Int, _ width: Int) -> [UInt8] { big(value, width).reversed() }

    /// Random bytes, text and zeros in turn, a sector at least each.
    private static func content(_ sectors: Int, _ random: inout Seeded) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < sectors * 512 {
            let count = min(Int.random(in: 1...24, using: &random) * 512, sectors * 512 - bytes.count)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes += random.bytes(count)
            case 1: bytes += (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7) }
            default: bytes += [UInt8](repeating: 0, count: count)
            }
        }
        return bytes
    }

    private static func packed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(bytes).withUnsafeBytes { ZlibFrame.pack($0) }
    }

    static func cloop(_ random: inout Seeded) -> Made {
        let block = 512 * Int.random(in: 1...130, using: &random)
        let count = Int.random(in: 1...9, using: &random)
        let content = content(block / 512 * count, &random)
        let blocks = (0..<count).map { packed(content[$0 * block..<($0 + 1) * block]) }
        var head = CloopHeader.magic.withUTF8Buffer { Array($0) }
        head += [UInt8](repeating: 0, count: 128 - head.count) + big(block, 4) + big(count, 4)
        var place = head.count + 8 * (count + 1)
        for block in blocks {
            head += big(place, 8)
            place += block.count
        }
        return Made(bytes: head + big(place, 8) + blocks.flatMap(\.self), content: content)
    }

    static func bochs(_ random: inout Seeded) -> Made {
        let extent = 512 << Int.random(in: 0...8, using: &random)
        let bitmap = max(1, extent / 512 / 8)
        let count = Int.random(in: 1...12, using: &random)
        let sectors = Int.random(in: (count - 1) * (extent / 512)..<count * (extent / 512), using: &random) + 1
        let isOld = Bool.random(using: &random)
        var content = [UInt8](repeating: 0, count: sectors * 512)
        var catalog = [UInt8]()
        var extents: [UInt8] = []
        // In any order, some with no place, some with sectors that were never written.
        let order = (0..<count).shuffled(using: &random)
        for number in 0..<count {
            catalog += number % 3 == 2 ? [255, 255, 255, 255] : little(order[number], 4)
        }
        for place in 0..<count {
            guard let number = order.firstIndex(of: place) else { continue }
            var bits = [UInt8](repeating: 0, count: (bitmap + 511) / 512 * 512)
            let data = random.bytes(extent)
            for sector in 0..<extent / 512 where Bool.random(using: &random) {
                bits[sector / 8] |= 1 << UInt8(sector % 8)
                let start = number * extent + sector * 512
                guard number % 3 != 2, start < content.count else { continue }
                content.replaceSubrange(start..<start + 512, with: data[sector * 512..<(sector + 1) * 512])
            }
            extents += bits + data
        }
        func text(_ text: String, _ count: Int) -> [UInt8] {
            Array(text.utf8) + [UInt8](repeating: 0, count: count - text.utf8.count)
        }
        var head = text("Bochs Virtual HD Image", 32) + text("Redolog", 16) + text("Growing", 16)
        head += little(isOld ? 0x1_0000 : 0x2_0000, 4) + little(512, 4) + little(count, 4) + little(bitmap, 4)
        head += little(extent, 4) + (isOld ? [] : little(0, 4)) + little(sectors * 512, 8)
        head += [UInt8](repeating: 0, count: 512 - head.count)
        return Made(bytes: head + catalog + extents, content: content)
    }

    static func dmg(_ random: inout Seeded) -> Made {
        var (content, data, tables): ([UInt8], [UInt8], [[UInt8]]) = ([], [], [])
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let first = content.count / 512
            var (entries, sector): ([UInt8], Int) = ([], 0)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let count = Int.random(in: 1...200, using: &random)
                let kind = [0, 1, 2, 0x8000_0005].randomElement(using: &random) ?? 0
                let isEmpty = kind == 0 || kind == 2
                let part = isEmpty ? [UInt8](repeating: 0, count: count * 512) : Self.content(count, &random)
                let stored = isEmpty ? [] : kind == 1 ? part : packed(part[...])
                entries += big(kind, 4) + big(0, 4) + big(sector, 8) + big(count, 8)
                entries += big(data.count, 8) + big(stored.count, 8)
                data += stored
                content += part
                sector += count
                if Bool.random(using: &random) { entries += big(0x7FFF_FFFE, 4) + [UInt8](repeating: 0, count: 36) }
            }
            entries += big(0xFFFF_FFFF, 4) + big(0, 4) + big(sector, 8) + [UInt8](repeating: 0, count: 24)
            var table = Array("mish".utf8) + big(1, 4) + big(first, 8) + big(sector, 8) + big(0, 8)
            table += [UInt8](repeating: 0, count: 204 - table.count) + entries
            tables.append(table)
        }
        let isOld = Bool.random(using: &random)
        var list: [UInt8]
        if isOld {
            let resources = tables.flatMap { big($0.count, 4) + $0 }
            list = big(16, 4) + big(16 + resources.count, 4) + big(resources.count, 4) + big(0, 4) + resources
        } else {
            let texts = tables.map { "<data>\n\t" + Data($0).base64EncodedString(options: .lineLength76Characters) }
            list = Array(("<plist><array>" + texts.joined(separator: "\n</data>") + "</data></array></plist>").utf8)
        }
        let pad = [UInt8](repeating: 7, count: Int.random(in: 0..<3, using: &random) * 100)
        var trailer = Array("koly".utf8) + [UInt8](repeating: 0, count: 508)
        func put(_ value: Int, at place: Int) { trailer.replaceSubrange(place..<place + 8, with: big(value, 8)) }
        put(pad.count, at: 0x18)
        put(pad.count + data.count, at: isOld ? 0x28 : 0xD8)
        put(list.count, at: isOld ? 0x30 : 0xE0)
        put(content.count / 512, at: 0x1EC)
        return Made(bytes: pad + data + list + trailer, content: content)
    }

    static func made(_ format: ImageFacts.Format, _ random: inout Seeded) -> Made {
        switch format {
        case .cloop: cloop(&random)
        case .bochs: bochs(&random)
        default: dmg(&random)
        }
    }

    @Test(arguments: [ImageFacts.Format.cloop, .bochs, .dmg])
    func theyShowWhatIsInThem(_ format: ImageFacts.Format) throws {
        try inFolder { folder in
            var random = Seeded(17)
            for round in 0..<40 {
                let made = Self.made(format, &random)
                let path = "\(folder)/disk.\(format.rawValue)"
                try Data(made.bytes).write(to: URL(filePath: path))
                #expect(ImageFacts.read(path: path).value?.format == format)
                let image = try Image.open(path, Image.Options(format: nil, gate: .closed))
                #expect(image.format == format && image.size == UInt64(made.content.count))
                #expect(try image.info().isDirty == nil)
                #expect(isSame(try image.content(), made.content), "\(round)")
                for _ in 0..<20 {
                    let start = Int.random(in: 0..<made.content.count, using: &random)
                    let end = Int.random(in: start..<made.content.count, using: &random) + 1
                    var part = [UInt8](repeating: 9, count: end - start)
                    try part.withUnsafeMutableBytes { try image.read(into: $0, at: UInt64(start)) }
                    #expect(isSame(part, Array(made.content[start..<end])), "\(round): \(start)..<\(end)")
                }
                guard hasQemuImg else { continue }
                try Data(made.content).write(to: URL(filePath: folder + "/raw"))
                try tool("qemu-img", "compare", "-f", format.rawValue, "-F", "raw", path, folder + "/raw")
            }
        }
    }

    /// Bytes changed here and there, files cut off: what QEMU refuses is refused, and what both read is the same.
    @Test(arguments: [ImageFacts.Format.cloop, .bochs, .dmg])
    func damagedOnesAreRefused(_ format: ImageFacts.Format) throws {
        try inFolder { folder in
            var random = Seeded(19)
            var refused = 0
            for round in 0..<120 {
                var bytes = Self.made(format, &random).bytes
                let path = "\(folder)/disk.\(format.rawValue)"
                if round % 4 == 3 {
                    bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
                } else {
                    // Where the tables are.
                    let isAtEnd = format == .dmg && Bool.random(using: &random)
                    for _ in 0..<Int.random(in: 1...3, using: &random) {
                        let place = Int.random(in: 0..<min(bytes.count, 700), using: &random)
                        bytes[isAtEnd ? bytes.count - 1 - place : place] =
                            [0, 1, 127, 255].randomElement(using: &random) ?? 0
                    }
                }
                try Data(bytes).write(to: URL(filePath: path))
                var shown: [UInt8]?
                do {
                    let image = try Image.open(path, Image.Options(format: format, gate: .closed))
                    guard image.size < 64 << 20 else { continue }
                    shown = try image.content()
                } catch let error as ImageError {
                    refused += 1
                    #expect(!error.what.isEmpty && !error.what.contains("\n"))
                }
                guard let shown, hasQemuImg else { continue }
                try Data(shown).write(to: URL(filePath: folder + "/raw"))
                try tool("qemu-img", "compare", "-f", format.rawValue, "-F", "raw", path, folder + "/raw")
            }
            #expect(refused > 5)
        }
    }

    /// Kinds of chunks that are not read have a name in the refusal; all else of the image is read.
    @Test func chunksOfOtherKindsAreNamed() throws {
        try inFolder { folder in
            let kind = Self.big(0x8000_0006, 4)
            var table = Array("mish".utf8) + [UInt8](repeating: 0, count: 200)
            table += kind + Self.big(0, 4) + Self.big(0, 8) + Self.big(8, 8) + Self.big(0, 8) + Self.big(10, 8)
            table += Self.big(0, 4) + Self.big(0, 4) + Self.big(8, 8) + Self.big(8, 8) + Self.big(0, 8) + Self.big(0, 8)
            let list = Array("<data>\(Data(table).base64EncodedString())</data>".utf8)
            var trailer = Array("koly".utf8) + [UInt8](repeating: 0, count: 508)
            trailer.replaceSubrange(0xE0..<0xE8, with: Self.big(list.count, 8))
            trailer.replaceSubrange(0x1EC..<0x1F4, with: Self.big(16, 8))
            let path = folder + "/a.dmg"
            try Data(list + trailer).write(to: URL(filePath: path))
            let image = try Image.open(path, Image.Options(format: .dmg, gate: .closed))
            var sector = [UInt8](repeating: 1, count: 512)
            try sector.withUnsafeMutableBytes { try image.read(into: $0, at: 4096) }
            #expect(sector.allSatisfy { $0 == 0 })
            do {
                try sector.withUnsafeMutableBytes { try image.read(into: $0, at: 0) }
                Issue.record("it was read")
            } catch let error as ImageError {
                #expect(error.kind == .unsupported && error.what.contains("bzip2"))
            }
        }
    }
}
