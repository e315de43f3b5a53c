public import DomainXML
public import Inventory
public import Quantities

extension About {
    /// Why this practice does not hold for a guest at all, by its domain type or because it is confidential; `nil` where it does.
    public func inapplicable(to domain: DomainDefinition) -> Text? {
        if !domainTypes.isEmpty, !domainTypes.contains(domain.type) {
            return Text(
                "holds for domains of type \(domainTypes.sorted().joined(separator: ", ")); this one is \(domain.type)",
                "适用于类型为 \(domainTypes.sorted().joined(separator: "、")) 的域;此域为 \(domain.type)")
        }
        if !holdsForConfidential, domain.isConfidential {
            return Text("does not hold for confidential guests (SEV, TDX)", "不适用于机密客户机(SEV、TDX)")
        }
        return nil
    }
}

extension GuestPractice {
    /// Judges one definition of a guest, after the gates of its description.
    public func verdict(_ about: About, on domain: DomainDefinition, of guest: Guest, in estate: Estate) -> Judgement {
        if let reason = about.inapplicable(to: domain) { return .notApplicable(reason) }
        return judge(domain, of: guest, in: estate)
    }
}

extension Example {
    /// What a practice says of the example: of its host, its first guest (as it runs, else as it is defined), or all its images.
    public func judgement(by practice: any Practice) -> Judgement {
        let estate = self.estate
        var all: [Judgement] = []
        if let practice = practice as? any GuestPractice, let guest = estate.guests.first, let domain = guest.definition
        {
            all.append(practice.verdict(practice.about, on: domain, of: guest, in: estate))
        } else if practice is any GuestPractice, !(practice is any HostPractice), !(practice is any ImagePractice) {
            preconditionFailure("\(file):\(line): the example has no guest")
        }
        if let practice = practice as? any ImagePractice {
            for path in estate.images.keys.sorted() {
                switch estate.images[path] {
                case .known(let image)?: all.append(practice.judge(image, in: estate))
                case .unknown(let reason)?: all.append(.unknown(reason))
                case nil: break
                }
            }
        }
        if let practice = practice as? any HostPractice { all.append(practice.judge(estate.host, in: estate)) }
        var sum = Judgement()
        for judgement in all {
            sum.findings += judgement.findings
            for reason in judgement.unknowns { sum.add(reason) }
        }
        if !all.isEmpty, all.allSatisfy({ $0.notApplicable != nil }) { sum.notApplicable = all[0].notApplicable }
        return sum
    }
}
