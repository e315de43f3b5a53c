import Glibc

/// Tells zeros from other bytes.
enum ZeroRuns {
    /// Whether all bytes are zero.
    static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress, let first = bytes.first else { return true }
        // Data show themselves early, most of them.
        guard first == 0, bytes[bytes.count / 2] == 0, bytes[bytes.count - 1] == 0 else { return false }
        let count = bytes.count
        var place = 0
        // SAFETY: loads lie within the buffer, whose length bounds the loop.
        while place + 128 <= count {
            var all = SIMD16<UInt64>(repeating: 0)
            all = (base + place).loadUnaligned(as: SIMD16<UInt64>.self)
            if all != SIMD16<UInt64>(repeating: 0) { return false }
            place += 128
        }
        while place < count {
            if bytes[place] != 0 { return false }
            place += 1
        }
        return true
    }

    /// Runs of units that hold data, in order; units of zeros lie between them.
    static func dataRuns(_ bytes: UnsafeRawBufferPointer, unit: Int) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var place = 0
        while place < bytes.count {
            let end = min(place + unit, bytes.count)
            if !isZero(UnsafeRawBufferPointer(rebasing: bytes[place..<end])) {
                if let last = runs.last, last.upperBound == place {
                    runs[runs.count - 1] = last.lowerBound..<end
                } else {
                    runs.append(place..<end)
                }
            }
            place = end
        }
        return runs
    }
}
