import ArgumentParser
import Glibc
import Planning

/// `nearmetal guest add disk`.
struct GuestAddDisk: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disk", abstract: "Give a guest a disk.",
        discussion: """
            The disk is written as virt-install's --disk has it. One that does not exist is made where its size is given, and stays where it
            is when the change is undone. Keys: size, format, device (disk, cdrom), bus, target, cache, io, discard, serial, readonly, shareable.

            Examples:
              nearmetal guest add disk db1 /var/lib/libvirt/images/log.qcow2,size=20G
              nearmetal guest add disk db1 /dev/vg0/data,cache=none,io=native
              nearmetal guest add disk web1 /srv/iso/tools.iso,device=cdrom
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("The disk.", valueName: DiskOption.form), completion: .file())
    var disk: DiskOption

    @OptionGroup var options: OperationOptions

    func validate() throws { try disk.validate() }

    func run() async throws {
        let operation: AddDisk
        do { operation = AddDisk(try disk.image(), at: disk.path, disk.wish) } catch { throw failing(error) }
        try await options.carryOut(operation, on: guest) { _ in disk.imageToMake.map { [$0] } ?? [] }
    }
}

/// `nearmetal guest add lun`.
struct GuestAddLUN: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lun", abstract: "Pass a LUN through, with its SCSI reservations.",
        discussion: """
            It gets a free unit of a virtio-scsi controller, which is made where none has one; a controller has 7. A multipath map is named
            by its alias, which is the same on every host.

            Examples:
              nearmetal guest add lun node1 /dev/mapper/cluster-sbd --shareable
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("A block device of the host.", valueName: "device"), completion: .file())
    var device: String

    @Flag(help: "Other guests have it, too, as in a cluster.")
    var shareable = false

    @OptionGroup var options: OperationOptions

    func run() async throws {
        do {
            var status = stat()
            guard device.hasPrefix("/"), stat(device, &status) == 0 else {
                throw Failure(
                    "\(device.prefix(200)): there is no such device. Give its whole path, as /dev/mapper/NAME")
            }
            guard status.st_mode & S_IFMT == S_IFBLK else {
                throw Failure("\(device) is no block device: only those have reservations")
            }
        } catch { throw failing(error) }
        try await options.carryOut(AddLUN(device, isShareable: shareable), on: guest)
    }
}

/// `nearmetal guest add share`.
struct GuestAddShare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "share", abstract: "Share a folder of the host's with a guest.",
        discussion: """
            virtiofs is faster, and needs the guest's memory to be shared, which is arranged for its next start. With 9p, --mode says whose the
            files are on the host: mapped (QEMU's; what the guest sets is kept in extended attributes), passthrough (as the guest says; QEMU
            must be root), squash. The command that mounts the share inside is printed.

            Examples:
              nearmetal guest add share web1 /srv/www www
              nearmetal guest add share web1 /srv/www www --driver 9p --mode mapped --read-only
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("A folder of the host.", valueName: "folder"), completion: .directory)
    var folder: String

    @Argument(help: ArgumentHelp("The name by which the guest mounts it.", valueName: "tag"))
    var tag: String

    @Option(help: ArgumentHelp("virtiofs or 9p.", valueName: "driver"))
    var driver: AddShare.Driver = .virtiofs

    @Option(help: ArgumentHelp("Whose files they are, with 9p: mapped, passthrough or squash.", valueName: "mode"))
    var mode: AddShare.Access = .mapped

    @Flag(help: "The guest may not write, with 9p.")
    var readOnly = false

    @OptionGroup var options: OperationOptions

    func run() async throws {
        do {
            var status = stat()
            guard folder.hasPrefix("/"), stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw Failure("\(folder.prefix(200)): there is no such folder. Give its whole path")
            }
        } catch { throw failing(error) }
        try await options.carryOut(
            AddShare(folder, tag: tag, driver: driver, access: mode, isReadOnly: readOnly), on: guest)
    }
}
