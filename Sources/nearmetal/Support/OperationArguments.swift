public import ArgumentParser
public import Inventory
public import DiskImage
public import Planning

// Values of operations as the command line has them.
extension AddShare.Driver: ExpressibleByArgument {}
extension AddShare.Access: ExpressibleByArgument {}
extension AddMemory.Model: ExpressibleByArgument {}
extension AddWatchdog.Action: ExpressibleByArgument {}
extension RemoveDevice.Kind: ExpressibleByArgument {}
extension SetNUMATune.Mode: ExpressibleByArgument {}
extension Workload: ExpressibleByArgument {}
extension NewGuest.OperatingSystem: ExpressibleByArgument {}
extension FileStorage.Caching: ExpressibleByArgument {}
