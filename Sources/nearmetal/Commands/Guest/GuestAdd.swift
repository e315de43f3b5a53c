import ArgumentParser

/// `nearmetal guest add`.
struct GuestAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Give a guest a device, now and at its next start.",
        discussion: """
            Examples:
              nearmetal guest add disk db1 /var/lib/libvirt/images/db1-log.qcow2,size=20G
              nearmetal guest add nic web1 --network default
              nearmetal guest add share web1 /srv/www www
            """,
        subcommands: [
            GuestAddDisk.self,
            GuestAddLUN.self,
            GuestAddShare.self,
            GuestAddNIC.self,
            GuestAddMemory.self,
            GuestAddHostDevice.self,
            GuestAddRNG.self,
            GuestAddWatchdog.self,
            GuestAddAgent.self,
        ])
}
