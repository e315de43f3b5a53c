import ArgumentParser
import Glibc
import Quantities

/// Asks before anything is changed.
enum Consent {
    /// Goes on only if the person agrees.
    ///
    /// - Throws: status 1 where the answer is no, 2 where nobody can be asked.
    static func require(_ question: Text, _ language: Language, isGiven: Bool) throws(ExitCode) {
        if isGiven { return }
        guard isatty(STDIN_FILENO) == 1 else {
            throw failing(Failure("nothing was changed: there is no terminal to ask at. Say --yes"))
        }
        write(Array("\(question[language]) [y/N] ".utf8), to: STDERR_FILENO)
        let answer = readLine(strippingNewline: true)?.lowercased() ?? ""
        guard ["y", "yes", "j", "ja", "是"].contains(answer) else {
            say(Text("nothing was changed", "未做任何更改")[language])
            throw ExitCode(1)
        }
    }
}
