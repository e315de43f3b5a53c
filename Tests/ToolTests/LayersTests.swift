import Foundation
import Testing

/// The arrows of ARCHITECTURE.md: a module imports only modules of its own floor or lower.
@Suite struct LayersTests {
    static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
        .appending(path: "Sources")

    /// Floors by module, read from the folders.
    static let floors: [String: Int] = {
        var floors = ["nearmetal": 7]
        for floor in (try? FileManager.default.contentsOfDirectory(atPath: sources.path)) ?? [] {
            guard let number = floor.first?.wholeNumberValue else { continue }
            for module in (try? FileManager.default.contentsOfDirectory(atPath: sources.appending(path: floor).path))
                ?? []
            { floors[module] = number }
        }
        return floors
    }()

    static func files() -> [(module: String, path: String, imports: [String])] {
        var files: [(String, String, [String])] = []
        for case let path as String in FileManager.default.enumerator(atPath: sources.path)
            ?? FileManager.DirectoryEnumerator()
        where path.hasSuffix(".swift") {
            let parts = path.split(separator: "/").map(String.init)
            let module = parts[0] == "nearmetal" ? "nearmetal" : parts[1]
            let text = (try? String(contentsOf: sources.appending(path: path), encoding: .utf8)) ?? ""
            let imports = text.split(separator: "\n").compactMap { line -> String? in
                let words = line.split(separator: " ").map(String.init)
                guard let index = words.firstIndex(of: "import"), index <= 2,
                    words[..<index].allSatisfy({
                        ["public", "internal", "private", "package", "@preconcurrency", "fileprivate"].contains($0)
                    })
                else { return nil }
                return words.last
            }
            files.append((module, path, imports))
        }
        return files
    }

    @Test func importsGoDown() throws {
        let files = Self.files()
        #expect(files.count > 50)
        for (module, path, imports) in files {
            let own = try #require(Self.floors[module], "\(path): its module has no floor")
            for name in imports {
                guard let other = Self.floors[name] else { continue }
                #expect(other <= own, "\(path) imports \(name), which is above it")
            }
        }
    }

    @Test func foundationIsNotImported() {
        for (_, path, imports) in Self.files() {
            #expect(!imports.contains("Foundation"), "\(path): see ARCHITECTURE.md")
        }
    }

    /// Judgement touches nothing: no C library, no Glibc, no Dispatch on its floor.
    @Test func judgementIsPure() {
        for (module, path, imports) in Self.files() where Self.floors[module] == 3 || Self.floors[module] == 1 {
            for name in imports {
                #expect(Self.floors[name] != nil && Self.floors[name] != 0, "\(path) imports \(name)")
            }
        }
    }

    /// An outside library is imported by one module.
    @Test func outsideLibrariesHaveOneDoor() {
        var doors: [String: Set<String>] = [:]
        for (module, _, imports) in Self.files() {
            for name in imports where name.hasPrefix("CLib") || name == "ArgumentParser" {
                doors[name, default: []].insert(module)
            }
        }
        for (library, modules) in doors { #expect(modules.count == 1, "\(library) is imported by \(modules.sorted())") }
    }
}
