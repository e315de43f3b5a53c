import JSONText
public import NativeConversion
public import Quantities

/// A definition made out of a command line, and what is not in it, as an object.
public enum NativeConversionReport {
    /// The object.
    public static func json(_ conversion: NativeConversion, _ language: Language) -> [UInt8] {
        var json = JSONWriter(indent: 1)
        json.object { json in
            json.member("schemaVersion", 1)
            json.member("definition", conversion.definition.description)
            json.member("leftOver", array: conversion.leftOver) { json, entry in
                json.object { json in
                    json.member("words", entry.words)
                    json.member("reason", entry.reason.rawValue)
                    json.member("why", entry.why[language])
                }
            }
        }
        return json.finished()
    }
}
