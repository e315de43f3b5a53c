import DiskImage
import Quantities

/// Headers of the example's images.
enum ExampleImages {
    private static let folder = "/var/lib/libvirt/images/"

    private static func image(
        _ name: String, _ format: ImageFacts.Format, virtual: UInt64, allocated: UInt64,
        _ change: (inout ImageFacts) -> Void = { _ in }
    ) -> ImageFacts {
        var image = ImageFacts(
            path: name.hasPrefix("/") ? name : folder + name, format: format,
            virtualSize: .known(ByteCount(gibibytes: virtual)),
            fileSize: .known(ByteCount(gibibytes: allocated)), allocated: .known(ByteCount(gibibytes: allocated)),
            modified: .known(ExampleEstate.moment - 3600))
        image.fileSystem = .known("ext4")
        image.fileSystemFree = .known(ByteCount(gibibytes: 120))
        image.fileSystemID = "259:1"
        image.isNoCOW = .unknown(Unknown(.missing, source: "FS_IOC_GETFLAGS"))
        if format == .qcow2 {
            image.version = 3
            image.clusterSize = ByteCount(kibibytes: 64)
            image.compression = "zlib"
            image.isPreallocated = false
        }
        change(&image)
        return image
    }

    /// The images, in order of path.
    static let all: [ImageFacts] = [
        image("base.qcow2", .qcow2, virtual: 20, allocated: 2),
        image("build.qcow2", .qcow2, virtual: 100, allocated: 40) { $0.isDirty = true },
        image("cluster-a.qcow2", .qcow2, virtual: 40, allocated: 9),
        image("cluster-b.qcow2", .qcow2, virtual: 40, allocated: 9),
        image("db1.qcow2", .qcow2, virtual: 400, allocated: 180),
        image("desktop.qcow2", .qcow2, virtual: 60, allocated: 22),
        image("legacy.vmdk", .vmdk, virtual: 8, allocated: 6), image("quorum.raw", .raw, virtual: 1, allocated: 1),
        image("voice.raw", .raw, virtual: 20, allocated: 20),
        image("web1.qcow2", .qcow2, virtual: 20, allocated: 1) {
            $0.backingFile = "base.qcow2"
            $0.backingFormat = "qcow2"
        },
        // Made as the guide's own commands did, without the format of what is below.
        image("web2.qcow2", .qcow2, virtual: 20, allocated: 1) { $0.backingFile = "base.qcow2" },
        image("win2022.qcow2", .qcow2, virtual: 120, allocated: 64),
    ]
}
