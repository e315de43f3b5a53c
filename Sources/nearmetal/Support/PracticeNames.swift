import Advisor
import ArgumentParser
import Practices
import Quantities

/// Practices as they are named on the command line.
enum PracticeNames {
    /// The names in a list.
    static func split(_ list: String?) -> [String] {
        list?.split(separator: ",").map { String($0).trimmingSpaces } ?? []
    }

    /// Refuses lists with a name that no practice has.
    static func validate(_ lists: String?...) throws(ValidationError) {
        for id in lists.flatMap(split)
        where !Practices.all.contains(where: { Wildcard(id).matches($0.about.id) || $0.about.aliases.contains(id) }) {
            throw unknown(id)
        }
    }

    /// What is said of a name that no practice has.
    static func unknown(_ id: String) -> ValidationError {
        let nearest = Spelling.nearest(to: id, among: Practices.all.map(\.about.id))
        return ValidationError(
            "There is no practice \"\(id)\". "
                + (nearest.map { "Did you mean \"\($0)\"?" } ?? "`nearmetal practices` lists them"))
    }
}

extension Advice.Selection {
    /// What `--only`, `--except` and `--guest` say.
    init(only: String?, except: String?, guests: [String]) {
        self.init()
        self.only = PracticeNames.split(only)
        self.except = PracticeNames.split(except)
        self.guests = guests
    }
}

extension String {
    /// Without spaces at its ends.
    fileprivate var trimmingSpaces: String {
        var text = self[...]
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}
