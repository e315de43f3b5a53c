import ArgumentParser
import Glibc
import Planning

/// `nearmetal guest add nic`.
struct GuestAddNIC: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nic", abstract: "Give a guest a network interface.",
        discussion: """
            Examples:
              nearmetal guest add nic web1 --network default
              nearmetal guest add nic web1 --bridge br0 --queues 4
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(help: ArgumentHelp("A network of libvirt's.", valueName: "name"))
    var network: String?

    @Option(help: ArgumentHelp("A bridge of the host's.", valueName: "name"))
    var bridge: String?

    @Option(help: ArgumentHelp("Its address. Default: one at random.", valueName: "address"))
    var mac: String?

    @Option(help: ArgumentHelp("The device's model.", valueName: "model"))
    var model = "virtio"

    @Option(help: ArgumentHelp("Queues, at most one for each vCPU.", valueName: "count"))
    var queues: Int?

    @OptionGroup var options: OperationOptions

    func validate() throws {
        guard (network == nil) != (bridge == nil) else { throw ValidationError("Give --network or --bridge") }
        if let name = bridge ?? network, !Self.isName(name, ofBridge: bridge != nil) {
            throw ValidationError(
                "There can be no \(bridge == nil ? "network" : "bridge") \"\(name.prefix(32))\"")
        }
        if let mac, !Self.isAddress(mac) {
            throw ValidationError("--mac \"\(mac.prefix(64))\": write six bytes, the first even, as 52:54:00:12:34:56")
        }
        if let queues, queues < 1 { throw ValidationError("--queues: a number from 1 is needed") }
    }

    /// The kernel's limit for bridges; libvirt's networks have no other names than files can have.
    static func isName(_ name: String, ofBridge: Bool) -> Bool {
        (1...(ofBridge ? 15 : 255)).contains(name.utf8.count)
            && name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "/" && $0.value != 0x7F }
    }

    static func isAddress(_ text: String) -> Bool {
        let bytes = text.split(separator: ":", omittingEmptySubsequences: false)
        let values = bytes.compactMap { $0.utf8.count == 2 ? UInt8($0, radix: 16) : nil }
        // An odd first byte is a multicast address.
        return bytes.count == 6 && values.count == 6 && values[0] & 1 == 0
    }

    /// An address of QEMU's own range.
    static func randomAddress() -> String {
        func two(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
        return "52:54:00:" + (0..<3).map { _ in two(UInt8.random(in: 0...255)) }.joined(separator: ":")
    }

    func run() async throws {
        let source: AddNIC.Source = network.map { .network($0) } ?? .bridge(bridge ?? "")
        let operation = AddNIC(source, mac: mac ?? Self.randomAddress(), model: model, queues: queues)
        try await options.carryOut(operation, on: guest)
    }
}

/// `nearmetal guest add hostdev`.
struct GuestAddHostDevice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hostdev", abstract: "Pass a PCI or USB device of the host's through.",
        discussion: """
            Examples:
              nearmetal guest add hostdev db1 3b:00.0
              nearmetal guest add hostdev db1 pci_0000_3b_00_0
              nearmetal guest add hostdev desk1 046d:c52b
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Argument(help: ArgumentHelp("Its address: PCI as lspci, USB as lsusb writes it.", valueName: "address"))
    var address: String

    @OptionGroup var options: OperationOptions

    func validate() throws {
        guard HostDeviceAddress(address) != nil else {
            throw ValidationError("\"\(address.prefix(64))\" is no address: write 0000:3b:00.0, or 046d:c52b for USB")
        }
    }

    func run() async throws {
        guard let device = HostDeviceAddress(address) else { return }
        if case .pci = device, access("/sys/bus/pci/devices/\(device)", F_OK) != 0, options.isOfThisHost {
            throw failing(Failure("this host has no PCI device \(device)"))
        }
        try await options.carryOut(AddHostDevice(device), on: guest)
    }
}

/// `nearmetal guest add rng`.
struct GuestAddRNG: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rng", abstract: "Give a guest random numbers of the host's.",
        discussion: """
            Examples:
              nearmetal guest add rng web1
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(help: ArgumentHelp("A device of the host.", valueName: "device"))
    var source = "/dev/urandom"

    @OptionGroup var options: OperationOptions

    func run() async throws {
        var status = stat()
        guard source.hasPrefix("/"), stat(source, &status) == 0, status.st_mode & S_IFMT == S_IFCHR else {
            throw failing(
                Failure("\(source.prefix(200)) is no device that random numbers come from. Take /dev/urandom"))
        }
        try await options.carryOut(AddRNG(source), on: guest)
    }
}

/// `nearmetal guest add watchdog`.
struct GuestAddWatchdog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watchdog", abstract: "Give a guest a watchdog.",
        discussion: """
            Examples:
              nearmetal guest add watchdog db1 --action reset
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(
        help: ArgumentHelp(
            "What happens when the guest is silent: reset, shutdown, poweroff, pause, dump, none or inject-nmi.",
            valueName: "action"))
    var action: AddWatchdog.Action = .reset

    @Option(help: ArgumentHelp("The device's model: i6300esb, ib700, diag288 on s390x.", valueName: "model"))
    var model = "i6300esb"

    @OptionGroup var options: OperationOptions

    func run() async throws { try await options.carryOut(AddWatchdog(action, model: model), on: guest) }
}

/// `nearmetal guest add agent`.
struct GuestAddAgent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Give a guest the channel of the QEMU guest agent.",
        discussion: """
            Examples:
              nearmetal guest add agent web1
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @OptionGroup var options: OperationOptions

    func run() async throws { try await options.carryOut(AddAgent(), on: guest) }
}
