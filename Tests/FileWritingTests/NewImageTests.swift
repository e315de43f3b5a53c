import FileWriting
import Foundation
import Testing
import ToolRunning

/// Images that guests are given are those the engine makes, and take nobody's place.
@Suite struct NewImageTests {
    @Test(arguments: NewImage.Format.allCases) func isMadeAndTakenAway(_ format: NewImage.Format) async throws {
        try await inTemporaryFolder { folder in
            let path = folder + "/disk"
            let image = try NewImage(path, format, size: 20 << 30)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            if FileManager.default.isExecutableFile(atPath: "/usr/bin/qemu-img") {
                let info = String(
                    decoding: try await RunningProgram("qemu-img", ["info", "--output=json", path]).end().output,
                    as: UTF8.self)
                #expect(info.contains("\"virtual-size\": 21474836480") && info.contains("\"format\": \"\(format)\""))
                let check = try await RunningProgram("qemu-img", ["check", "-q", path]).end()
                #expect(format == .raw || check.status == 0)
            }
            image.takeAway()
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func takesNobodysPlace() async throws {
        try await inTemporaryFolder { folder in
            let path = folder + "/disk"
            try Data("here".utf8).write(to: URL(filePath: path))
            #expect(throws: FileWritingError.self) { try NewImage(path, .qcow2, size: 1 << 20) }
            #expect(FileManager.default.contents(atPath: path) == Data("here".utf8))
            // What is there by now is not what was made.
            let other = try NewImage(folder + "/other", .raw, size: 1 << 20)
            try FileManager.default.moveItem(atPath: path, toPath: folder + "/moved")
            try FileManager.default.removeItem(atPath: folder + "/other")
            try FileManager.default.moveItem(atPath: folder + "/moved", toPath: folder + "/other")
            other.takeAway()
            #expect(FileManager.default.fileExists(atPath: folder + "/other"))
            #expect(throws: FileWritingError.self) { try NewImage(folder + "/odd", .qcow2, size: 1000) }
        }
    }
}
