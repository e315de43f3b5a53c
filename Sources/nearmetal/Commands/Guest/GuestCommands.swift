import ArgumentParser

/// `nearmetal guest`.
struct GuestCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guest", abstract: "Work on guests through libvirt, checked and undoable.",
        discussion: """
            Examples:
              nearmetal guest list
              nearmetal guest stop web1 --timeout 60
              nearmetal guest set vcpus web1 4
              nearmetal guest set memory web1 2GiB --live
              nearmetal guest pin db1 --vcpu 0=2 --vcpu 1=3 --emulator 0-1
            """,
        subcommands: [
            GuestListCommand.self,
            GuestShow.self,
            GuestInsideCommand.self,
            GuestMigrationCheck.self,
            GuestCreate.self,
            GuestStart.self,
            GuestStop.self,
            GuestRestartCommand.self,
            GuestAutostart.self,
            GuestDisplayCommand.self,
            GuestConsole.self,
            GuestArguments.self,
            GuestFromArguments.self,
            GuestSet.self,
            GuestPin.self,
            GuestUnpin.self,
            GuestAdd.self,
            GuestRemove.self,
            GuestConvert.self,
            GuestMigratePages.self,
            CPUCommands.self,
        ])
}
