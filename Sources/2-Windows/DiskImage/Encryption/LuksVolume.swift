import Glibc

/// LUKS' header, version 1, with its key slots.
///
/// - Source: LUKS On-Disk Format Specification 1.2.3.
struct LuksVolume: Sendable {
    /// A place for the key, encrypted by a passphrase.
    struct Slot: Sendable, Hashable {
        var isActive = false
        var iterations: UInt64 = 0
        var salt = [UInt8](repeating: 0, count: 32)
        /// In sectors from the header's start.
        var offset: UInt64 = 0
        var stripes: UInt64 = 4000
    }

    var suite = SectorCipher.Suite()
    var hash = "sha256"
    /// Where the data begin, in sectors from the header's start.
    var payload: UInt64 = 0
    var digest = [UInt8](repeating: 0, count: 20)
    var salt = [UInt8](repeating: 0, count: 32)
    var iterations: UInt64 = 0
    var uuid = ""
    var slots = [Slot](repeating: Slot(), count: 8)

    private static let active: UInt64 = 0x00AC_71F3
    private static let free: UInt64 = 0x0000_DEAD
    /// Most iterations that are followed: an hour of them is an attack.
    private static let mostIterations: UInt64 = 100_000_000

    /// Reads a header, checked.
    ///
    /// - Parameters:
    ///   - storage: where it lies.
    ///   - start: from which byte on.
    ///   - end: where what belongs to it ends.
    ///
    /// - Throws: an ``ImageError``.
    init(_ storage: any BlockStorage, at start: UInt64, end: UInt64) throws(ImageError) {
        let bytes = HeaderBytes(try storage.bytes(at: start, count: 592))
        do throws(Malformed) {
            guard bytes.has([0x4C, 0x55, 0x4B, 0x53, 0xBA, 0xBE]) else {
                throw Malformed("Volume is not in LUKS format")
            }
            let version = try bytes.be16(6)
            guard version == 1 else { throw Malformed("LUKS version \(version) is not supported") }
            try LuksHeader.check(bytes, length: nil)
            hash = try bytes.text(72, 32)
            payload = try bytes.be32(104)
            digest = Array(bytes.bytes[112..<132])
            salt = Array(bytes.bytes[132..<164])
            iterations = try bytes.be32(164)
            uuid = try bytes.text(168, 40)
            for index in slots.indices {
                let place = 208 + index * 48
                slots[index].isActive = try bytes.be32(place) == Self.active
                slots[index].iterations = try bytes.be32(place + 4)
                slots[index].salt = Array(bytes.bytes[place + 8..<place + 40])
                slots[index].offset = try bytes.be32(place + 40)
                slots[index].stripes = try bytes.be32(place + 44)
            }
        } catch { throw ImageError(error) }
        let (cipher, mode, count): (String, String, UInt64)
        do throws(Malformed) {
            (cipher, mode, count) = (try bytes.text(8, 32), try bytes.text(40, 32), try bytes.be32(108))
        } catch { throw ImageError(error) }
        suite = try SectorCipher.Suite(cipher: cipher, mode: mode, keyBytes: Int(count))
        guard start.saturated(adding: payload * 512) <= end else {
            throw ImageError(.malformed, "its keys end outside the file")
        }
    }

    /// The key that a passphrase opens.
    ///
    /// - Throws: an ``ImageError`` where it opens none.
    func unlock(_ storage: any BlockStorage, at start: UInt64, secret: [UInt8]) throws(ImageError) -> [UInt8] {
        for slot in slots where slot.isActive {
            if let key = try key(of: slot, storage, at: start, secret: secret) { return key }
        }
        throw ImageError(.denied, "Invalid password, cannot unlock any keyslot")
    }

    /// The key in a slot; `nil` where the passphrase does not open it.
    ///
    /// - Throws: an ``ImageError`` where the slot cannot be one.
    func key(
        of slot: Slot, _ storage: any BlockStorage, at start: UInt64, secret: [UInt8]
    ) throws(ImageError) -> [UInt8]? {
        let library = try CryptoLibrary.required()
        guard slot.iterations <= Self.mostIterations, iterations <= Self.mostIterations else {
            throw ImageError(.malformed, "a key slot has \(slot.iterations) iterations")
        }
        var key = try library.key(
            from: secret, salt: slot.salt, iterations: slot.iterations, hash, count: suite.keyBytes)
        var material = try storage.bytes(at: start + slot.offset * 512, count: suite.keyBytes * Int(slot.stripes))
        defer {
            wipe(&key)
            wipe(&material)
        }
        try Self.apply(.decrypt, &material, try SectorCipher(suite, key: key))
        let candidate = try merge(material, library)
        let digest = try library.key(from: candidate, salt: salt, iterations: iterations, hash, count: 20)
        return digest == self.digest ? candidate : nil
    }

    /// Has a slot hold the key, encrypted by a passphrase.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - secret: the passphrase.
    ///   - number: the slot.
    ///   - iterations: how often the passphrase is made over.
    ///
    /// - Returns: what is to be written to the slot's place.
    ///
    /// - Throws: an ``ImageError``.
    mutating func lock(
        _ key: [UInt8], with secret: [UInt8], in number: Int, iterations: UInt64
    ) throws(ImageError) -> [UInt8] {
        let library = try CryptoLibrary.required()
        slots[number].isActive = true
        slots[number].iterations = iterations
        slots[number].salt = try library.random(32)
        var slotKey = try library.key(
            from: secret, salt: slots[number].salt, iterations: slots[number].iterations, hash, count: suite.keyBytes)
        defer { wipe(&slotKey) }
        var material = try split(key, Int(slots[number].stripes), library)
        try Self.apply(.encrypt, &material, try SectorCipher(suite, key: slotKey))
        return material
    }

    private static func apply(
        _ direction: SectorCipher.Direction, _ bytes: inout [UInt8], _ cipher: SectorCipher
    ) throws(ImageError) {
        var failure: ImageError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(ImageError) { try cipher.apply(direction, buffer, firstSector: 0) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    // MARK: Anti-forensic stripes

    private func diffuse(_ block: [UInt8], _ library: CryptoLibrary) throws(ImageError) -> [UInt8] {
        var result: [UInt8] = []
        var number: UInt32 = 0
        let size = try library.hash([], hash).count
        while result.count < block.count {
            let piece = block[result.count..<min(block.count, result.count + size)]
            let prefix = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
            result += try library.hash(prefix + piece, hash).prefix(piece.count)
            number += 1
        }
        return result
    }

    private func merge(_ material: [UInt8], _ library: CryptoLibrary) throws(ImageError) -> [UInt8] {
        let size = suite.keyBytes
        var block = [UInt8](repeating: 0, count: size)
        let stripes = material.count / size
        for stripe in 0..<stripes {
            for index in 0..<size { block[index] ^= material[stripe * size + index] }
            if stripe < stripes - 1 { block = try diffuse(block, library) }
        }
        return block
    }

    private func split(_ key: [UInt8], _ stripes: Int, _ library: CryptoLibrary) throws(ImageError) -> [UInt8] {
        var material = try library.random(key.count * (stripes - 1))
        var block = [UInt8](repeating: 0, count: key.count)
        for stripe in 0..<stripes - 1 {
            for index in key.indices { block[index] ^= material[stripe * key.count + index] }
            block = try diffuse(block, library)
        }
        for index in key.indices { block[index] ^= key[index] }
        material += block
        return material
    }

    // MARK: Creating

    /// A new header, with one passphrase.
    ///
    /// - Parameters:
    ///   - options: ciphers and how long a passphrase takes to try.
    ///   - secret: the passphrase.
    ///
    /// - Returns: the header, the key, and all bytes before the data.
    ///
    /// - Throws: an ``ImageError``.
    static func make(
        _ options: LuksOptions, secret: [UInt8]
    ) throws(ImageError) -> (volume: LuksVolume, key: [UInt8], bytes: [UInt8]) {
        let library = try CryptoLibrary.required()
        var volume = try LuksVolume(options)
        let size = volume.suite.keyBytes
        let key = try library.random(size)
        let random = try library.random(16).enumerated().map { index, byte in
            // Version 4 of RFC 9562.
            index == 6 ? byte & 0x0F | 0x40 : index == 8 ? byte & 0x3F | 0x80 : byte
        }
        for (index, byte) in random.enumerated() {
            if [4, 6, 8, 10].contains(index) { volume.uuid += "-" }
            volume.uuid += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        let iterations = try library.iterations(in: options.iterationTime, options.hash, count: size)
        volume.salt = try library.random(32)
        volume.iterations = max(1000, iterations / 8)
        volume.digest = try library.key(
            from: key, salt: volume.salt, iterations: volume.iterations, options.hash, count: 20)
        let material = try volume.lock(key, with: secret, in: 0, iterations: iterations)
        var bytes = volume.header
        bytes += [UInt8](repeating: 0, count: Int(volume.payload) * 512 - bytes.count)
        let place = Int(volume.slots[0].offset) * 512
        bytes.replaceSubrange(place..<place + material.count, with: material)
        return (volume, key, bytes)
    }

    private init() {}

    /// A volume whose places are known, and nothing else.
    private init(_ options: LuksOptions) throws(ImageError) {
        suite = try SectorCipher.Suite(
            cipher: "aes", mode: options.modeName, keyBytes: options.bits / 8 * (options.mode == "xts" ? 2 : 1))
        hash = options.hash
        guard suite.keyBytes * 4000 % 512 == 0 else {
            throw ImageError(
                .unsupported, "QEMU cannot open what is encrypted by aes-\(options.bits)", remedy: "Use aes-256")
        }
        let sectors = UInt64(suite.keyBytes * 4000).dividedUp(by: 512).dividedUp(by: 8) * 8
        for index in slots.indices { slots[index].offset = 8 + UInt64(index) * sectors }
        payload = 8 + 8 * sectors
    }

    /// Bytes before the data of a new volume.
    ///
    /// - Throws: an ``ImageError`` where it cannot be made.
    static func headerBytes(_ options: LuksOptions) throws(ImageError) -> UInt64 {
        try LuksVolume(options).payload * 512
    }

    /// The header's bytes.
    var header: [UInt8] {
        var writer = HeaderWriter()
        func text(_ text: String, _ width: Int) {
            writer.bytes += Array(text.utf8.prefix(width - 1))
            writer.bytes += [UInt8](repeating: 0, count: width - min(text.utf8.count, width - 1))
        }
        writer.bytes = [0x4C, 0x55, 0x4B, 0x53, 0xBA, 0xBE]
        writer.be16(1)
        text(suite.cipher, 32)
        text(suite.modeName, 32)
        text(hash, 32)
        writer.be32(payload)
        writer.be32(UInt64(suite.keyBytes))
        writer.bytes += digest + salt
        writer.be32(iterations)
        text(uuid, 40)
        for slot in slots {
            writer.be32(slot.isActive ? Self.active : Self.free)
            writer.be32(slot.iterations)
            writer.bytes += slot.salt
            writer.be32(slot.offset)
            writer.be32(slot.stripes)
        }
        return writer.bytes
    }

    /// What `qemu-img info` tells of it; places are from the header's start.
    var details: [(name: String, value: ImageDetail)] {
        var details: [(name: String, value: ImageDetail)] = [
            ("ivgen-alg", .text(suite.generator)), ("hash-alg", .text(hash)),
            ("cipher-alg", .text("\(suite.cipher)-\(suite.bits)")), ("uuid", .text(uuid)),
        ]
        if let hash = suite.generatorHash { details.append(("ivgen-hash-alg", .text(hash))) }
        details.append(("cipher-mode", .text(suite.mode)))
        details.append(
            (
                "slots",
                .list(
                    slots.map { slot in
                        var values: [(name: String, value: ImageDetail)] = [("active", .bool(slot.isActive))]
                        if slot.isActive { values.append(("iters", .number(slot.iterations))) }
                        values.append(("key-offset", .number(slot.offset * 512)))
                        if slot.isActive { values.append(("stripes", .number(slot.stripes))) }
                        return .object(values)
                    })
            ))
        details.append(("payload-offset", .number(payload * 512)))
        details.append(("master-key-iters", .number(iterations)))
        return details
    }
}

/// What a new LUKS header is to be.
public struct LuksOptions: Sendable, Hashable {
    /// Bits of AES' key: 128, 192 or 256.
    public var bits = 256
    /// `xts`, `cbc` or `ctr`.
    public var mode = "xts"
    /// `plain64`, `plain` or `essiv`.
    public var generator = "plain64"
    /// The hash of `essiv`.
    public var generatorHash: String?
    /// The hash by which passphrases become keys.
    public var hash = "sha256"
    /// Milliseconds that trying a passphrase is to take.
    public var iterationTime: UInt64 = 2000
    /// QEMU's defaults.
    public init() {}

    var modeName: String {
        mode + "-" + generator + (generator == "essiv" ? ":" + (generatorHash ?? "sha256") : "")
    }
}

extension CryptoLibrary {
    /// How many times a key is made over in so many milliseconds, measured; as many as a header can say, at most.
    func iterations(in milliseconds: UInt64, _ hash: String, count: Int) throws(ImageError) -> UInt64 {
        let rate = try iterationsPerMillisecond(hash, count: count)
        return max(1000, UInt64(min(rate * Double(milliseconds), Double(UInt32.max))))
    }

    /// How many times a key is made over in a millisecond, measured.
    private func iterationsPerMillisecond(_ hash: String, count: Int) throws(ImageError) -> Double {
        var rounds: UInt64 = 1000
        while true {
            let start = Qcow2Check.now()
            _ = try key(
                from: [1, 2, 3, 4], salt: [UInt8](repeating: 7, count: 32), iterations: rounds, hash, count: count)
            let spent = Qcow2Check.now() - start
            if spent > 0.02 || rounds > 1 << 24 { return Double(rounds) / max(spent, 1e-6) / 1000 }
            rounds *= 2
        }
    }
}
