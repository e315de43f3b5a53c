import Glibc
import Synchronization

extension Image {
    /// Gives the image another size.
    ///
    /// - Parameters:
    ///   - size: bytes; of other formats than raw whole sectors of 512.
    ///   - preallocation: how much of the new space is taken at once.
    ///
    /// - Throws: an ``ImageError`` where the format cannot, or there is no room.
    public func resize(to size: UInt64, _ preallocation: Preallocation = .off) throws(ImageError) {
        guard driver is RawDriver || size % 512 == 0 else {
            let what = driver is QedDriver ? "Invalid image size specified" : "The new size must be a multiple of 512"
            throw ImageError(.invalid, what, path: path)
        }
        guard preallocation == .off || size >= self.size else {
            throw ImageError(.invalid, "Preallocation can't be used for shrinking an image", path: path)
        }
        do throws(ImageError) {
            switch driver {
            case let raw as RawDriver: try raw.resize(to: size, preallocation)
            case let qcow2 as Qcow2Driver: try qcow2.resize(to: size, below: under, preallocation)
            case let qed as QedDriver where preallocation == .off: try qed.resize(to: size, below: under)
            case let luks as LuksDriver where preallocation == .off: try luks.resize(to: size)
            default: throw ImageError(.unsupported, "\(format.rawValue) images cannot be resized")
            }
        } catch { throw error.at(path) }
    }

    /// Shows what an internal snapshot shows, for as long as the image is open.
    ///
    /// - Parameter name: `snapshot.id=ID`, `snapshot.name=NAME`, or either without the word.
    ///
    /// - Throws: an ``ImageError`` where there is none, or the image is open for writing.
    public func show(snapshot name: String) throws(ImageError) {
        guard let qcow2 = driver as? Qcow2Driver, !isWritable else {
            throw ImageError(.unsupported, "\(format.rawValue) images have no snapshots to be read", path: path)
        }
        do throws(ImageError) { try qcow2.show(snapshot: name) } catch { throw error.at(path) }
    }

    /// Takes out all data, so that what is below shows.
    ///
    /// - Throws: an ``ImageError`` where the format cannot.
    public func makeEmpty() throws(ImageError) {
        guard let qcow2 = driver as? Qcow2Driver else {
            throw ImageError(.unsupported, "\(format.rawValue) images cannot be emptied", path: path)
        }
        do throws(ImageError) { try qcow2.makeEmpty() } catch { throw error.at(path) }
    }

    /// Has the image backed by another one, whatever that shows; the image must be closed after.
    ///
    /// - Throws: an ``ImageError`` where the format cannot.
    public func setBacking(_ backing: BackingName?) throws(ImageError) {
        do throws(ImageError) {
            switch driver {
            case let qcow2 as Qcow2Driver: try qcow2.setBacking(backing)
            case let qed as QedDriver: try qed.setBacking(backing)
            default:
                throw ImageError(.unsupported, "\(format.rawValue) images have no backing file that can be changed")
            }
        } catch { throw error.at(path) }
    }

    /// Takes into the image what shows from below now and would not with something else below.
    ///
    /// - Parameters:
    ///   - other: what is going to be below; `nil` for nothing.
    ///   - progress: told the bytes that are done.
    ///
    /// - Throws: an ``ImageError``.
    public func takeUp(
        whatDiffersFrom other: Image?, _ progress: @escaping @Sendable (UInt64) -> Bool = { _ in true }
    ) throws(ImageError) {
        struct Progress {
            var next: UInt64 = 0
            var done: UInt64 = 0
            var failure: ImageError?
        }
        let state = Mutex(Progress())
        let unit = max(clusterSize ?? 65_536, 4096)
        let chunk = max(unit, 2 << 20)
        let size = size
        let (old, new) = (under, Below(other))
        Threads.run(min(4, Threads.processors)) { _ in
            let (one, two) = (
                UnsafeMutableRawBufferPointer.allocate(byteCount: Int(chunk), alignment: 4096),
                UnsafeMutableRawBufferPointer.allocate(byteCount: Int(chunk), alignment: 4096)
            )
            defer {
                one.deallocate()
                two.deallocate()
            }
            while true {
                let start: UInt64? = state.withLock { state in
                    guard state.failure == nil, state.next < size else { return nil }
                    state.next += chunk
                    return state.next - chunk
                }
                guard let start else { return }
                do throws(ImageError) {
                    try self.takeUp(start..<min(size, start + chunk), unit, old, new, one, two)
                    _ = progress(
                        state.withLock { state in
                            state.done += min(chunk, size - start)
                            return state.done
                        })
                } catch { state.withLock { state in if state.failure == nil { state.failure = error } } }
            }
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func takeUp(
        _ range: Range<UInt64>, _ unit: UInt64, _ old: Below, _ new: Below, _ one: UnsafeMutableRawBufferPointer,
        _ two: UnsafeMutableRawBufferPointer
    ) throws(ImageError) {
        var place = range.lowerBound
        while place < range.upperBound {
            let status = try status(at: place, limit: range.upperBound - place)
            let end = place + status.length
            defer { place = end }
            guard !status.isAllocated else { continue }
            if try old.isZero(at: place, count: status.length), try new.isZero(at: place, count: status.length) {
                continue
            }
            let count = Int(status.length)
            let (left, right) = (
                UnsafeMutableRawBufferPointer(rebasing: one[..<count]),
                UnsafeMutableRawBufferPointer(rebasing: two[..<count])
            )
            try old.read(into: left, at: place)
            try new.read(into: right, at: place)
            // Runs of units that differ.
            var start = 0
            var run = 0..<0
            func write() throws(ImageError) {
                guard !run.isEmpty else { return }
                let piece = UnsafeRawBufferPointer(rebasing: left[run])
                if ZeroRuns.isZero(piece) {
                    // Nothing being below, nothing would have to be written: there is going to be something.
                    try driver.writeZeroes(
                        at: place + UInt64(run.lowerBound), count: UInt64(run.count), unmap: false, below: .unknown)
                } else {
                    try self.write(piece, at: place + UInt64(run.lowerBound))
                }
            }
            while start < count {
                let stop = min(count, Int((place + UInt64(start)) / unit * unit + unit - place))
                var differs = false
                if let a = left.baseAddress, let b = right.baseAddress {
                    // SAFETY: both buffers hold `count` bytes, and `stop` is not behind them.
                    differs = memcmp(a + start, b + start, stop - start) != 0
                }
                if differs {
                    run = run.upperBound == start && !run.isEmpty ? run.lowerBound..<stop : start..<stop
                } else {
                    try write()
                    run = 0..<0
                }
                start = stop
                if differs, start == count { try write() }
            }
        }
    }
}

extension Image {
    /// The internal snapshots.
    ///
    /// - Throws: an ``ImageError``.
    public func snapshots() throws(ImageError) -> [ImageSnapshot] { try info().snapshots }

    private func withQcow2(_ body: (Qcow2Driver) throws(ImageError) -> Void) throws(ImageError) {
        guard let qcow2 = driver as? Qcow2Driver else {
            throw ImageError(.unsupported, "\(format.rawValue) images have no internal snapshots", path: path)
        }
        do throws(ImageError) { try body(qcow2) } catch { throw error.at(path) }
    }

    /// Keeps what the image shows now under a name; the image must be closed after.
    ///
    /// - Throws: an ``ImageError``.
    public func createSnapshot(_ name: String) throws(ImageError) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let time = (seconds: UInt64(now.tv_sec), nanoseconds: UInt64(now.tv_nsec) / 1000 * 1000)
        try withQcow2 { driver throws(ImageError) in try driver.createSnapshot(name, at: time) }
    }

    /// Has the image show what it showed when a snapshot was made; the image must be closed after.
    ///
    /// - Throws: an ``ImageError``.
    public func applySnapshot(_ name: String) throws(ImageError) {
        try withQcow2 { driver throws(ImageError) in try driver.applySnapshot(name) }
    }

    /// Takes a snapshot out; the image must be closed after.
    ///
    /// - Throws: an ``ImageError``.
    public func deleteSnapshot(_ name: String) throws(ImageError) {
        try withQcow2 { driver throws(ImageError) in try driver.deleteSnapshot(name) }
    }
}
