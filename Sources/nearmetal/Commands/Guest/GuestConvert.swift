import ArgumentParser
import Glibc
import Planning

/// `nearmetal guest convert`.
struct GuestConvert: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Move a guest from Spice to VNC, from i440fx to q35, or its disks to virtio.",
        discussion: """
            It holds from the guest's next start; what the guest will notice is told.

            Windows starts from a virtio disk only where its driver has served one before. --to-virtio therefore goes in stages, each of them the
            same command and a change of its own that can be rolled back: a small virtio disk is put in; once the guest's agent tells that Windows
            sees it, the disks are switched; once the guest runs from them, the small disk goes.

            Examples:
              nearmetal guest convert desk1 --to-vnc
              nearmetal guest convert old1 --to-q35 --dry-run
              nearmetal guest convert win1 --to-virtio
              nearmetal guest convert win1 --to-virtio --driver-loaded
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Flag(help: "VNC instead of Spice, and what came with Spice taken out.")
    var toVnc = false

    @Flag(help: "The q35 board instead of i440fx.")
    var toQ35 = false

    @Flag(help: "Disks on virtio instead of IDE, SATA or an emulated SCSI controller.")
    var toVirtio = false

    @Flag(help: "Go in stages though the guest is not known to run Windows, with --to-virtio.")
    var staged = false

    @Flag(
        help: "The guest has loaded the driver, and was restarted since: for guests without an agent, with --to-virtio."
    )
    var driverLoaded = false

    @Option(
        help: ArgumentHelp(
            "A raw image there is for the small disk, with --to-virtio. Default: one of 64 MiB is made beside the guest's.",
            valueName: "path"),
        completion: .file())
    var image: String?

    @OptionGroup var options: OperationOptions

    func validate() throws {
        guard [toVnc, toQ35, toVirtio].count(where: { $0 }) == 1 else {
            throw ValidationError("Say what to: --to-vnc, --to-q35 or --to-virtio")
        }
        guard toVirtio || !(staged || driverLoaded || image != nil) else {
            throw ValidationError("--staged, --driver-loaded and --image belong to --to-virtio")
        }
    }

    func run() async throws {
        guard toVirtio else { return try await options.carryOut(toVnc ? ConvertToVNC() : ConvertToQ35(), on: guest) }
        if let image {
            var status = stat()
            guard image.hasPrefix("/"), stat(image, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw failing(Failure("\(image.prefix(200)): there is no such image. Give its whole path"))
            }
        }
        let operation = ConvertToVirtio(image: image, isStaged: staged, isDriverLoaded: driverLoaded)
        try await options.carryOut(operation, on: guest) { guest in
            operation.imagesToMake(for: guest).map {
                ImageToMake(path: $0, format: .raw, size: ConvertToVirtio.size)
            }
        }
    }
}
