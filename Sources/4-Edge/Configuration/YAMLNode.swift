internal import CLibYAML
internal import Glibc

/// A node of a YAML document, with the place where it begins.
///
/// Anchors, aliases and tags are not read: a configuration needs none.
struct YAMLNode {
    /// A place in the text, both from 1.
    struct Mark: Hashable {
        var line: Int
        var column: Int
    }
    enum Content {
        case scalar(String)
        case sequence([YAMLNode])
        case mapping([(key: YAMLNode, value: YAMLNode)])
    }
    var content: Content
    var mark: Mark

    var scalar: String? { if case .scalar(let text) = content { text } else { nil } }
    var sequence: [YAMLNode]? { if case .sequence(let nodes) = content { nodes } else { nil } }
    var mapping: [(key: YAMLNode, value: YAMLNode)]? { if case .mapping(let pairs) = content { pairs } else { nil } }

    /// The deepest nesting read.
    static let depthLimit = 32

    /// libyaml's functions; `nil` where it is not installed.
    private static let libyaml: nearmetal_libyaml? = {
        var functions = nearmetal_libyaml()
        guard let handle = dlopen("libyaml-0.so.2", RTLD_NOW | RTLD_LOCAL),
            nearmetal_libyaml_find(handle, &functions) != 0
        else { return nil }
        return functions
    }()

    /// Reads the first document of a text; `nil` if it has none.
    ///
    /// libyaml parses, event by event, so that a hostile text costs no more memory than its own size.
    static func read(_ bytes: [UInt8], path: String) throws(ConfigurationError) -> YAMLNode? {
        guard let library = libyaml else {
            throw ConfigurationError(
                "libyaml is not installed (libyaml-0.so.2). Install it (Debian, SUSE: libyaml-0-2, Fedora: libyaml)",
                path: path)
        }
        var parser = yaml_parser_t()
        guard library.initialize(&parser) == 1 else {
            throw ConfigurationError("libyaml has no memory left", path: path)
        }
        defer { library.deleteParser(&parser) }
        // The parser keeps the pointer until it is deleted.
        let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
        defer { input.deallocate() }
        _ = input.initialize(from: bytes)
        library.setInput(&parser, input.baseAddress, bytes.count)
        library.setEncoding(&parser, YAML_UTF8_ENCODING)

        var open: [YAMLNode] = []
        var root: YAMLNode?
        while true {
            var event = yaml_event_t()
            guard library.parse(&parser, &event) == 1 else { throw problem(of: parser, path: path) }
            defer { library.deleteEvent(&event) }
            let mark = Mark(line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
            func refuse(_ what: String) -> ConfigurationError {
                ConfigurationError(what, path: path, line: mark.line, column: mark.column)
            }
            var finished: YAMLNode?
            switch event.type {
            case YAML_ALIAS_EVENT: throw refuse("aliases are not read here; write the value out")
            case YAML_SCALAR_EVENT:
                let text = UnsafeBufferPointer(start: event.data.scalar.value, count: event.data.scalar.length)
                finished = YAMLNode(content: .scalar(String(decoding: text, as: UTF8.self)), mark: mark)
            case YAML_SEQUENCE_START_EVENT: open.append(YAMLNode(content: .sequence([]), mark: mark))
            case YAML_MAPPING_START_EVENT: open.append(YAMLNode(content: .mapping([]), mark: mark))
            case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: finished = open.popLast()
            case YAML_DOCUMENT_END_EVENT, YAML_STREAM_END_EVENT: return root
            default: break
            }
            guard open.count <= depthLimit else {
                throw refuse("the configuration is nested more than \(depthLimit) levels deep")
            }
            guard let finished else { continue }
            if open.isEmpty { root = finished } else { try open[open.count - 1].take(finished, path: path) }
        }
    }

    /// Puts a finished node into the sequence or mapping around it.
    ///
    /// A mapping gets its keys with a value that is still to come.
    private mutating func take(_ node: YAMLNode, path: String) throws(ConfigurationError) {
        switch content {
        case .scalar: break
        case .sequence(var nodes):
            content = .scalar("")
            nodes.append(node)
            content = .sequence(nodes)
        case .mapping(var pairs):
            content = .scalar("")
            if let last = pairs.indices.last, pairs[last].value.isAwaited {
                pairs[last].value = node
            } else {
                guard let key = node.scalar else {
                    throw ConfigurationError(
                        "a key must be a word", path: path, line: node.mark.line, column: node.mark.column)
                }
                guard !pairs.contains(where: { $0.key.scalar == key }) else {
                    throw ConfigurationError(
                        "\"\(key)\" stands here twice", path: path, line: node.mark.line, column: node.mark.column)
                }
                pairs.append((node, YAMLNode(content: .sequence([]), mark: Mark(line: 0, column: 0))))
            }
            content = .mapping(pairs)
        }
    }

    /// Marks a value that has not come yet: no node begins in line 0.
    private var isAwaited: Bool { mark.line == 0 }

    private static func problem(of parser: yaml_parser_t, path: String) -> ConfigurationError {
        let words = parser.problem.map { String(cString: $0) } ?? "it cannot be parsed"
        return ConfigurationError(
            "this is not YAML: \(words)", path: path, line: Int(parser.problem_mark.line) + 1,
            column: Int(parser.problem_mark.column) + 1)
    }
}
