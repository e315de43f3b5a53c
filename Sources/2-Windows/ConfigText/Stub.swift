public struct ConfigTextError: Error {}
public enum ConfigText { public static func setting(_ setting: String, to value: String?, in path: String, of text: String?) throws(ConfigTextError) -> String { "" } }
public enum BootText {
 public struct WordChange: Sendable { public var name: String; public var value: String?; public init(name: String, value: String?) { self.name = name; self.value = value } }
 public static func defaultGrub(_ text: String, variable: String, _ changes: [WordChange]) throws(ConfigTextError) -> String { "" }
 public static func bls(_ text: String, _ changes: [WordChange]) throws(ConfigTextError) -> String { "" }
 public static func grubenv(_ text: String, _ changes: [WordChange]) throws(ConfigTextError) -> String { "" }
 public static func kernelCmdline(_ text: String, _ changes: [WordChange]) throws(ConfigTextError) -> String { "" }
 public static func menuList(_ text: String, _ changes: [WordChange], isForXen: Bool) throws(ConfigTextError) -> String { "" }
}
