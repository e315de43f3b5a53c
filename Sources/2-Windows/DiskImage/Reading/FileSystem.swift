import CLinux
import Glibc
import Quantities

/// What the file system says of an open image.
enum FileSystem {
    /// `FS_IOC_GETFLAGS`: `_IOR('f', 1, long)`.
    private static let getFlags: UInt = 0x8008_6601
    /// `FS_NOCOW_FL`.
    private static let noCOW: UInt = 0x0080_0000
    /// `BTRFS_IOC_FS_INFO`: `_IOR(0x94, 31, struct btrfs_ioctl_fs_info_args)`.
    private static let btrfsInfo: UInt = 0x8400_941F

    static func describe(_ file: ImageFile, into facts: inout ImageFacts) {
        var status = statfs()
        guard fstatfs(file.descriptor, &status) == 0 else { return }
        // A device node lies on devtmpfs, which says nothing of the device.
        guard !file.isBlockDevice else { return }
        let type = UInt64(truncatingIfNeeded: status.f_type) & 0xFFFF_FFFF
        facts.fileSystem = .known(name(ofType: type))
        let unit = status.f_frsize > 0 ? status.f_frsize : status.f_bsize
        facts.fileSystemFree = .known(ByteCount(bytes: UInt64(max(0, unit))) * UInt64(status.f_bavail))
        facts.fileSystemID = "dev:\(file.status.st_dev)"
        if type == 0x9123_683E, let id = btrfsID(file) { facts.fileSystemID = id }

        var flags: UInt = 0
        // SAFETY: the kernel writes at most a long, which the variable is.
        if ioctl(file.descriptor, getFlags, &flags) == 0 {
            facts.isNoCOW = .known(flags & noCOW != 0)
        } else {
            facts.isNoCOW = .unknown(Unknown(.missing, source: "NOCOW attribute of \(facts.path)"))
        }
    }

    /// A Btrfs file system's UUID: each subvolume has a device number of its own, and they share one space.
    private static func btrfsID(_ file: ImageFile) -> String? {
        var info = [UInt8](repeating: 0, count: 1024)
        // SAFETY: the kernel writes one struct btrfs_ioctl_fs_info_args, 1,024 bytes, and the array has as many.
        let answer = info.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map { ioctl(file.descriptor, btrfsInfo, $0) } ?? -1
        }
        guard answer == 0 else { return nil }
        return "btrfs:" + info[16..<32].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// A file system's name by its magic number.
    ///
    /// - Source: statfs(2); kernel include/uapi/linux/magic.h.
    static func name(ofType type: UInt64) -> String {
        switch type {
        case 0x9123_683E: "btrfs"
        case 0x5846_5342: "xfs"
        case 0xEF53: "ext4"
        case 0x6969: "nfs"
        case 0x0102_1994: "tmpfs"
        case 0x8584_58F6: "ramfs"
        case 0x794C_7630: "overlay"
        case 0x2FC1_2FC1: "zfs"
        case 0xFF53_4D42: "cifs"
        case 0xFE53_4D42: "smb2"
        case 0x6573_5546: "fuse"
        case 0x00C3_6400: "ceph"
        case 0x0116_1970: "gfs2"
        case 0x7461_636F: "ocfs2"
        case 0x4750_4653: "gpfs"
        case 0x0BD0_0BD0: "lustre"
        case 0xF2F5_2010: "f2fs"
        case 0xCA45_1A4E: "bcachefs"
        case 0x0102_1997: "9p"
        case 0x7371_7368: "squashfs"
        case 0xE0F5_E1E2: "erofs"
        case 0x9660: "iso9660"
        case 0x4D44: "vfat"
        case 0x2011_BAB0: "exfat"
        case 0x5346_544E: "ntfs"
        case 0x5265_4973: "reiserfs"
        case 0x3153_464A: "jfs"
        default: type.hex
        }
    }
}
