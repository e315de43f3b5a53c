/// A change of who can open an encrypted image.
public struct LuksAmendment: Sendable, Hashable {
    /// Whether passphrases are added or taken out.
    public enum State: String, Sendable, Hashable { case active, inactive }
    /// What the slots are to be.
    public var state: State
    /// A slot from 0 to 7; `nil` is one that is free, or all that the old passphrase opens.
    public var slot: Int?
    /// The passphrase to add.
    public var newSecret: [UInt8]?
    /// The passphrase to take out.
    public var oldSecret: [UInt8]?
    /// Milliseconds that trying the new passphrase is to take; 2,000 where `nil`.
    public var iterationTime: UInt64?
    /// Whether what nobody can undo is done: to overwrite a slot, or to erase the last one.
    public var isForced = false

    /// A change.
    public init(_ state: State) { self.state = state }
}

extension Image {
    /// Adds a passphrase, or takes some out; the data and their key stay.
    ///
    /// - Parameters:
    ///   - amendment: what.
    ///   - secret: a passphrase that opens the image, to add another one.
    ///
    /// - Throws: an ``ImageError``, also where it would lock everybody out.
    public func amend(_ amendment: LuksAmendment, secret: [UInt8]?) throws(ImageError) {
        let storage = driver.fileStorage
        var start: UInt64 = 0
        if let qcow2 = driver as? Qcow2Driver {
            guard let place = qcow2.header.extensions.crypto else {
                throw ImageError(.unsupported, "it is not encrypted with LUKS", path: path)
            }
            start = place.offset
        } else if format != .luks {
            throw ImageError(.unsupported, "Format driver '\(format.rawValue)' does not support option amendment")
        }
        do throws(ImageError) {
            var volume = try LuksVolume(storage, at: start, end: try storage.length())
            switch amendment.state {
            case .active: try volume.addKey(amendment, secret, storage, start)
            case .inactive: try volume.eraseKeys(amendment, storage, start)
            }
        } catch { throw error.at(path) }
    }
}

extension LuksVolume {
    private func checked(_ slot: Int) throws(ImageError) -> Int {
        guard slots.indices.contains(slot) else {
            throw ImageError(
                .invalid, "Invalid keyslot \(slot) specified, must be between 0 and \(slots.count - 1)")
        }
        return slot
    }

    fileprivate mutating func addKey(
        _ amendment: LuksAmendment, _ secret: [UInt8]?, _ storage: any BlockStorage, _ start: UInt64
    ) throws(ImageError) {
        guard let new = amendment.newSecret else {
            throw ImageError(.invalid, "'new-secret' is required to activate a keyslot")
        }
        guard amendment.oldSecret == nil else {
            throw ImageError(.invalid, "'old-secret' must not be given when activating keyslots")
        }
        let number: Int
        if let given = amendment.slot {
            number = try checked(given)
        } else {
            guard let free = slots.firstIndex(where: { !$0.isActive }) else {
                throw ImageError(.full, "Can't add a keyslot - all keyslots are in use")
            }
            number = free
        }
        guard amendment.isForced || !slots[number].isActive else {
            throw ImageError(.denied, "Refusing to overwrite active keyslot \(number) - please erase it first")
        }
        guard let secret else {
            throw ImageError(
                .invalid, "Parameter 'key-secret' is required for cipher",
                remedy: "Name the image by --image-opts, with a passphrase that opens it")
        }
        var key = try unlock(storage, at: start, secret: secret)
        defer { wipe(&key) }
        let iterations = try CryptoLibrary.required().iterations(
            in: amendment.iterationTime ?? 2000, hash, count: suite.keyBytes)
        let material = try lock(key, with: new, in: number, iterations: iterations)
        // The key's stripes whole before the slot says that they are there.
        try storage.write(material, at: start + slots[number].offset * 512)
        try storage.flush()
        try write(slot: number, storage, start)
    }

    fileprivate mutating func eraseKeys(
        _ amendment: LuksAmendment, _ storage: any BlockStorage, _ start: UInt64
    ) throws(ImageError) {
        guard amendment.newSecret == nil else {
            throw ImageError(.invalid, "'new-secret' must not be given when erasing keyslots")
        }
        guard amendment.iterationTime == nil else {
            throw ImageError(.invalid, "'iter-time' must not be given when erasing keyslots")
        }
        let active = slots.indices.filter { slots[$0].isActive }
        var chosen: [Int] = []
        if let given = amendment.slot {
            let number = try checked(given)
            if let old = amendment.oldSecret, try !opens(old, number, storage, start) {
                throw ImageError(
                    .denied, "Given keyslot \(number) doesn't contain the given old password for erase operation")
            }
            guard amendment.isForced || active.contains(number) else {
                throw ImageError(.invalid, "Given keyslot \(number) is already erased (inactive) ")
            }
            guard amendment.isForced || active.count > 1 else {
                throw ImageError(
                    .denied,
                    "Attempt to erase the only active keyslot \(number) which will erase all the data in the image irreversibly - refusing operation"
                )
            }
            chosen = [number]
        } else if let old = amendment.oldSecret {
            for number in active where try opens(old, number, storage, start) { chosen.append(number) }
            guard !chosen.isEmpty else {
                throw ImageError(.denied, "No keyslots match given (old) password for erase operation")
            }
            guard amendment.isForced || chosen.count < active.count else {
                throw ImageError(
                    .denied,
                    "All the active keyslots match the (old) password that was given and erasing them will erase all the data in the image irreversibly - refusing operation"
                )
            }
        } else {
            throw ImageError(
                .invalid,
                "To erase keyslot(s), either explicit keyslot index or the password currently contained in them must be given"
            )
        }
        let library = try CryptoLibrary.required()
        for number in chosen {
            slots[number].isActive = false
            slots[number].iterations = 0
            slots[number].salt = [UInt8](repeating: 0, count: 32)
            try write(slot: number, storage, start)
            let count = suite.keyBytes * Int(slots[number].stripes)
            try storage.write(try library.random(count), at: start + slots[number].offset * 512)
            try storage.flush()
        }
    }

    private func opens(
        _ secret: [UInt8], _ number: Int, _ storage: any BlockStorage, _ start: UInt64
    ) throws(ImageError) -> Bool {
        guard slots[number].isActive, var key = try key(of: slots[number], storage, at: start, secret: secret) else {
            return false
        }
        wipe(&key)
        return true
    }

    /// Writes what the header says of a slot, and nothing else of it.
    private func write(slot number: Int, _ storage: any BlockStorage, _ start: UInt64) throws(ImageError) {
        let place = 208 + number * 48
        try storage.write(Array(header[place..<place + 48]), at: start + UInt64(place))
        try storage.flush()
    }
}
