import Synchronization

/// Copies what an image shows into another one.
///
/// Several threads read, look for zeros and pack; clusters get their places in the guest's order, so that the same input makes the same output.
public struct ImageConversion: Sendable {
    /// How it is done.
    public struct Options: Sendable {
        /// Threads; `nil` takes as many as there are processors, four at most.
        public var threads: Int?
        /// Whether clusters are packed.
        public var isCompressed = false
        /// The level of zlib or zstd.
        ///
        /// Without, zlib's clusters are packed by ISA-L, which is faster than any level of zlib's own.
        public var level: Int32?
        /// Bytes of zeros in a row that make a hole; 0 writes all, zeros too.
        public var sparseSize = 4096
        /// Whether the target reads as zeros where nothing is written.
        public var targetIsZero = true
        /// Whether the target was made for this, and nothing of it has a place yet.
        public var isTargetNew = false
        /// Whether clusters get their places in the guest's order though the target is no new one, or one on a base.
        public var keepsOrder = false
        /// How many layers of the source are copied, where the target has what is below them already; `nil` copies all.
        public var layers: Int?
        /// Whether blocks are shared between the files where the file system can; zeros among data are not looked for then.
        public var sharesBlocks = true
        /// Whether the kernel copies; zeros among data are not looked for then.
        public var copiesInKernel = false
        /// Told of what cannot be read, which becomes zeros then; `nil` where that ends the work.
        public var salvage: (@Sendable (ImageError, _ offset: UInt64) -> Void)?
        /// The usual.
        public init() {}
    }

    private let source: Image
    private let target: Image
    private let options: Options
    private let chunk: UInt64
    private let size: UInt64
    /// Bytes that are looked at as a whole for zeros.
    private let sparseUnit: Int

    /// A conversion.
    ///
    /// - Parameters:
    ///   - source: what is copied.
    ///   - target: where to; as large, or larger.
    ///   - options: how.
    public init(_ source: Image, to target: Image, _ options: Options = Options()) {
        self.source = source
        self.target = target
        self.options = options
        let unit = max(target.clusterSize ?? 0, 4096)
        chunk = max(unit, 2 << 20)
        // What is packed is packed by the cluster.
        sparseUnit =
            options.isCompressed && options.sparseSize > 0
            ? Int(min(4096, target.clusterSize ?? 4096)) : options.sparseSize
        size = min(source.size, target.size)
    }

    private struct Progress {
        /// What is to be copied, and how many of these ranges are.
        var ranges: [Range<UInt64>]
        var range = 0
        var next: UInt64 = 0
        var ticket = 0
        var done: UInt64
        var failure: ImageError?

        /// Where the range ends that is being copied; `nil` where all are.
        mutating func end() -> UInt64? {
            while range < ranges.count {
                next = max(next, ranges[range].lowerBound)
                if next < ranges[range].upperBound { return ranges[range].upperBound }
                range += 1
            }
            return nil
        }
    }

    /// Does it.
    ///
    /// - Parameter progress: told the bytes of ``dataSize()`` that are done; a `false` from it ends the work.
    ///
    /// - Throws: an ``ImageError``; the target is half done then.
    public func run(_ progress: @escaping @Sendable (UInt64) -> Bool = { _ in true }) throws(ImageError) {
        if options.isCompressed, let qcow2 = target.driver as? Qcow2Driver { try Packer.require(qcow2.geometry.isZstd) }
        var sharing = ImageSharing(source, target, options)
        var (done, reported): (UInt64, UInt64) = (0, 0)
        var start: UInt64 = 0
        while start < size {
            // The list of what could not be shared stays short.
            let end = sharing == nil ? size : min(size, start + 1 << 30)
            var rest = [start..<end]
            if sharing != nil {
                rest = try sharing?.share(start..<end) ?? rest
                let shared = sharing?.done ?? 0
                done += shared - reported
                reported = shared
                guard sharing?.isOfUse != true || progress(done) else {
                    throw ImageError(.invalid, "it was called off")
                }
            }
            if sharing?.isOfUse == false { sharing = nil }
            done = try copy(rest, done, progress)
            start = end
        }
    }

    /// Copies what could not be shared; how many bytes are done then.
    private func copy(
        _ ranges: [Range<UInt64>], _ done: UInt64, _ progress: @escaping @Sendable (UInt64) -> Bool
    ) throws(ImageError) -> UInt64 {
        let total = ranges.reduce(0) { $0 + UInt64($1.count) }
        guard total > 0 else { return done }
        let state = Mutex(Progress(ranges: ranges, done: done))
        let turns = Turnstile()
        let count = min(max(1, options.threads ?? min(4, Threads.processors)), 16)
        Threads.run(total > chunk ? count : 1) { _ in
            let worker = Worker(self)
            while true {
                let piece: (offset: UInt64, length: UInt64, ticket: Int)? = state.withLock { state in
                    guard state.failure == nil, var end = state.end() else { return nil }
                    skipZeros(&state, end)
                    guard let next = state.end() else { return nil }
                    end = next
                    let offset = state.next
                    let length = min(chunk - offset % chunk, end - offset)
                    state.next += length
                    state.ticket += 1
                    return (offset, length, state.ticket - 1)
                }
                guard let piece else { return }
                do throws(ImageError) {
                    let copied = try worker.copy(piece.offset, piece.length, turns, piece.ticket)
                    guard copied > 0 else { continue }
                    let done = state.withLock { state in
                        state.done += copied
                        return state.done
                    }
                    guard progress(done) else { throw ImageError(.invalid, "it was called off") }
                } catch {
                    state.withLock { state in if state.failure == nil { state.failure = error } }
                    turns.close()
                    return
                }
            }
        }
        return try state.withLock { state throws(ImageError) in
            if let failure = state.failure { throw failure }
            return state.done
        }
    }

    /// Goes over what is zeros here and there: an image may be large and have little in it.
    private func skipZeros(_ state: inout Progress, _ end: UInt64) {
        guard options.targetIsZero, options.sparseSize > 0, options.layers == nil,
            let status = try? source.statusThrough(at: state.next, limit: end - state.next), status.isZero
        else { return }
        let skipped = state.next + status.length == end ? status.length : status.length / chunk * chunk
        state.next += skipped
    }

    /// Bytes that have to be read: what zeros are known without is not counted.
    ///
    /// - Throws: an ``ImageError`` where the tables cannot be read.
    public func dataSize() throws(ImageError) -> UInt64 {
        var bytes: UInt64 = 0
        var place: UInt64 = 0
        while place < size {
            let status = try source.statusThrough(at: place, limit: size - place)
            if counts(status) { bytes += status.length }
            place += status.length
        }
        return bytes
    }

    private func counts(_ status: Image.ChainStatus) -> Bool {
        if let layers = options.layers, status.depth ?? .max >= layers { return false }
        return !status.isZero || options.sparseSize == 0
    }

    /// One thread's part, with its buffers.
    private final class Worker {
        private let job: ImageConversion
        private let buffer: UnsafeMutableRawBufferPointer
        private let packed: UnsafeMutableRawBufferPointer
        private let packer: Packer?
        private let qcow2: Qcow2Driver?

        init(_ job: ImageConversion) {
            self.job = job
            buffer = .allocate(byteCount: Int(job.chunk), alignment: 4096)
            qcow2 = job.target.driver as? Qcow2Driver
            if job.options.isCompressed, let qcow2 {
                let method: Packer.Method =
                    qcow2.geometry.isZstd
                    ? .zstd(job.options.level ?? 1) : job.options.level.map { .zlib($0) } ?? .fastDeflate
                packer = Packer(method, most: Int(qcow2.geometry.clusterSize))
                packed = .allocate(byteCount: Int(job.chunk), alignment: 64)
            } else {
                packer = nil
                packed = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            }
        }

        deinit {
            buffer.deallocate()
            packed.deallocate()
        }

        /// Copies a piece; how many of its bytes were read.
        func copy(
            _ offset: UInt64, _ length: UInt64, _ turns: Turnstile, _ ticket: Int
        ) throws(ImageError) -> UInt64 {
            let (runs, zeros, count) = try read(offset, length)
            var holdsTurn = false
            defer { if holdsTurn { turns.pass() } }
            if let qcow2, let packer {
                try pack(runs, offset, length, qcow2, packer, turns, ticket)
            } else if let qcow2, job.options.isTargetNew {
                try place(runs, offset, length, qcow2, turns, ticket)
            } else if let size = job.target.clusterSize, job.options.isTargetNew, job.target.format != .raw {
                // Whole clusters: nothing has to be read for what is around, and some are written once only.
                guard turns.wait(for: ticket) else { return 0 }
                defer { turns.pass() }
                for run in clusters(runs, Int(size)) {
                    let bytes = run.lowerBound * Int(size)..<min(run.upperBound * Int(size), Int(length))
                    try job.target.write(piece(bytes), at: offset + UInt64(bytes.lowerBound))
                }
            } else {
                guard turns.wait(for: ticket) else { return 0 }
                holdsTurn = job.options.keepsOrder
                if !holdsTurn { turns.pass() }
                for run in runs { try job.target.write(piece(run), at: offset + UInt64(run.lowerBound)) }
            }
            // What was packed has its zeros already.
            let size = Int(qcow2?.geometry.clusterSize ?? 1)
            let packed = packer == nil ? [] : clusters(runs, size).map { $0.lowerBound * size..<$0.upperBound * size }
            for run in zeros.flatMap({ Self.parts(of: $0, outside: packed) }) {
                try job.target.writeZeroes(at: offset + UInt64(run.lowerBound), count: UInt64(run.count), unmap: true)
            }
            return count
        }

        /// What of a range lies in none of some others, which are in order.
        private static func parts(of range: Range<Int>, outside others: [Range<Int>]) -> [Range<Int>] {
            var parts: [Range<Int>] = []
            var start = range.lowerBound
            for other in others where other.overlaps(range) {
                if start < other.lowerBound { parts.append(start..<other.lowerBound) }
                start = max(start, other.upperBound)
            }
            if start < range.upperBound { parts.append(start..<range.upperBound) }
            return parts
        }

        private func piece(_ run: Range<Int>) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: buffer[run])
        }

        /// Reads a chunk: where there are data to be written, and where zeros have to be.
        private func read(_ offset: UInt64, _ length: UInt64) throws(ImageError) -> (
            data: [Range<Int>], zeros: [Range<Int>], count: UInt64
        ) {
            var count: UInt64 = 0
            var data: [Range<Int>] = []
            var zeros: [Range<Int>] = []
            func add(_ run: Range<Int>, to runs: inout [Range<Int>]) {
                if let last = runs.last, last.upperBound == run.lowerBound {
                    runs[runs.count - 1] = last.lowerBound..<run.upperBound
                } else if !run.isEmpty {
                    runs.append(run)
                }
            }
            var place: UInt64 = 0
            while place < length {
                let status = try job.source.statusThrough(at: offset + place, limit: length - place)
                let run = Int(place)..<Int(place + status.length)
                place += status.length
                if job.counts(status) { count += status.length }
                if let layers = job.options.layers, status.depth ?? .max >= layers { continue }
                let slice = UnsafeMutableRawBufferPointer(rebasing: buffer[run])
                if status.isZero {
                    if job.options.sparseSize == 0 {
                        slice.initializeMemory(as: UInt8.self, repeating: 0)
                        add(run, to: &data)
                    } else if !job.options.targetIsZero || job.options.layers != nil {
                        add(run, to: &zeros)
                    } else {
                        // A cluster that is written in part is written with zeros around.
                        slice.initializeMemory(as: UInt8.self, repeating: 0)
                    }
                    continue
                }
                do throws(ImageError) { try job.source.read(into: slice, at: offset + UInt64(run.lowerBound)) } catch {
                    guard let salvage = job.options.salvage else { throw error }
                    salvagePieces(slice, offset + UInt64(run.lowerBound), salvage)
                }
                guard job.options.sparseSize > 0 else {
                    add(run, to: &data)
                    continue
                }
                var end = run.lowerBound
                for found in ZeroRuns.dataRuns(UnsafeRawBufferPointer(slice), unit: job.sparseUnit) {
                    let found = found.lowerBound + run.lowerBound..<found.upperBound + run.lowerBound
                    if !job.options.targetIsZero || job.options.layers != nil {
                        add(end..<found.lowerBound, to: &zeros)
                    }
                    add(found, to: &data)
                    end = found.upperBound
                }
                if !job.options.targetIsZero || job.options.layers != nil { add(end..<run.upperBound, to: &zeros) }
            }
            return (data, zeros, count)
        }

        /// Reads sector by sector what cannot be read as a whole.
        private func salvagePieces(
            _ buffer: UnsafeMutableRawBufferPointer, _ offset: UInt64, _ salvage: (ImageError, UInt64) -> Void
        ) {
            let piece = 4096
            for start in stride(from: 0, to: buffer.count, by: piece) {
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<min(start + piece, buffer.count)])
                do throws(ImageError) { try job.source.read(into: part, at: offset + UInt64(start)) } catch {
                    part.initializeMemory(as: UInt8.self, repeating: 0)
                    salvage(error, offset + UInt64(start))
                }
            }
        }

        /// Runs of whole clusters that hold some of the data; the last may end with the image.
        private func clusters(_ runs: [Range<Int>], _ size: Int) -> [Range<Int>] {
            var whole: [Range<Int>] = []
            for run in runs {
                let first = run.lowerBound / size
                let end = (run.upperBound - 1) / size + 1
                if let last = whole.last, last.upperBound >= first {
                    whole[whole.count - 1] = last.lowerBound..<max(end, last.upperBound)
                } else {
                    whole.append(first..<end)
                }
            }
            return whole
        }

        private func place(
            _ runs: [Range<Int>], _ offset: UInt64, _ length: UInt64, _ qcow2: Qcow2Driver, _ turns: Turnstile,
            _ ticket: Int
        ) throws(ImageError) {
            let size = Int(qcow2.geometry.clusterSize)
            let whole = clusters(runs, size)
            guard turns.wait(for: ticket) else { return }
            var places: [(bytes: Range<Int>, place: UInt64)] = []
            for run in whole {
                var start = run.lowerBound * size
                for part in try qcow2.claim(offset + UInt64(start), clusters: UInt64(run.count)) {
                    let end = start + Int(part.clusters) * size
                    places.append((start..<end, part.place))
                    start = end
                }
            }
            turns.pass()
            // The rest of the image's last cluster lies behind what was read.
            if Int(length) < buffer.count {
                UnsafeMutableRawBufferPointer(rebasing: buffer[Int(length)...]).initializeMemory(
                    as: UInt8.self, repeating: 0)
            }
            for (bytes, place) in places {
                let end = qcow2.geometry.hasDataFile ? min(bytes.upperBound, Int(length)) : bytes.upperBound
                try qcow2.dataStorage.write(piece(bytes.lowerBound..<end), at: place)
            }
        }

        private func pack(
            _ runs: [Range<Int>], _ offset: UInt64, _ length: UInt64, _ qcow2: Qcow2Driver, _ packer: Packer,
            _ turns: Turnstile, _ ticket: Int
        ) throws(ImageError) {
            let size = Int(qcow2.geometry.clusterSize)
            if Int(length) < buffer.count {
                UnsafeMutableRawBufferPointer(rebasing: buffer[Int(length)...]).initializeMemory(
                    as: UInt8.self, repeating: 0)
            }
            // Each cluster with its bytes in `packed`, or none where it stays as it is.
            var clusters: [(number: Int, bytes: Range<Int>?)] = []
            var end = 0
            for run in self.clusters(runs, size) {
                if job.options.layers != nil {
                    // A cluster is packed whole: the rest of it is what shows through.
                    let bytes = run.lowerBound * size..<min(run.upperBound * size, Int(length))
                    try job.source.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer[bytes]),
                        at: offset + UInt64(bytes.lowerBound))
                }
                for number in run {
                    if let bytes = packer.pack(piece(number * size..<(number + 1) * size)) {
                        UnsafeMutableRawBufferPointer(rebasing: packed[end..<end + bytes.count]).copyMemory(from: bytes)
                        clusters.append((number, end..<end + bytes.count))
                        end += bytes.count
                    } else {
                        clusters.append((number, nil))
                    }
                }
            }
            guard turns.wait(for: ticket) else { return }
            var writes: [(place: UInt64, bytes: UnsafeRawBufferPointer)] = []
            for cluster in clusters {
                let guest = offset + UInt64(cluster.number * size)
                if let bytes = cluster.bytes {
                    let place = try qcow2.claimPacked(guest, bytes: UInt64(bytes.count))
                    let piece = UnsafeRawBufferPointer(rebasing: packed[bytes])
                    // Neighbours in the file are neighbours in memory as well.
                    if let last = writes.last, last.place + UInt64(last.bytes.count) == place,
                        last.bytes.baseAddress.map({ $0 + last.bytes.count }) == piece.baseAddress
                    {
                        writes[writes.count - 1].bytes = UnsafeRawBufferPointer(
                            start: last.bytes.baseAddress, count: last.bytes.count + piece.count)
                    } else {
                        writes.append((place, piece))
                    }
                } else {
                    for part in try qcow2.claim(guest, clusters: 1) {
                        writes.append((part.place, piece(cluster.number * size..<(cluster.number + 1) * size)))
                    }
                }
            }
            turns.pass()
            for write in writes { try qcow2.file.write(write.bytes, at: write.place) }
        }
    }
}
