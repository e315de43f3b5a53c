import FuzzDriver
import JSONText

/// One input: any bytes as a guest agent's answer. What can be read is written, and read again as the same.
private func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    do {
        let value = try JSONValue(text)
        var writer = JSONWriter(indent: count % 3)
        write(value, &writer)
        let again = try JSONValue(String(decoding: writer.finished(), as: UTF8.self))
        precondition(again == value, "\(again) is not \(value)")
    } catch {
        _ = error.description
    }
    return 0
}

private func write(_ value: JSONValue, _ json: inout JSONWriter) {
    switch value {
    case .null: json.null()
    case .bool(let value): json.bool(value)
    case .integer(let value): json.integer(value)
    case .number(let value): json.number(value)
    case .string(let value): json.string(value)
    case .array(let list): json.array(list) { write($1, &$0) }
    case .object(let members):
        json.object { json in
            for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                json.key(name)
                write(value, &json)
            }
        }
    }
}

@main
struct FuzzJSON {
    static func main() { runFuzzer(test) }
}
