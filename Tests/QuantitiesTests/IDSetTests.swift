import Quantities
import Testing
import ToolRunning

@Suite struct IDSetTests {
    /// What `virsh define` (libvirt 9.0, without schema validation) makes of a `cpuset`; nil: refused.
    @Test(
        arguments: [
            ("1-4,^3", "1-2,4"), ("^3,1-4", "1-4"), ("1,", "1"), (" 1 , 2 ", "1-2"), ("1 - 3", "1-3"), ("1- 3", "1-3"),
            ("1\t,2", "1-2"),
            ("007", "7"), ("5000", "5000"), ("16383", "16383"), ("3,1,2,2", "1-3"), ("0-1,4-5,^4", "0-1,5"),
            ("0-127,^64-", nil),
            ("^3", nil), ("1,,2", nil), (",1", nil), ("3-1", nil), ("1 2", nil), ("^ 3,1", nil), ("1-4,^ 3", nil),
            ("1-4,^2-3", nil),
            ("1-3:1/2", nil), ("", nil), (" ", nil), ("0x1", nil), ("1-4,^1,^2,^3,^4", nil), ("16384", nil),
            ("1-99999", nil), ("4294967296", nil),
            ("18446744073709551616", nil), ("1;2", nil), ("all", nil), ("-1", nil), ("1-", nil), ("1-2-3", nil),
            ("１", nil),
        ] as [(String, String?)])
    func libvirtSyntax(list: String, expected: String?) {
        #expect(CPUSet(libvirt: list)?.description == expected)
    }

    @Test(
        arguments: [
            ("0-3,8\n", "0-3,8"), ("", ""), ("\n", ""), ("0-31:2/8", "0-1,8-9,16-17,24-25"), ("0-6:3/4", "0-2,4-6"),
            ("0-7:0/4", ""),
            ("0-7:4/4", "0-7"), ("65535", "65535"), ("65536", nil), ("0-4294967295", nil), ("1-4:3/2", nil),
            ("1-4:1/0", nil), ("0,2,4-5", "0,2,4-5"),
        ] as [(String, String?)])
    func kernelSyntax(list: String, expected: String?) {
        #expect(CPUSet(list: list)?.description == expected)
    }

    @Test(
        arguments: [
            ("ff", "0-7"), ("00000000,0000ffff\n", "0-15"), ("1,00000000,00000000", "64"), ("0", ""), ("F0", "4-7"),
            ("80000000,00000001", "0,63"),
            ("", nil), ("\n", nil), ("0x1", nil), ("g", nil), ("-1", nil),
        ] as [(String, String?)])
    func kernelMasks(mask: String, expected: String?) {
        #expect(CPUSet(mask: mask)?.description == expected)
    }

    @Test func hostileLists() {
        #expect(CPUSet(list: String(repeating: "0-65535,", count: 60_000))?.count == 65_536)
        #expect(CPUSet(list: String(repeating: "0-65535,", count: 100_000)) == nil, "too long")
        #expect(CPUSet(mask: String(repeating: "0", count: 1 << 20)) == nil)
        #expect(CPUSet(mask: String(repeating: "f", count: 16_384))?.count == 65_536)
    }

    /// Reading what was printed gives the same set, for sets of all shapes.
    @Test func printingAndReadingAreInverse() {
        var random = SeededGenerator(named: "IDSetTests.printingAndReadingAreInverse")
        for _ in 0..<2_000 {
            let limit = [8, 64, 65, 300, 16_384].randomElement(using: &random) ?? 8
            let count = Int.random(in: 1...min(limit, 80), using: &random)
            var numbers: [Int] = []
            while numbers.count < count {
                let start = Int.random(in: 0..<limit, using: &random)
                numbers += start...min(limit - 1, start + Int.random(in: 0..<5, using: &random))
            }
            let set = CPUSet(numbers)
            #expect(CPUSet(list: set.description) == set)
            #expect(CPUSet(libvirt: set.description) == set)
            #expect(set.members == Set(numbers).sorted())
            #expect(CPUSet(mask: mask(of: set)) == set)
        }
    }

    /// The mask as the kernel writes it: words of 32 bits, highest first.
    private func mask(of set: CPUSet) -> String {
        let words = (set.members.last ?? 0) / 32 + 1
        return (0..<words).reversed().map { word in
            let value = (0..<32).reduce(UInt32(0)) { set.contains(word * 32 + $1) ? $0 | 1 << UInt32($1) : $0 }
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined(separator: ",")
    }

    @Test func setsCombine() {
        var random = SeededGenerator(named: "IDSetTests.setsCombine")
        for _ in 0..<500 {
            let one = Set((0..<20).map { _ in Int.random(in: 0..<40, using: &random) })
            let other = Set((0..<20).map { _ in Int.random(in: 0..<40, using: &random) })
            #expect(CPUSet(one).union(CPUSet(other)).members == one.union(other).sorted())
            #expect(CPUSet(one).intersection(CPUSet(other)).members == one.intersection(other).sorted())
            #expect(CPUSet(one).subtracting(CPUSet(other)).members == one.subtracting(other).sorted())
            #expect(CPUSet(one).isSubset(of: CPUSet(other)) == one.isSubset(of: other))
            #expect(CPUSet(one).isDisjoint(with: CPUSet(other)) == one.isDisjoint(with: other))
        }
    }
}
