import Quantities
import Testing

@Suite struct Base64Tests {
    @Test(arguments: [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob")])
    func bytes(_ text: String, _ bytes: String) {
        #expect(Base64.decode(Array(text.utf8)) == Array(bytes.utf8))
        #expect(Base64.decode(Array(text.utf8), isLoose: true) == Array(bytes.utf8))
    }

    @Test(arguments: ["Z", "Zg=", "Zg==Zg==", "====", "Zm9*", "Z=g=", "Zm 9v"]) func noBase64(_ text: String) {
        #expect(Base64.decode(Array(text.utf8)) == nil)
    }

    /// As it stands in files, over several lines.
    @Test func looseText() {
        #expect(Base64.decode(Array("Zm9\n\tvYg".utf8), isLoose: true) == Array("foob".utf8))
        for text in ["Zm9*", "Zg==Zg==", "Zm9vY", "===="] {
            #expect(Base64.decode(Array(text.utf8), isLoose: true) == nil, "\(text)")
        }
    }
}
