import CAugeas
import Testing

@testable import Augeas

/// What the product looks up by name is what Augeas' header declares.
///
/// The tests are linked with Augeas, the product is not. Passing a declared function beside the member of `Library` compiles only if both have one type; and
/// the linker's address of it is the one that was looked up only if the name was right.
@Suite struct FunctionsTests {
    @Test func typesAndNamesAreTheHeaders() throws {
        let library = try Library.shared.get()
        var checked = 0
        func same<Function>(
            _ member: KeyPath<Library, Function>, _ declared: Function, at place: SourceLocation = #_sourceLocation
        ) {
            let own = unsafeBitCast(library[keyPath: member], to: UInt.self)
            #expect(own == unsafeBitCast(declared, to: UInt.self), sourceLocation: place)
            checked += 1
        }
        same(\.initialize, aug_init)
        same(\.close, aug_close)
        same(\.error, aug_error)
        same(\.errorMessage, aug_error_message)
        same(\.errorMinorMessage, aug_error_minor_message)
        same(\.errorDetails, aug_error_details)
        same(\.get, aug_get)
        same(\.label, aug_label)
        same(\.set, aug_set)
        same(\.insert, aug_insert)
        same(\.remove, aug_rm)
        same(\.match, aug_match)
        same(\.textStore, aug_text_store)
        same(\.textRetrieve, aug_text_retrieve)
        #expect(checked == Mirror(reflecting: library).children.count, "one is not compared")
    }
}
