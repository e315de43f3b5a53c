import Foundation
import Testing
import ToolRunning

/// `nearmetal image` beside qemu-img, on images and with commands that nobody thought of: the same answers, the same images.
@Suite(.enabled(if: QemuImg.path != nil, "qemu-img is not installed"), .timeLimit(.minutes(20)))
struct RandomImageTests {
    /// How many of each: a fifth of NEARMETAL_STEPS.
    private static let rounds =
        (ProcessInfo.processInfo.environment["NEARMETAL_STEPS"].flatMap { Int($0) } ?? 75) / 5

    private func run(_ program: String, _ words: [String], in folder: String) async throws -> Run {
        try await RunningProgram(program, words, folder: folder).end(within: 120)
    }

    private func content(_ name: String, in folder: String) -> Data? {
        FileManager.default.contents(atPath: "\(folder)/\(name)")
    }

    /// An image that QEMU made and wrote to; what it is.
    private func make(in folder: String, _ choice: inout RandomImages) async throws -> (format: String, story: String)?
    {
        let format = choice.one(of: [
            "qcow2", "qcow2", "qcow2", "qcow2", "raw", "qed", "vmdk", "vdi", "vpc", "vhdx", "parallels", "qcow",
        ])
        let size = choice.one(of: [512, 1536, 65_536, 1 << 20, 1 << 20 + 512, 3 << 20, 7 << 20, 10 << 20])
        let options = choice.options(format, isWild: false)
        var words = ["create", "-q", "-f", format] + options
        let isPlain = options.allSatisfy { !$0.contains("data_file_raw") && !$0.contains("preallocation") }
        if ["qcow2", "qed"].contains(format), isPlain, choice.isSo(40) {
            let kind = choice.one(of: ["qcow2", "raw"])
            let below = choice.one(of: [size, size / 2 / 512 * 512, size + 65_536])
            _ = try await QemuImg.run(["create", "-q", "-f", kind, "base", "\(below)"], in: folder)
            if below >= 65_536 {
                _ = try await run("/usr/bin/qemu-io", ["-f", kind, "-c", "write -P 5 0 64k", "base"], in: folder)
            }
            words += ["-b", "base", "-F", kind]
        }
        words += ["img", "\(size)"]
        guard try await QemuImg.run(words, in: folder).status == 0 else { return nil }
        let deeds = options.contains { $0.contains("streamOptimized") } ? [] : choice.deeds(format, size: size)
        if !deeds.isEmpty { _ = try await run("/usr/bin/qemu-io", ["-f", format] + deeds + ["img"], in: folder) }
        if format == "qcow2", options.allSatisfy({ !$0.contains("data_file") }) {
            for extra in [
                ["snapshot", "-c", "s 1", "img"], ["bitmap", "--add", "img", "b0"], ["resize", "-q", "img", "+1M"],
            ]
            where choice.isSo(30) {
                _ = try await QemuImg.run(extra, in: folder)
            }
        }
        return (format, "\(words) \(deeds)")
    }

    /// Of whatever QEMU makes the same is told, and shown.
    @Test func whatQEMUMakesIsReadAlike() async throws {
        var choice = RandomImages(41)
        for round in 0..<Self.rounds {
            try await inTemporaryFolder(isRoomy: true) { folder in
                let ours = "\(folder)/qemu-img"
                try FileManager.default.createSymbolicLink(atPath: ours, withDestinationPath: Nearmetal.path)
                guard let (format, story) = try await make(in: folder, &choice) else { return }
                for words in [
                    ["info", "img"], ["info", "--output=json", "img"], ["info", "--backing-chain", "img"],
                    ["check", "img"], ["check", "--output=json", "img"], ["map", "img"],
                    ["map", "--output=json", "img"],
                    ["map", "-s", "64k", "-l", "1M", "img"], ["measure", "-O", "qcow2", "img"],
                    ["measure", "--output=json", "-O", "raw", "img"],
                    ["measure", "-O", "qcow2", "-o", "cluster_size=4k", "img"], ["snapshot", "-l", "img"],
                    ["info", "-f", "raw", "img"], ["map", "-f", "raw", "--output=json", "img"],
                    ["compare", "-s", "img", "img"], ["amend", "-o", "help", "-f", format],
                ] {
                    let (mine, other) = (
                        try await run(ours, words, in: folder), try await QemuImg.run(words, in: folder)
                    )
                    #expect(mine.status == other.status, "\(round): \(story): \(words): \(mine.errors)\(other.errors)")
                    #expect(mine.text == other.text, "\(round): \(story): \(words)")
                }
                let words = ["convert", "-f", format, "-O", "raw", "img"]
                let mine = try await run(ours, words + ["ours"], in: folder)
                let other = try await QemuImg.run(words + ["theirs"], in: folder)
                #expect(mine.status == other.status, "\(round): \(story): \(mine.errors)\(other.errors)")
                let isSame = content("ours", in: folder) == content("theirs", in: folder)
                #expect(isSame, "\(round): \(story) shows something else")
            }
        }
    }

    /// What is so by chance, or is the writer's own affair: room on the disk, times, content ids.
    private static func told(_ run: Run) -> String {
        run.text.replacing(/"actual-size": \d+,?/, with: "").replacing(/disk size: .*/, with: "")
            .replacing(/"date-n?sec": \d+,?/, with: "").replacing(/20\d\d-\d\d-\d\d \d\d:\d\d:\d\d/, with: "")
            .replacing(/"(parent-)?cid": \d+/, with: "").replacing(/cid: \d+/, with: "")
    }

    /// Whether two runs ended alike and told the same; it is an issue where they did not.
    private func agree(_ one: Run, _ two: Run, _ story: String) -> Bool {
        let (isSameEnd, isSameText) = (one.status == two.status, Self.told(one) == Self.told(two))
        #expect(isSameEnd, "\(story): \(one.status)/\(two.status) \(one.errors)\(two.errors)")
        #expect(isSameText, "\(story): \(one.text)\(two.text)")
        return isSameEnd && isSameText
    }

    /// The same commands in two folders, by ours and by qemu-img: what QEMU then finds in them is the same.
    @Test func commandsDoTheSame() async throws {
        var choice = RandomImages(43)
        for round in 0..<Self.rounds {
            try await inTemporaryFolder(isRoomy: true) { folder in
                let (mine, other) = (folder + "/a", folder + "/b")
                for name in ["/a", "/b", "/bin"] {
                    try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
                }
                let ours = folder + "/bin/qemu-img"
                try FileManager.default.createSymbolicLink(atPath: ours, withDestinationPath: Nearmetal.path)
                var images: [String: String] = [:]
                var story: [[String]] = []
                for _ in 0..<8 {
                    let names = images.keys.sorted()
                    if !names.isEmpty, choice.isSo(25) {
                        let name = choice.one(of: names)
                        let deeds = choice.deeds("raw", size: 1 << 20)
                        for place in [mine, other] where !deeds.isEmpty {
                            let words = ["-f", images[name] ?? "raw"] + deeds + [name]
                            _ = try await run("/usr/bin/qemu-io", words, in: place)
                        }
                        story.append([name] + deeds)
                        continue
                    }
                    let (words, made) = choice.command(images)
                    story.append(words)
                    let (one, two) = (try await run(ours, words, in: mine), try await QemuImg.run(words, in: other))
                    guard agree(one, two, "\(round): \(story)") else { return }
                    if let made, two.status == 0 { images[made.name] = made.format }
                    guard try await isSame(images, mine, other, "\(round): \(story)") else { return }
                }
            }
        }
    }

    /// Whether QEMU finds the same in two folders.
    private func isSame(
        _ images: [String: String], _ mine: String, _ other: String, _ story: String
    ) async throws -> Bool {
        for (name, format) in images.sorted(by: { $0.key < $1.key }) {
            for words in [["info", "-f", format, "--output=json", name], ["snapshot", "-l", name]] {
                let (one, two) = (try await QemuImg.run(words, in: mine), try await QemuImg.run(words, in: other))
                guard agree(one, two, "\(story): \(words)") else { return false }
            }
            let check = ["check", "-q", "-f", format, name]
            let statuses = (
                try await QemuImg.run(check, in: mine).status, try await QemuImg.run(check, in: other).status
            )
            #expect(statuses.0 == statuses.1, "\(story): \(check)")
            var shown: [Data?] = []
            for place in [mine, other] {
                _ = try await QemuImg.run(["convert", "-f", format, "-O", "raw", name, ".shown"], in: place)
                shown.append(content(".shown", in: place))
                try? FileManager.default.removeItem(atPath: place + "/.shown")
            }
            let isAlike = shown[0] == shown[1]
            #expect(isAlike, "\(story): \(name) shows something else")
            guard isAlike, statuses.0 == statuses.1 else { return false }
        }
        return true
    }
}
