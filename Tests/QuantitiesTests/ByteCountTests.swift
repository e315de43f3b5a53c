import Quantities
import Testing

@Suite struct ByteCountTests {
    /// Guide §4.1.5 and libvirt's virScaleInteger.
    @Test(
        arguments: [
            ("b", 1), ("bytes", 1), ("byte", 1), ("B", 1), ("KB", 1_000), ("kb", 1_000), ("k", 1_024), ("K", 1_024),
            ("KiB", 1_024), ("kib", 1_024),
            ("KIB", 1_024), ("MB", 1_000_000), ("M", 1 << 20), ("MiB", 1 << 20), ("mIb", 1 << 20),
            ("GB", 1_000_000_000), ("g", 1 << 30),
            ("GiB", 1 << 30), ("TB", 1_000_000_000_000), ("T", 1 << 40), ("TiB", 1 << 40),
            ("PB", 1_000_000_000_000_000), ("PiB", 1 << 50),
            ("EB", 1_000_000_000_000_000_000), ("E", 1 << 60), ("EiB", 1 << 60),
        ] as [(String, UInt64)])
    func units(unit: String, bytes: UInt64) {
        #expect(ByteCount(1, unit: unit)?.rawValue == bytes)
        #expect(ByteCount(3, unit: unit)?.rawValue == 3 * bytes)
        #expect(ByteCount(0, unit: unit) == .zero)
    }

    @Test(arguments: [
        "", "ki", "KiBs", "kbit", "bits", "Mo", "Z", "ZiB", " MiB", "MiB ", "iB", "\u{212A}", "\u{212A}iB", "bb", "xb",
    ])
    func unknownUnits(unit: String) {
        #expect(ByteCount(1, unit: unit) == nil)
    }

    @Test func whatDoesNotFit() {
        #expect(ByteCount(16, unit: "EiB") == nil)
        #expect(ByteCount(15, unit: "EiB")?.rawValue == 15 << 60)
        #expect(ByteCount(.max, unit: "b")?.rawValue == .max)
        #expect(ByteCount(.max, unit: "k") == nil)
        #expect(ByteCount(kibibytes: .max).rawValue == .max)
        #expect(ByteCount(mebibytes: .max).rawValue == .max)
        #expect(ByteCount(gibibytes: .max).rawValue == .max)
        #expect((ByteCount(bytes: .max) + ByteCount(bytes: 1)).rawValue == .max)
        #expect((ByteCount(bytes: 1) - ByteCount(bytes: 2)).rawValue == 0)
        #expect((ByteCount(bytes: 1 << 40) * (1 << 40)).rawValue == .max)
        var sum = ByteCount(bytes: .max)
        sum += ByteCount(bytes: .max)
        #expect(sum.rawValue == .max)
    }

    @Test func countsOfUnits() {
        let page = ByteCount(mebibytes: 2)
        #expect(ByteCount(bytes: 0).count(of: page) == 0)
        #expect(ByteCount(bytes: 1).count(of: page) == 1)
        #expect(ByteCount(mebibytes: 2).count(of: page) == 1)
        #expect(ByteCount(bytes: (2 << 20) + 1).count(of: page) == 2)
        #expect(ByteCount(bytes: .max).count(of: page) == 1 << 43)
        #expect(ByteCount(bytes: 5).count(of: .zero) == 0)
    }

    @Test(
        arguments: [
            (0, "0 B"), (17, "17 B"), (1_023, "1023 B"), (1_024, "1 KiB"), (1_536, "1.5 KiB"), (4_194_304, "4 MiB"),
            (1 << 30, "1 GiB"),
            (3 << 29, "1.5 GiB"), ((1 << 30) + 1, "1 GiB"), ((2 << 30) - 1, "2 GiB"), (.max, "16 EiB"),
            (1 << 60, "1 EiB"),
            ((1 << 40) + (1 << 39), "1.5 TiB"),
        ] as [(UInt64, String)])
    func description(bytes: UInt64, text: String) {
        #expect(ByteCount(bytes: bytes).description == text)
    }
}
