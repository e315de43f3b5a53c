import Glibc
import Quantities
import Synchronization

/// A line on stderr that tells what is being done, once that has taken over a second and if stderr is a terminal.
final class Progress: Sendable {
    private let language: Language
    private let isShown = isatty(STDERR_FILENO) == 1
    private let state = Mutex(State())

    private struct State {
        var text: Text?
        var isLate = false
        var isOver = false
    }

    init(language: Language) {
        self.language = language
        guard isShown else { return }
        Task { [weak self] in
            try? await Task.sleep(for: .seconds(1))
            self?.becomeLate()
        }
    }

    private func becomeLate() {
        state.withLock { state in
            state.isLate = true
            draw(state)
        }
    }

    private func draw(_ state: State) {
        guard state.isLate, !state.isOver, let text = state.text else { return }
        write(Array("\r\u{1B}[K\(text[language]) …".utf8), to: STDERR_FILENO)
    }

    /// Tells what is being done.
    func say(_ text: Text) {
        guard isShown else { return }
        state.withLock { state in
            state.text = text
            draw(state)
        }
    }

    /// Takes the line away, for good.
    func finish() {
        guard isShown else { return }
        state.withLock { state in
            if state.isLate, state.text != nil { write(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO) }
            state.isOver = true
        }
    }
}
