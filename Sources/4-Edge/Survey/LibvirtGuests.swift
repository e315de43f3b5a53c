import DomainXML
import Glibc
import Inventory
import Quantities

/// Guests as libvirt knows them.
struct LibvirtGuests: Sendable {
    var guests: [Guest]
    var capabilities: Fact<HypervisorCapabilities>
    var failures: [any Error] = []

    /// The connection virsh would take: its own variable, then libvirt's; `nil` leaves the choice to libvirt.
    static var defaultURI: String? {
        for name in ["VIRSH_DEFAULT_CONNECT_URI", "LIBVIRT_DEFAULT_URI"] {
            if let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty { return value }
        }
        return nil
    }

    /// Whether a connection leads to this machine: no host in it, and not the mock driver.
    static func isLocal(_ uri: String?) -> Bool {
        guard let uri else { return true }
        guard let scheme = uri.range(of: "://") else { return true }
        let rest = uri[scheme.upperBound...]
        return !uri.hasPrefix("test") && (rest.isEmpty || rest.hasPrefix("/"))
    }

    static func read(uri: String?, settings: Settings, request: EstateSurvey.Request) async throws(SurveyError) -> LibvirtGuests {
        throw SurveyError("libvirt is not asked yet", place: uri ?? "libvirt")
    }
}

extension String {
    /// Where a text stands in this one.
    func range(of text: String) -> Range<String.Index>? {
        guard let first = text.first else { return nil }
        var start = startIndex
        while let found = self[start...].firstIndex(of: first) {
            if self[found...].hasPrefix(text) { return found..<index(found, offsetBy: text.count) }
            start = index(after: found)
        }
        return nil
    }
}
