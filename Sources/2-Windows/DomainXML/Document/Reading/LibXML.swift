internal import CLibXML2
internal import Glibc

/// What all uses of libxml2 share.
enum LibXML {
    /// No network; errors are asked for, not printed.
    ///
    /// Without `HUGE` its own limits hold, without `NOENT` and `DTDLOAD` no file is opened, and without `XINCLUDE` none
    /// is included.
    static let options = Int32(
        XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue
            | XML_PARSE_BIG_LINES.rawValue)

    /// The library, opened once for the process; or what is missing.
    private static let library: (functions: nearmetal_libxml, absence: String?) = {
        var functions = nearmetal_libxml()
        guard let handle = dlopen(NEARMETAL_LIBXML, RTLD_NOW | RTLD_LOCAL) else {
            return (functions, "libxml2 is not installed (\(NEARMETAL_LIBXML))")
        }
        if let missing = nearmetal_libxml_find(handle, &functions) {
            return (functions, "this libxml2 has no \(String(cString: missing))")
        }
        // It sets its globals up once, before the first thread parses.
        functions.initParser()
        return (functions, nil)
    }()

    /// libxml2's functions; only to be called after ``prepare(path:)``.
    static var functions: nearmetal_libxml { library.functions }

    /// Opens the library.
    ///
    /// - Throws: `io` if it is not installed.
    static func prepare(path: String) throws(XMLError) {
        guard let absence = library.absence else { return }
        throw XMLError(
            .io, absence, path: path, remedy: "Install it (Debian, Fedora: libxml2, SUSE: libxml2-2)")
    }

    /// Parses bytes, quietly; the tree, where the context builds one, is the caller's.
    static func parse(_ source: [UInt8], _ context: xmlParserCtxtPtr) -> xmlDocPtr? {
        var functions = functions
        let before = nearmetal_xml_hush(&functions)
        defer { nearmetal_xml_unhush(&functions, before) }
        return source.withUnsafeBytes { bytes in
            functions.ctxtReadMemory(
                context, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), nil, nil, options)
        }
    }

    /// The bytes of one of libxml2's strings; none for NULL.
    static func bytes(_ text: UnsafePointer<xmlChar>?) -> UnsafeBufferPointer<xmlChar> {
        UnsafeBufferPointer(
            start: text, count: text.map { strlen(UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self)) } ?? 0)
    }

    /// The error that ended parsing; later ones follow from it.
    final class FirstError {
        private let record: UnsafeMutablePointer<nearmetal_xml_record>

        /// Listens to a context's errors, for as long as this lives.
        ///
        /// The context keeps the owner too, for callbacks that get the context only.
        init(of context: xmlParserCtxtPtr, owner: UnsafeMutableRawPointer? = nil) {
            record = .allocate(capacity: 1)
            record.initialize(to: nearmetal_xml_record())
            record.pointee.owner = owner
            nearmetal_xml_listen(context, record)
        }

        deinit { record.deallocate() }

        static func owner(of context: UnsafeMutablePointer<xmlParserCtxt>) -> UnsafeMutableRawPointer? {
            context.pointee._private?.assumingMemoryBound(to: nearmetal_xml_record.self).pointee.owner
        }

        func error(path: String) -> XMLError {
            guard record.pointee.code != 0 else { return XMLError(.malformed, "the document is not XML", path: path) }
            var message = withUnsafeBytes(of: &record.pointee.message) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            while message.last?.isNewline == true || message.last == " " { message.removeLast() }
            let kind: XMLError.Kind = refusals.contains(UInt32(bitPattern: record.pointee.code)) ? .refused : .malformed
            return XMLError(kind, message, path: path, line: record.pointee.line > 0 ? Int(record.pointee.line) : nil)
        }
    }

    /// Errors that are limits rather than mistakes.
    ///
    /// 114 is `XML_ERR_RESOURCE_LIMIT`, which versions before 2.13 do not name.
    private static let refusals: [UInt32] = [XML_ERR_ENTITY_LOOP.rawValue, XML_ERR_NAME_TOO_LONG.rawValue, 114]
}

extension String {
    /// Copies one of libxml2's strings, which are UTF-8; empty for NULL.
    init(_ text: UnsafePointer<xmlChar>?) {
        self = text.map { String(cString: $0) } ?? ""
    }
    init(_ text: UnsafeMutablePointer<xmlChar>?) {
        self = text.map { String(cString: $0) } ?? ""
    }
}
