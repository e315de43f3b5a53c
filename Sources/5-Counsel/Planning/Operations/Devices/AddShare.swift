import Changes
import DomainXML
public import Inventory
import Practices
public import Quantities

/// Shares a folder of the host's with a guest (guide §5.4).
public struct AddShare: GuestOperation {
    /// Who carries it.
    public enum Driver: String, Sendable, Hashable, CaseIterable {
        /// A daemon beside QEMU; needs shared memory.
        case virtiofs
        /// QEMU itself, by the 9p protocol.
        case plan9 = "9p"
    }
    /// Whose files they are on the host (9p).
    public enum Access: String, Sendable, Hashable, CaseIterable {
        /// QEMU's; owner and mode as the guest sees them are kept in extended attributes.
        case mapped
        /// As the guest says; QEMU must be root.
        case passthrough
        /// As passthrough, but failures to set an owner are not told.
        case squash
    }
    private let folder: String
    private let tag: String
    private let driver: Driver
    private let access: Access
    private let isReadOnly: Bool

    /// The operation.
    ///
    /// - Parameters:
    ///   - folder: an absolute path of the host.
    ///   - tag: the name by which the guest mounts it, at most 36 bytes for virtiofs, 31 for 9p.
    ///   - driver: who carries it.
    ///   - access: whose files they are, for 9p.
    ///   - isReadOnly: whether the guest may only read.
    public init(_ folder: String, tag: String, driver: Driver, access: Access, isReadOnly: Bool) {
        self.folder = folder
        self.tag = tag
        self.driver = driver
        self.access = access
        self.isReadOnly = isReadOnly
    }

    /// filesystem-share.
    public var practice: String { "filesystem-share" }
    /// The folder and its tag.
    public var words: Text { Text("asked for: \(folder) as \(tag)", "要求:共享 \(folder),标签 \(tag)") }

    /// The share, shared memory where it needs that, and the command that mounts it inside.
    public func changes(of guest: Guest, in estate: Estate) throws(Refusal) -> GuestChanges {
        let longest = driver == .virtiofs ? 36 : 31
        guard (1...longest).contains(tag.utf8.count) else {
            throw Refusal("the tag \"\(tag.prefix(40))\" has \(tag.utf8.count) bytes: 1 to \(longest) are allowed")
        }
        if guest.definitions.contains(where: { $0.devices("filesystem").contains { $0.first("target")?["dir"] == tag } }
        ) {
            throw Refusal("guest \(guest.name) has a share \(tag) already")
        }
        if driver == .virtiofs, isReadOnly {
            throw Refusal(
                "a share by virtiofs cannot be read-only with this libvirt",
                remedy: "Take --driver 9p, or mount it read-only inside")
        }
        var addition = DeviceAddition(alias: guest.freeAlias("share-\(tag)"), element: element)
        switch driver {
        case .virtiofs:
            if let domain = guest.persistent, !SharedMemory.isShared(domain) {
                addition.edits = SharedMemory.changes(domain)
            }
            if let live = guest.live, !SharedMemory.isShared(live) {
                addition.whyNotLive = Text(
                    "the running guest's memory is not shared, which virtiofs needs", "运行中客户机的内存未共享,而 virtiofs 需要共享内存")
            }
            addition.notes.append(
                Text("inside: mount -t virtiofs \(tag.shellWord) /mnt", "客户机内:mount -t virtiofs \(tag.shellWord) /mnt"))
        case .plan9:
            addition.whyNotLive = Text("libvirt plugs no 9p share into a running guest", "libvirt 不支持热插 9p 共享")
            let mount = "mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 \(tag.shellWord) /mnt"
            addition.notes.append(Text("inside: \(mount)", "客户机内:\(mount)"))
            addition.notes.append(accessNote)
        }
        return addition.changes(of: guest)
    }

    private var accessNote: Text {
        switch access {
        case .mapped:
            Text(
                "mapped: files belong to QEMU's user on the host; owners and modes the guest sets are kept in extended attributes",
                "mapped:文件在主机上属于 QEMU 用户;客户机设置的属主与权限保存在扩展属性中")
        case .passthrough:
            Text(
                "passthrough: the guest's owners and modes are the host's; QEMU has to run as root for that, which gives a broken-out guest the host",
                "passthrough:客户机的属主与权限即主机的;QEMU 须以 root 运行,一旦被突破主机即失守")
        case .squash:
            Text(
                "squash: as passthrough, but owners that cannot be set are passed over in silence",
                "squash:同 passthrough,但忽略无法设置属主的错误")
        }
    }

    private var element: NewElement {
        let isVirtiofs = driver == .virtiofs
        return NewElement(
            "filesystem", ["type": "mount", "accessmode": isVirtiofs ? "passthrough" : access.rawValue],
            [
                isVirtiofs ? NewElement("driver", ["type": "virtiofs"]) : nil,
                NewElement("source", ["dir": folder]),
                NewElement("target", ["dir": tag]),
                isReadOnly ? NewElement("readonly") : nil,
            ])
    }
}
