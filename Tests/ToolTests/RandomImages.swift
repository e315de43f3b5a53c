import Foundation
import ImageModels
import ToolRunning

/// Lines for qemu-img and qemu-io that nobody thought of.
struct RandomImages {
    var random: Seeded

    init(_ seed: UInt64) { random = Seeded(seed) }

    mutating func one<Value>(of values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }

    mutating func isSo(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    /// Options of a format, as `-o` has them; wrong ones among them where `isWild`.
    mutating func options(_ format: String, isWild: Bool) -> [String] {
        var options: [String] = []
        func add(_ option: String) { options.append(option) }
        switch format {
        case "qcow2":
            let level = one(of: ["0.10", "1.1", "1.1", "v3"])
            add("compat=\(level)")
            let isNew = level != "0.10" || isWild
            let sizes = ["512", "1k", "4k", "16k", "64k", "2M"] + (isWild ? ["3000", "256", "4M"] : [])
            let size = one(of: sizes)
            if isSo(70) { add("cluster_size=\(size)") }
            guard isNew else { break }
            if isSo(30) { add("refcount_bits=\(one(of: [1, 2, 4, 8, 16, 32, 64] + (isWild ? [3, 128] : [])))") }
            if isSo(25), isWild || ["16k", "64k", "2M"].contains(size) { add("extended_l2=on") }
            if isSo(20) { add("compression_type=\(one(of: ["zstd", "zlib"] + (isWild ? ["lz4"] : [])))") }
            let hasData = isSo(15)
            if hasData { add("data_file=data\(Int.random(in: 0..<9, using: &random))") }
            if isSo(hasData ? 40 : isWild ? 5 : 0) { add("data_file_raw=on") }
            if isSo(25), isWild || !hasData {
                add("lazy_refcounts=\(one(of: ["on", "off"] + (isWild ? ["maybe"] : [])))")
            }
            if isSo(15) { add("preallocation=\(one(of: ["metadata", "falloc", "full", "off"]))") }
        case "qed":
            if isSo(50) { add("cluster_size=\(one(of: ["4096", "64k", "1M"] + (isWild ? ["3000", "64M"] : [])))") }
            if isSo(40) { add("table_size=\(one(of: [2, 4, 16] + (isWild ? [3] : [])))") }
        case "vmdk":
            let kinds = [
                "monolithicSparse", "streamOptimized", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "monolithicFlat",
            ]
            add("subformat=\(one(of: kinds))")
            if isSo(20) { add("adapter_type=\(one(of: ["ide", "lsilogic", "buslogic"]))") }
        case "vpc": add("subformat=\(one(of: ["dynamic", "fixed"]))")
        case "vdi": add("static=\(one(of: ["on", "off"]))")
        default: break
        }
        return options.isEmpty ? [] : ["-o", options.joined(separator: ",")]
    }

    /// What a guest does, for qemu-io.
    mutating func deeds(_ format: String, size: Int) -> [String] {
        guard size >= 65_536 else { return [] }
        return (0..<Int.random(in: 0..<6, using: &random)).flatMap { _ -> [String] in
            let kinds =
                format == "qcow2"
                ? ["write -P 7", "write -z", "write -z -u", "discard", "write -c -P 9"] : ["write -P 7", "write -z"]
            let kind = one(of: kinds)
            var place = Int.random(in: 0..<size / 512, using: &random) * 512
            var count = min(size - place, one(of: [512, 4096, 65_536, 199_680, 1 << 20]))
            // What is packed begins with a cluster, of whatever size.
            if kind.hasPrefix("write -c") {
                place = place / (2 << 20) * (2 << 20)
                count = min(size - place, 2 << 20)
            }
            return ["-c", "\(kind) \(place) \(count)"]
        }
    }

    /// A command that changes something, or tells of it, and the image that it makes, if any.
    mutating func command(_ images: [String: String]) -> (words: [String], made: (name: String, format: String)?) {
        let names = images.keys.sorted()
        let new = "i\(Int.random(in: 0..<4, using: &random))"
        let isFree = images[new] == nil
        let size = one(of: ["64k", "1M", "1025k", "3M", "5243392", "10M", "7340033", "100M", "4095", "1.5M"])
        guard let old = names.isEmpty ? nil : one(of: names), let format = images[old], isSo(80) else {
            let format = one(of: ["qcow2", "qcow2", "qcow2", "raw", "qed", "vmdk"])
            guard isFree else { return (["info", new], nil) }
            var words = ["create", "-f", format] + options(format, isWild: true)
            if !names.isEmpty, isSo(40) {
                let base = one(of: names)
                words += ["-b", base] + (isSo(90) ? ["-F", images[base] ?? "raw"] : [])
            }
            return (words + [new] + (isSo(85) ? [size] : []), (new, format))
        }
        let snapshot = one(of: ["s1", "s2", "s 3"])
        let other = one(of: names)
        let target = one(of: ["qcow2", "qcow2", "raw", "qed", "vmdk"])
        switch Int.random(in: 0..<12, using: &random) {
        case 0...2 where isFree:
            var words = ["convert", "-f", format, "-O", target] + (isSo(20) ? ["-c"] : [])
            words += options(target, isWild: true)
            words += isSo(20) ? ["-S", one(of: ["0", "4k", "64k", "1k", "4M"])] : []
            words += isSo(20) ? ["-W"] : []
            return (words + [old] + (isSo(10) ? [other] : []) + [new], (new, target))
        case 3:
            let to = one(of: ["+1M", "-512k", "2M", "+512", "1000000", "0", "+0"])
            return (["resize", "-f", format] + (isSo(50) ? ["--shrink"] : []) + ["--", old, to], nil)
        case 4, 5: return (["snapshot", one(of: ["-c", "-c", "-a", "-d"]), snapshot, old], nil)
        case 6: return (["commit", "-f", format] + (isSo(30) ? ["-d"] : []) + [old], nil)
        case 7 where other != old:
            let base = isSo(20) ? ["-b", ""] : ["-b", other, "-F", images[other] ?? "raw"]
            return (["rebase", "-f", format] + base + [old], nil)
        case 8:
            let grain = isSo(40) ? ["-g", one(of: ["64k", "512", "1M", "3k", "256"])] : []
            let deed = one(of: ["--add", "--add", "--remove", "--clear", "--enable", "--disable"])
            return (
                ["bitmap", deed] + (deed == "--add" ? grain : []) + ["-f", format, old, one(of: ["b0", "b1"])], nil
            )
        case 9:
            let change = one(of: [
                "compat=0.10", "compat=1.1", "lazy_refcounts=on", "lazy_refcounts=off", "refcount_bits=8",
                "refcount_bits=1", "size=4M", "data_file_raw=off", "data_file_raw=on", "cluster_size=4k", "nosuch=1",
            ])
            return (["amend", "-f", format, "-o", change, old], nil)
        case 10 where isFree:
            let block = one(of: ["512", "64k", "1000", "1M"])
            var words = ["dd", "-f", format, "-O", one(of: ["raw", "qcow2"]), "bs=\(block)"]
            if isSo(50) { words.append("count=\(Int.random(in: 1..<40, using: &random))") }
            if isSo(40) { words.append("skip=\(Int.random(in: 0..<30, using: &random))") }
            return (words + ["if=\(old)", "of=\(new)"], (new, words[4]))
        case 11:
            let wanted = one(of: ["qcow2", "raw", "luks", "qed"])
            // QEMU knows the newer word for a version everywhere but here, where it does not look at the compression.
            let options = options(wanted, isWild: true).map {
                $0.replacing("compat=v3", with: "compat=1.1").replacing("=lz4", with: "=zlib")
            }
            return (["measure", "-f", format, "-O", wanted] + options + [old], nil)
        default: return (["compare", "-f", format, "-F", images[other] ?? "raw", old, other], nil)
        }
    }
}
