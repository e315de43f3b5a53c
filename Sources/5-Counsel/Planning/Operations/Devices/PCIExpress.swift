import DomainXML

/// The controllers of PCI Express.
enum PCIExpress {
    /// Ports beyond those that devices take at the start: what may be plugged in while the guest runs.
    private static let spare = 8

    /// The root, and a port for each of so many devices and for some to come.
    static func controllers(for devices: Int) -> [NewElement] {
        [NewElement("controller", ["type": "pci", "index": "0", "model": "pcie-root"])]
            + (1...(devices + spare)).map {
                NewElement("controller", ["type": "pci", "index": String($0), "model": "pcie-root-port"])
            }
    }
}
