import DiskImage
import DomainXML
import Foresight
import Foundation
import HostFacts
import Inventory
import Practices
import Quantities
import Testing

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

/// The corpora beside the checkout.
enum SharedCorpora {
    static let folder: String? = {
        if let named = ProcessInfo.processInfo.environment["NEARMETAL_SHARED"] {
            return FileManager.default.fileExists(atPath: named + "/corpora") ? named + "/corpora" : nil
        }
        var folder = URL(fileURLWithPath: #filePath)
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let corpora = folder.appendingPathComponent("shared/corpora").path
            if FileManager.default.fileExists(atPath: corpora) { return corpora }
        }
        return nil
    }()

    static func definitions(_ name: String) -> [(path: String, domain: DomainDefinition)] {
        guard let folder, let walk = FileManager.default.enumerator(atPath: "\(folder)/\(name)") else { return [] }
        return walk.compactMap { $0 as? String }.filter { $0.hasSuffix(".xml") }.sorted().compactMap { path in
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)/\(path)"),
                let domain = try? DomainDefinition(XMLDocument(Array(data), path: path))
            else { return nil }
            return (path, domain)
        }
    }
}
