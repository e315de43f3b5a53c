import ArgumentParser
import Planning

/// `nearmetal guest remove`.
struct GuestRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Take a device out of a guest, now and at its next start.",
        discussion: """
            A running guest is asked to let it go, and waited for; images and devices themselves stay as they are. What names a device: a disk's or
            lun's target or path, a nic's address, a share's tag, a hostdev's address, a memory device's alias or number; rng, watchdog and agent
            need none.

            Examples:
              nearmetal guest remove disk db1 vdb
              nearmetal guest remove nic web1 52:54:00:12:34:56
              nearmetal guest remove watchdog web1
            """)

    @Argument(
        help: ArgumentHelp(
            "Kind of device: disk, nic, rng, share, lun, hostdev, memory, watchdog or agent.", valueName: "kind"))
    var kind: RemoveDevice.Kind

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("Which device.", valueName: "device"))
    var device: String?

    @OptionGroup var options: OperationOptions

    func validate() throws {
        guard device != nil || kind.isAlone else {
            throw ValidationError("Say which \(kind.rawValue): see nearmetal guest remove --help")
        }
    }

    func run() async throws { try await options.carryOut(RemoveDevice(kind, device), on: guest) }
}
