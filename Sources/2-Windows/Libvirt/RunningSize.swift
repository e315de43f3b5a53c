internal import CLibvirt
internal import Glibc
public import Quantities

/// How large a running domain is, and on which host CPUs its threads may run.
extension Connection {
    private static let live = VIR_DOMAIN_AFFECT_LIVE.rawValue
    /// Bytes of a map of host CPUs: 4,096 of them, the most that Linux distributions are built for and half of its limit.
    private static let mapLength = 512

    /// What the balloon leaves a running domain, in KiB.
    ///
    /// - Source: virDomainGetInfo.
    public func balloon(of name: String) throws(LibvirtError) -> UInt64 {
        try ask("virDomainGetInfo", name) { library, domain in
            var info = virDomainInfo()
            guard library.domainInfo(domain, &info) == 0 else { return .failure(library.failure("virDomainGetInfo")) }
            return .success(UInt64(info.memory))
        }
    }

    /// Asks a running domain's balloon to leave it so many KiB, at most its memory; the guest follows in its own time.
    ///
    /// - Source: virDomainSetMemoryFlags.
    public func setBalloon(_ kibibytes: UInt64, of name: String) throws(LibvirtError) {
        try act("virDomainSetMemoryFlags", name) { $0.setMemory($1, UInt(kibibytes), Self.live) }
    }

    /// How many vCPUs are plugged into a running domain.
    ///
    /// - Source: virDomainGetVcpusFlags.
    public func pluggedVCPUs(of name: String) throws(LibvirtError) -> Int {
        try ask("virDomainGetVcpusFlags", name) { library, domain in
            let count = library.vcpuCount(domain, Self.live)
            return count < 0 ? .failure(library.failure("virDomainGetVcpusFlags")) : .success(Int(count))
        }
    }

    /// Plugs vCPUs into a running domain, or asks the guest to give some back.
    ///
    /// - Source: virDomainSetVcpusFlags.
    public func setPluggedVCPUs(_ count: UInt32, of name: String) throws(LibvirtError) {
        // libvirt itself waits some seconds for each that the guest gives back.
        try act("virDomainSetVcpusFlags", name, within: 120) { $0.setVCPUs($1, count, Self.live) }
    }

    /// The host CPUs that a vCPU of a running domain may run on; all there are where it is not pinned.
    ///
    /// vCPUs count from 0.
    ///
    /// - Source: virDomainGetVcpuPinInfo.
    public func pins(ofVCPU vcpu: Int, of name: String) throws(LibvirtError) -> CPUSet {
        try ask("virDomainGetVcpuPinInfo", name) { library, domain in
            let count = min(max(0, vcpu), 16_383) + 1
            var maps = [UInt8](repeating: 0, count: count * Self.mapLength)
            let filled = library.vcpuPins(domain, Int32(count), &maps, Int32(Self.mapLength), Self.live)
            guard filled >= 0 else { return .failure(library.failure("virDomainGetVcpuPinInfo")) }
            guard filled > vcpu else {
                return .failure(LibvirtError(.failed, "virDomainGetVcpuPinInfo", "there is no vCPU \(vcpu)"))
            }
            return .success(Self.cpus(maps.suffix(Self.mapLength)))
        }
    }

    /// Pins a vCPU of a running domain.
    ///
    /// - Source: virDomainPinVcpuFlags.
    public func pin(vcpu: UInt32, to cpus: CPUSet, of name: String) throws(LibvirtError) {
        let map = Self.map(cpus)
        try act("virDomainPinVcpuFlags", name) { library, domain in
            var map = map
            return library.pinVCPU(domain, vcpu, &map, Int32(map.count), Self.live)
        }
    }

    /// The host CPUs that QEMU's own threads may run on.
    ///
    /// - Source: virDomainGetEmulatorPinInfo.
    public func emulatorPins(of name: String) throws(LibvirtError) -> CPUSet {
        try ask("virDomainGetEmulatorPinInfo", name) { library, domain in
            var map = [UInt8](repeating: 0, count: Self.mapLength)
            guard library.emulatorPin(domain, &map, Int32(Self.mapLength), Self.live) >= 0 else {
                return .failure(library.failure("virDomainGetEmulatorPinInfo"))
            }
            return .success(Self.cpus(map[...]))
        }
    }

    /// Pins QEMU's own threads.
    ///
    /// - Source: virDomainPinEmulator.
    public func pinEmulator(to cpus: CPUSet, of name: String) throws(LibvirtError) {
        let map = Self.map(cpus)
        try act("virDomainPinEmulator", name) { library, domain in
            var map = map
            return library.pinEmulator(domain, &map, Int32(map.count), Self.live)
        }
    }

    /// The host CPUs that an iothread may run on; ids count from 1.
    ///
    /// - Source: virDomainGetIOThreadInfo.
    public func pins(ofIOThread thread: Int, of name: String) throws(LibvirtError) -> CPUSet {
        try ask("virDomainGetIOThreadInfo", name) { library, domain in
            var threads: UnsafeMutablePointer<virDomainIOThreadInfoPtr?>?
            let count = library.iothreads(domain, &threads, Self.live)
            guard count >= 0 else { return .failure(library.failure("virDomainGetIOThreadInfo")) }
            defer {
                for index in 0..<Int(count) { library.iothreadFree(threads?[index]) }
                free(threads)
            }
            for index in 0..<Int(count) {
                guard let info = threads?[index]?.pointee, Int(info.iothread_id) == thread else { continue }
                let bytes = UnsafeBufferPointer(start: info.cpumap, count: Int(max(0, info.cpumaplen)))
                return .success(Self.cpus(Array(bytes)[...]))
            }
            return .failure(LibvirtError(.failed, "virDomainGetIOThreadInfo", "there is no iothread \(thread)"))
        }
    }

    /// Pins an iothread.
    ///
    /// - Source: virDomainPinIOThread.
    public func pin(iothread: UInt32, to cpus: CPUSet, of name: String) throws(LibvirtError) {
        let map = Self.map(cpus)
        try act("virDomainPinIOThread", name) { library, domain in
            var map = map
            return library.pinIOThread(domain, iothread, &map, Int32(map.count), Self.live)
        }
    }

    /// A set as libvirt's maps have it: CPU n is bit n mod 8 of byte n / 8.
    private static func map(_ cpus: CPUSet) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: (cpus.members.last ?? 0) / 8 + 1)
        for cpu in cpus { bytes[cpu / 8] |= 1 << UInt8(cpu % 8) }
        return bytes
    }

    private static func cpus(_ map: ArraySlice<UInt8>) -> CPUSet {
        CPUSet(
            map.enumerated().flatMap { index, byte in (0..<8).filter { byte >> $0 & 1 == 1 }.map { index * 8 + $0 } })
    }
}
