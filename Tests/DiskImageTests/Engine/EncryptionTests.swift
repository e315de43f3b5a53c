import Foundation
import ImageModels
import Testing

@testable import DiskImage

/// Encrypted images, written here and read by QEMU, and the other way round.
@Suite(.enabled(if: hasQemuImg && CryptoLibrary.shared != nil, "qemu-img or libcrypto are not installed"))
struct EncryptionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var format: ImageFacts.Format
        var luks = LuksOptions()
        var qcow2 = Qcow2Options()
        var testDescription: String { "\(format.rawValue) \(luks.bits) \(luks.modeName) \(luks.hash)" }

        init(_ format: ImageFacts.Format, _ bits: Int, _ mode: String, _ generator: String, _ hash: String = "sha256") {
            self.format = format
            luks.bits = bits
            luks.mode = mode
            luks.generator = generator
            luks.hash = hash
            luks.iterationTime = 20
            qcow2.isEncrypted = true
        }

        /// As QEMU's options have it.
        var words: String {
            let prefix = format == .luks ? "" : "encrypt."
            var words = format == .luks ? "" : "encrypt.format=luks,cluster_size=4k,"
            words += "\(prefix)key-secret=s,\(prefix)iter-time=20,\(prefix)cipher-alg=aes-\(luks.bits),"
            words +=
                "\(prefix)cipher-mode=\(luks.mode),\(prefix)ivgen-alg=\(luks.generator),\(prefix)hash-alg=\(luks.hash)"
            if luks.generator == "essiv" { words += ",\(prefix)ivgen-hash-alg=sha256" }
            return words
        }
        func options(_ path: String) -> String {
            "driver=\(format.rawValue),\(format == .luks ? "" : "encrypt.")key-secret=s,file.driver=file,file.filename=\(path)"
        }
    }

    static let cases: [Case] = [
        Case(.luks, 256, "xts", "plain64"), Case(.luks, 128, "cbc", "essiv"),
        Case(.luks, 256, "cbc", "plain64", "sha1"),
        Case(.qcow2, 256, "xts", "plain64"), Case(.qcow2, 128, "xts", "plain", "sha512"),
        Case(.qcow2, 256, "cbc", "essiv"),
    ]

    private static let secret = Array("correct horse".utf8)
    private static let object = "secret,id=s,data=correct horse"

    private func open(_ test: Case, _ path: String, isWritable: Bool = false) throws -> Image {
        var options = Image.Options(format: test.format, gate: .closed)
        options.isWritable = isWritable
        options.secret = Self.secret
        return try Image.open(path, options)
    }

    @Test(arguments: cases) func writtenInTurn(_ test: Case) throws {
        try inFolder { folder in
            let size = (1 << 20) + 512
            for isOurs in [true, false] {
                var random = Seeded(31)
                let path = folder + "/disk-\(isOurs)"
                if isOurs {
                    var creation = Image.Creation(test.format, size: UInt64(size))
                    creation.luks = test.luks
                    creation.qcow2 = test.qcow2
                    creation.secret = Self.secret
                    try Image.create(path, creation).close()
                } else {
                    // It measures how fast it is, and gives up where the machine is busy.
                    for attempt in 1...20 {
                        do {
                            try tool(
                                "qemu-img", "create", "-q", "--object", Self.object, "-f", test.format.rawValue, "-o",
                                test.words, path, "\(size)")
                            break
                        } catch {
                            if attempt == 20 { throw error }
                            usleep(500_000)
                        }
                    }
                }
                let start = try open(test, path, isWritable: true)
                var model = [UInt8](repeating: 0, count: size)
                if test.format == .luks { try Deed.write(0, model).perform(on: start) }
                try start.close()
                for step in 0..<24 {
                    let deed = Deed.random(size, cluster: 4096, &random)
                    if case .discard = deed { continue }
                    if Bool.random(using: &random), let command = deed.command {
                        try tool(
                            "qemu-io", "--object", Self.object, "--image-opts", "-c", command, test.options(path))
                        if case .write(let start, let bytes) = deed {
                            Deed.write(start, [UInt8](repeating: bytes[0], count: bytes.count)).apply(to: &model)
                        } else {
                            deed.apply(to: &model)
                        }
                    } else {
                        let image = try open(test, path, isWritable: true)
                        try deed.perform(on: image)
                        try image.close()
                        deed.apply(to: &model)
                    }
                    let isSame = ImageModels.isSame(try open(test, path).content(), model)
                    #expect(isSame, "step \(step), ours \(isOurs), after \(deed.range)")
                    if !isSame { return }
                }
                try tool(
                    "qemu-img", "convert", "--object", Self.object, "--image-opts", "-O", "raw", test.options(path),
                    folder + "/out.raw")
                #expect(isSame(try Array(Data(contentsOf: URL(filePath: folder + "/out.raw"))), model))
                if test.format == .qcow2 {
                    try tool("qemu-img", "check", "-q", "--object", Self.object, "--image-opts", test.options(path))
                }
                // What is on disk is not what was written.
                let raw = try Data(contentsOf: URL(filePath: path))
                #expect(raw.range(of: Data(model[..<512])) == nil || model[..<512].allSatisfy { $0 == 0 })
            }
        }
    }

    /// Passphrases come and go, and the data stay; the last one stays, too.
    @Test(.enabled(if: hasQemuImg, "qemu-img is not installed"), arguments: [cases[0], cases[3]])
    func passphrasesComeAndGo(_ test: Case) throws {
        try inFolder { folder in
            let path = folder + "/disk"
            var creation = Image.Creation(test.format, size: 1 << 20)
            creation.luks = test.luks
            creation.qcow2 = test.qcow2
            creation.secret = Self.secret
            let new = try Image.create(path, creation)
            try [UInt8](repeating: 9, count: 4096).withUnsafeBytes { try new.write($0, at: 0) }
            try new.close()

            func amend(_ change: LuksAmendment, with secret: [UInt8]? = Self.secret) throws {
                var options = Image.Options(format: test.format, gate: .closed)
                options.isWritable = true
                options.secret = secret
                let image = try Image.open(path, options)
                defer { try? image.close() }
                try image.amend(change, secret: secret)
            }
            func opens(_ secret: String) throws -> Bool {
                let object = "secret,id=s,data=\(secret)"
                return
                    (try? tool(
                        "qemu-io", "--object", object, "--image-opts", "-r", "-c", "read -P 9 0 4096",
                        test.options(path))) != nil
            }
            var adding = LuksAmendment(.active)
            adding.newSecret = Array("second".utf8)
            adding.iterationTime = 10
            try amend(adding)
            #expect(try opens("second") && opens("correct horse"))

            adding.slot = 1
            #expect(throws: ImageError.self) { try amend(adding) }
            #expect(throws: ImageError.self) { try amend(adding, with: nil) }

            var erasing = LuksAmendment(.inactive)
            #expect(throws: ImageError.self) { try amend(erasing) }
            erasing.oldSecret = Array("third".utf8)
            #expect(throws: ImageError.self) { try amend(erasing) }
            erasing.oldSecret = Self.secret
            try amend(erasing)
            #expect(try opens("second") && !opens("correct horse"))

            // The last one, by its passphrase and by its number.
            erasing.oldSecret = Array("second".utf8)
            #expect(throws: ImageError.self) { try amend(erasing, with: nil) }
            erasing.oldSecret = nil
            erasing.slot = 1
            #expect(throws: ImageError.self) { try amend(erasing, with: nil) }
            #expect(try opens("second"))
            erasing.isForced = true
            try amend(erasing, with: nil)
            #expect(try !opens("second"))
        }
    }

    /// Clusters that have their places and were never written read as zeros.
    @Test(.enabled(if: hasQemuImg, "qemu-img is not installed"), arguments: [Image.Preallocation.metadata, .full])
    func placesThatWereNotWrittenAreZeros(_ kind: Image.Preallocation) throws {
        try inFolder { folder in
            let path = folder + "/disk"
            var creation = Image.Creation(.qcow2, size: 1 << 20)
            creation.qcow2.isEncrypted = true
            creation.luks.iterationTime = 5
            creation.secret = Self.secret
            creation.preallocation = kind
            try Image.create(path, creation).close()
            #expect(try open(Self.cases[3], path).content().allSatisfy { $0 == 0 })
            let options = Self.cases[3].options(path)
            try tool("qemu-img", "check", "-q", "--object", Self.object, "--image-opts", options)
            try tool(
                "qemu-img", "convert", "--object", Self.object, "--image-opts", "-O", "raw", options, folder + "/raw")
            #expect(FileManager.default.contents(atPath: folder + "/raw")?.allSatisfy { $0 == 0 } == true)
            let length = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            try tool("qemu-io", "--object", Self.object, "--image-opts", "-c", "write -P 3 0 1M", options)
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int == length)
        }
    }

    @Test func withoutTheSecretNothingIsRead() throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            var creation = Image.Creation(.qcow2, size: 1 << 20)
            creation.qcow2.isEncrypted = true
            creation.luks.iterationTime = 5
            creation.secret = Self.secret
            let image = try Image.create(path, creation)
            try [UInt8](repeating: 9, count: 4096).withUnsafeBytes { try image.write($0, at: 0) }
            try image.close()
            let locked = try Image.open(path, Image.Options(format: .qcow2, gate: .closed))
            #expect(try locked.info().isEncrypted)
            #expect(throws: ImageError.self) { try locked.content() }
            var wrong = Image.Options(format: .qcow2, gate: .closed)
            wrong.secret = Array("wrong".utf8)
            #expect(throws: ImageError.self) { try Image.open(path, wrong) }
        }
    }

    /// The old way is read, and never written.
    @Test func oldImagesAreReadOnly() throws {
        try inFolder { folder in
            let path = folder + "/disk.qcow2"
            let object = "secret,id=s,data=0123456789abcdef"
            try tool(
                "qemu-img", "create", "-q", "--object", object, "-f", "qcow2", "-o",
                "encrypt.format=aes,encrypt.key-secret=s", path, "1M")
            var options = Image.Options(format: .qcow2, gate: .closed)
            options.secret = Array("0123456789abcdef".utf8)
            let image = try Image.open(path, options)
            #expect(image.isEncryptedTheOldWay)
            #expect(try image.content().allSatisfy { $0 == 0 })
            options.isWritable = true
            #expect(throws: ImageError.self) { try Image.open(path, options) }
        }
    }

    /// Headers that lie are refused, with one line, whatever byte of them is changed.
    @Test func headersThatLie() throws {
        try inFolder { folder in
            let path = folder + "/disk.luks"
            var creation = Image.Creation(.luks, size: 65_536)
            creation.luks.iterationTime = 1
            creation.secret = Self.secret
            try Image.create(path, creation).close()
            let bytes = try Array(Data(contentsOf: URL(filePath: path)))
            var random = Seeded(3)
            for _ in 0..<300 {
                var changed = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    changed[Int.random(in: 0..<592, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                let storage = MemoryStorage(changed)
                do { _ = try LuksDriver(storage, secret: nil) } catch {
                    #expect(!"\(error)".contains("\n"))
                }
            }
        }
    }
}
