import Glibc
import Quantities

/// Asks before anything is changed.
enum Consent {
    /// Whether the person agrees.
    ///
    /// - Throws: status 2 where nobody can be asked.
    static func ask(_ question: Text, _ language: Language, isGiven: Bool) throws -> Bool {
        if isGiven { return true }
        guard isatty(STDIN_FILENO) == 1 else {
            throw failing(Failure("nothing was changed: there is no terminal to ask at. Say --yes"))
        }
        write(Array("\(question[language]) [y/N] ".utf8), to: STDERR_FILENO)
        let answer = readLine(strippingNewline: true)?.lowercased() ?? ""
        return ["y", "yes", "j", "ja", "是"].contains(answer)
    }
}
