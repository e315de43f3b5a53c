import Changes
public import DiskImage
import DomainXML
public import Inventory
public import Quantities

/// Gives a guest a disk, on the bus and with the cache its storage wants (guide §4.3, §5).
public struct AddDisk: GuestOperation {
    /// What is asked for of a disk; `nil` leaves the choice to Nearmetal.
    public struct Wish: Sendable, Hashable {
        /// `disk` or `cdrom`.
        public var device = "disk"
        /// virtio, scsi, sata, usb.
        public var bus: String?
        /// Its name, as `vdb`.
        public var target: String?
        /// As libvirt has it.
        public var cache: String?
        /// As libvirt has it.
        public var io: String?
        /// As libvirt has it.
        public var discard: String?
        /// A serial number the guest sees.
        public var serial: String?
        /// Whether the guest may only read it.
        public var isReadOnly = false
        /// Whether other guests write to it, too.
        public var isShareable = false
        /// Nothing asked for.
        public init() {}
    }

    private let path: String
    private let image: ImageFacts
    private let wish: Wish

    /// The operation.
    ///
    /// - Parameters:
    ///   - image: the image as it is; its format is the one declared.
    ///   - path: its absolute path.
    ///   - wish: what is asked for.
    public init(_ image: ImageFacts, at path: String, _ wish: Wish = Wish()) {
        self.image = image
        self.path = path
        self.wish = wish
    }

    /// disk-bus.
    public var practice: String { "disk-bus" }
    /// The disk.
    public var words: Text { Text("asked for: \(wish.device) \(path)", "要求:\(wish.device) \(path)") }

    /// The disk, and an I/O thread where its workload is a busy one.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        let isDisk = wish.device == "disk"
        try refuseUsed(by: guest.name, estate)
        guard let domain = guest.definition else { return GuestChanges() }
        let bus = bus(isX86: domain.isX86 != false)
        let target = wish.target ?? guest.freeTarget(bus == "virtio" ? "vd" : bus == "ide" ? "hd" : "sd")
        guard !guest.diskTargets.contains(target) else {
            throw Refusal("guest \(guest.name) has a disk \(target) already", remedy: "Leave target= out")
        }
        var addition = DeviceAddition(
            alias: guest.freeAlias("disk-\(target)"),
            element: element(target, bus, isBusy: Self.isBusy(guest), thread: nil))
        if isDisk, bus == "virtio", Self.isBusy(guest) {
            // The running guest has the threads it has; the next start may have one more.
            addition.live = element(
                target, bus, isBusy: Self.isBusy(guest), thread: guest.live.flatMap(Self.leastUsedThread))
            let thread = guest.persistent.flatMap(Self.leastUsedThread)
            if thread == nil, let persistent = guest.persistent {
                addition.edits = persistent.setting("iothreads", to: "1")
            }
            addition.element = element(target, bus, isBusy: Self.isBusy(guest), thread: thread ?? 1)
        }
        if !isDisk || bus == "sata" || bus == "ide" {
            addition.whyNotLive = Text("\(bus) takes no drive while the guest runs", "\(bus) 总线不支持运行中添加")
        }
        if image.format == .raw, !image.isBlockDevice, let guest = guest.definition, guest.isWindows {
            addition.notes.append(
                Text(
                    "Windows needs the viostor driver before it sees a virtio disk",
                    "Windows 需要 viostor 驱动才能识别 virtio 磁盘"))
        }
        return addition.changes(of: guest)
    }

    /// Two guests that write to one image destroy it; one guest alone does the same with two disks.
    func refuseUsed(by name: String, _ estate: Estate) throws(Refusal) {
        let users = estate.relations.images.users(of: path).all.map { (guest: estate.guests[$0.guest].name, use: $0) }
        if let own = users.first(where: { $0.guest == name && $0.use.depth == 0 }) {
            throw Refusal("guest \(name) has \(path) already, as \(own.use.disk.target)")
        }
        guard !wish.isReadOnly, wish.device == "disk" else { return }
        if let other = users.first(where: { $0.use.isWriter && !($0.use.disk.isShareable && wish.isShareable) }) {
            throw Refusal(
                "\(path) is disk \(other.use.disk.target) of guest \(other.guest): two that write to it would destroy it",
                remedy: wish.isShareable
                    ? "Its disk there is not shareable" : "Use an overlay on it, or shareable=on for a cluster's disk")
        }
        let overlay = estate.relations.images.overlays(of: path).first
        if let overlay = overlay ?? users.first(where: { $0.use.depth > 0 }).map({ "a disk of guest \($0.guest)" }) {
            throw Refusal(
                "\(path) is the backing file of \(overlay): to write to it would destroy that",
                remedy: "Use readonly=on, or an overlay on it")
        }
    }

    /// The bus: virtio for disks; CD drives need one that takes them.
    func bus(isX86: Bool) -> String { wish.bus ?? (wish.device == "disk" ? "virtio" : isX86 ? "sata" : "scsi") }

    private static func isBusy(_ guest: Guest) -> Bool {
        [.database, .storage, .latency].contains(guest.workload)
    }

    private static func leastUsedThread(_ domain: DomainDefinition) -> Int? {
        var uses: [Int: Int] = [:]
        for disk in domain.disks { for thread in disk.servingThreads(in: domain) { uses[thread, default: 0] += 1 } }
        return domain.ioThreadIDs.min { (uses[$0] ?? 0, $0) < (uses[$1] ?? 0, $1) }
    }

    func element(_ target: String, _ bus: String, isBusy: Bool, thread: Int?) -> NewElement {
        let isDisk = wish.device == "disk"
        let isAllocated = image.isBlockDevice || image.isPreallocated == true
        // Native I/O would stop the loop while a sparse file grows; io_uring does not.
        let io =
            wish.io
            ?? (!isDisk || !isBusy
                ? (image.isBlockDevice && isDisk ? "native" : nil) : isAllocated ? "native" : "io_uring")
        let cache = wish.cache ?? (isDisk ? "none" : nil)
        return NewElement(
            "disk", ["type": image.isBlockDevice ? "block" : "file", "device": wish.device],
            [
                NewElement(
                    "driver",
                    [
                        "name": "qemu", "type": image.format.rawValue, "cache": cache, "io": io,
                        "discard": wish.discard ?? (isDisk && !wish.isReadOnly ? "unmap" : nil),
                        "iothread": thread.map(String.init),
                    ]),
                NewElement("source", [image.isBlockDevice ? "dev" : "file": path]),
                NewElement("target", ["dev": target, "bus": bus]),
                wish.serial.map { NewElement("serial", text: $0) },
                wish.isReadOnly || !isDisk ? NewElement("readonly") : nil,
                wish.isShareable ? NewElement("shareable") : nil,
            ])
    }
}
