/// A raw disk behind a LUKS header.
///
/// - Source: LUKS On-Disk Format Specification 1.2.3; QEMU block/crypto.c.
final class LuksDriver: ImageDriver {
    let fileStorage: any BlockStorage
    let dataStorage: any BlockStorage
    private let volume: LuksVolume
    private let length: SharedLength

    /// Opens an image; without a secret nothing but its header can be read.
    init(_ file: any BlockStorage, secret: [UInt8]?) throws(ImageError) {
        fileStorage = file
        let end = try file.length()
        let volume = try LuksVolume(file, at: 0, end: end)
        let cipher = try secret.map { secret throws(ImageError) in
            try SectorCipher(volume.suite, key: try volume.unlock(file, at: 0, secret: secret))
        }
        self.volume = volume
        dataStorage = CipherStorage(file, from: volume.payload * 512, cipher)
        length = SharedLength(end - volume.payload * 512)
    }

    /// Makes an image in a file that is empty.
    ///
    /// - Throws: an ``ImageError``.
    static func create(
        _ file: any BlockStorage, size: UInt64, _ options: LuksOptions, secret: [UInt8]
    ) throws(ImageError) -> LuksDriver {
        var made = try LuksVolume.make(options, secret: secret)
        wipe(&made.key)
        // Of a new file, the slots that hold no key take no room; on a device old bytes go.
        let isNew = try file.length() == 0
        let runs = made.bytes.withUnsafeBytes { isNew ? ZeroRuns.dataRuns($0, unit: 4096) : [0..<$0.count] }
        for run in runs { try file.write(Array(made.bytes[run]), at: UInt64(run.lowerBound)) }
        try file.resize(to: UInt64(made.bytes.count) + size)
        return try LuksDriver(file, secret: secret)
    }

    var format: ImageFacts.Format { .luks }
    var size: UInt64 { length.value / 512 * 512 }
    var clusterSize: UInt64? { nil }
    var mayHaveHoles: Bool { false }
    var storages: [any BlockStorage] { [fileStorage] }

    func status(at offset: UInt64, limit: UInt64) throws(ImageError) -> BlockStatus {
        BlockStatus(.data(at: nil), limit)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        try dataStorage.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, below: Below) throws(ImageError) {
        try dataStorage.write(bytes, at: offset)
    }

    func writeZeroes(at offset: UInt64, count: UInt64, unmap: Bool, below: Below) throws(ImageError) {
        try dataStorage.writeZeroes(at: offset, count: count, unmap: unmap)
    }

    func flush() throws(ImageError) { try fileStorage.flush() }
    func close() throws(ImageError) { try fileStorage.flush() }

    func resize(to size: UInt64) throws(ImageError) {
        try dataStorage.resize(to: size)
        length.value = size
    }

    func describe(_ info: inout ImageInfo) throws(ImageError) {
        info.isEncrypted = true
        info.details = volume.details
    }
}
