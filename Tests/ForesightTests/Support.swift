import DiskImage
import DomainXML
import Foresight
import HostFacts
import Inventory
import Practices
import Quantities
import Testing
import ToolRunning

/// A host that will start what the tests define: a hugetlbfs for both page sizes.
func plainHost(_ change: @escaping (inout HostFacts) -> Void = { _ in }) -> (inout HostFacts) -> Void {
    { host in
        host.storage.mounts = .known([
            Mount(source: "/dev/sda2", path: "/", type: "xfs", options: ["rw"]),
            Mount(source: "hugetlbfs", path: "/dev/hugepages", type: "hugetlbfs", options: ["rw", "pagesize=2M"]),
            Mount(source: "hugetlbfs", path: "/dev/hugepages1G", type: "hugetlbfs", options: ["rw", "pagesize=1024M"]),
        ])
        change(&host)
    }
}

/// A guest that starts with the host, or does not.
func guest(_ name: String, _ xml: String = "", memoryMiB: Int = 1024, autostart: Bool = true) -> Guest {
    .example("<name>\(name)</name><memory unit='MiB'>\(memoryMiB)</memory>" + xml, active: false) {
        $0.isAutostart = .known(autostart)
    }
}

/// What would become of some guests.
func predict(
    _ guests: [Guest], capabilities: Fact<HypervisorCapabilities> = .known(.example), images: [ImageFacts] = [],
    missing: [String] = [],
    host change: @escaping (inout HostFacts) -> Void = { _ in }
) -> [StartPrediction] {
    var host = HostFacts.example
    plainHost(change)(&host)
    var all: [String: Fact<ImageFacts>] = [:]
    for image in images { all[image.path] = .known(image) }
    for path in missing { all[path] = .unknown(Unknown(.missing, source: path)) }
    return WouldStart.predict(
        Estate(host: host, guests: guests, images: all, hasImages: true, capabilities: capabilities, now: 1_795_000_000)
    )
}

/// The kinds of reasons against the start of one guest.
func reasons(
    _ xml: String, capabilities: Fact<HypervisorCapabilities> = .known(.example), images: [ImageFacts] = [],
    missing: [String] = [],
    memoryMiB: Int = 1024, host change: @escaping (inout HostFacts) -> Void = { _ in }
) -> Set<StartObstacle.Kind> {
    Set(
        predict(
            [guest("a", xml, memoryMiB: memoryMiB)], capabilities: capabilities, images: images, missing: missing,
            host: change)[0].obstacles
            .map(\.kind))
}

/// Whether one guest's start cannot be told.
func isUnknown(
    _ xml: String, capabilities: Fact<HypervisorCapabilities> = .known(.example), images: [ImageFacts] = [],
    host change: @escaping (inout HostFacts) -> Void = { _ in }
) -> Bool {
    if case .unknown = predict([guest("a", xml)], capabilities: capabilities, images: images, host: change)[0].verdict {
        true
    } else {
        false
    }
}

/// Pages of the next boot on the kernel command line.
func boot(_ line: String) -> (inout HostFacts) -> Void { { $0.boot.nextCommandLine = .known(KernelCommandLine(line)) } }

func unread<Value>(_ source: String) -> Fact<Value> { .unknown(Unknown(.denied, source: source)) }

extension Corpora {
    /// The definitions below some of its folders, in order of path; files that are no domain definition are left out.
    static func definitions(_ folders: String...) -> [(path: String, domain: DomainDefinition)] {
        folders.flatMap(documents).compactMap { path, bytes in
            (try? DomainDefinition(XMLDocument(bytes, path: path))).map { (path, $0) }
        }
    }
}
