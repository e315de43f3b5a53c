import ArgumentParser
import Planning
import Quantities

/// `nearmetal guest pin`.
struct GuestPin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin", abstract: "Pin a guest's threads to host CPUs.",
        discussion: """
            CPUs are written as libvirt writes them: 0-3,8,^2. All pins are made together, or none. Where none is named, a node of the host is
            chosen that has room for the guest and the most CPUs that nobody is pinned to: each vCPU then gets a core of its own while there are any.

            Examples:
              nearmetal guest pin db1 --dry-run
              nearmetal guest pin db1 --vcpu 0=2 --vcpu 1=3 --emulator 0-1
              nearmetal guest pin db1 --iothread 1=4-5 --live
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(help: ArgumentHelp("A vCPU, from 0, and its CPUs; may be given again.", valueName: "vcpu=cpus"))
    var vcpu: [String] = []

    @Option(help: ArgumentHelp("The CPUs of QEMU's own threads.", valueName: "cpus"))
    var emulator: String?

    @Option(help: ArgumentHelp("An iothread's id and its CPUs; may be given again.", valueName: "id=cpus"))
    var iothread: [String] = []

    @OptionGroup var options: OperationOptions

    func validate() throws { _ = try pins() }

    private func pins() throws -> [(PinThreads.Thread, CPUSet?)] {
        var pins: [(PinThreads.Thread, CPUSet?)] = []
        func add(_ texts: [String], _ option: String, _ thread: (Int) -> PinThreads.Thread) throws {
            for text in texts {
                let parts = text.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, let number = Int(parts[0]), (0..<16_384).contains(number) else {
                    throw ValidationError(
                        "--\(option) \"\(text.prefix(64))\": write its number, =, and host CPUs, as 0=2-3")
                }
                pins.append((thread(number), try Self.cpus(parts[1], "--\(option) \(number)")))
            }
        }
        try add(vcpu, "vcpu") { .vcpu($0) }
        try add(iothread, "iothread") { .iothread($0) }
        if let emulator { pins.append((.emulator, try Self.cpus(emulator[...], "--emulator"))) }
        guard Set(pins.map(\.0)).count == pins.count else { throw ValidationError("A thread is named twice") }
        return pins
    }

    private static func cpus(_ text: Substring, _ option: String) throws -> CPUSet {
        guard let cpus = CPUSet(libvirt: text), !cpus.isEmpty else {
            throw ValidationError("\(option): \"\(text.prefix(64))\" is no list of CPUs: write 2, 0-3 or 0-7,^2")
        }
        return cpus
    }

    func run() async throws {
        let pins = try pins()
        try await options.carryOut(pins.isEmpty ? PinTogether() : PinThreads(pins), on: guest)
    }
}

/// `nearmetal guest unpin`.
struct GuestUnpin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin", abstract: "Let a guest's threads run on any CPU again.",
        discussion: """
            Examples:
              nearmetal guest unpin db1 --vcpu 0 --vcpu 1 --emulator
            """)

    @Argument(help: ArgumentHelp("The guest.", valueName: "guest"), completion: GuestNames.completion)
    var guest: String

    @Option(help: ArgumentHelp("A vCPU, from 0; may be given again.", valueName: "vcpu"))
    var vcpu: [Int] = []

    @Flag(help: "QEMU's own threads.")
    var emulator = false

    @Option(help: ArgumentHelp("An iothread's id; may be given again.", valueName: "id"))
    var iothread: [Int] = []

    @OptionGroup var options: OperationOptions

    func validate() throws {
        guard emulator || !vcpu.isEmpty || !iothread.isEmpty else {
            throw ValidationError("Say what to unpin: --vcpu, --emulator or --iothread")
        }
    }

    func run() async throws {
        let threads =
            Set(vcpu).sorted().map(PinThreads.Thread.vcpu) + (emulator ? [.emulator] : [])
            + Set(iothread).sorted().map(PinThreads.Thread.iothread)
        try await options.carryOut(PinThreads(threads.map { ($0, nil) }), on: guest)
    }
}
