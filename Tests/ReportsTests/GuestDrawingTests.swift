import Advisor
import ExampleEstate
import Foundation
import Inventory
import Quantities
import Testing

@testable import Reports

/// Guests drawn, against drawings that a person has looked at.
@Suite struct GuestDrawingTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/guests")

    @Test(arguments: Language.allCases) func examples(_ language: Language) async throws {
        let estate = ExampleEstate.answer(Settings()).estate
        var text = ""
        for index in estate.guests.indices {
            let audit = await Advice().audit([index], of: estate)
            let drawing = GuestDrawing(estate.guests[index], in: estate, audit: audit)
            text += String(decoding: drawing.text(TextStyle(width: 90), language), as: UTF8.self) + "\n"
        }
        let file = Self.folder.appending(path: "show.\(language.rawValue).text")
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        #expect(try text == String(contentsOf: file, encoding: .utf8))
    }
}
