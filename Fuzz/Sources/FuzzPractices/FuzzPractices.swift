import Changes
import DomainXML
import Foresight
import FuzzDriver
import HostFacts
import Inventory
import Practices
import Quantities

/// Hosts that a guest is judged on: none, and the one of the examples.
private let hosts: [HostFacts] = [.unexamined, .example]

/// One input: any definition, judged by every practice, defined and running, alone and beside its twin.
private func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let source = Array(UnsafeBufferPointer(start: start, count: count))
    guard let document = try? XMLDocument(source, path: "fuzz"), let domain = try? DomainDefinition(document) else {
        return -1
    }
    for host in hosts {
        let defined = Guest(name: domain.name, origin: .file("fuzz"), persistent: domain)
        var running = Guest(name: domain.name + "2", origin: .file("fuzz"), persistent: domain, live: domain)
        running.state = .known(.running)
        let estate = Estate(
            host: host, hasHost: host.root != nil, guests: [defined, running], capabilities: .known(.example),
            now: 1_795_000_000)
        for practice in Practices.all {
            if let practice = practice as? any HostPractice { walk(practice.judge(estate.host, in: estate)) }
            guard let practice = practice as? any GuestPractice else { continue }
            for guest in estate.guests { walk(practice.verdict(practice.about, on: domain, of: guest, in: estate)) }
        }
        _ = WouldStart.predict(estate).count
        if let target = ReadinessTarget(releaseNamed: "sles-16") { _ = Readiness.judge(estate, for: target) }
    }
    return 0
}

/// Makes the texts of all findings, which are made on demand.
private func walk(_ judgement: Judgement) {
    for finding in judgement.findings {
        _ = (finding.what, finding.remedy.commands)
        for change in finding.remedy.changes { _ = (change.target, change.to, change.commands) }
    }
}

@main
struct FuzzPractices {
    static func main() { runFuzzer(test) }
}
