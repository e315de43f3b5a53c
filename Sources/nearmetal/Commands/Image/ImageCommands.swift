import ArgumentParser

/// `nearmetal image`: what qemu-img does, with its options.
struct ImageCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Make, read, check and convert disk images, with qemu-img's options.",
        discussion: """
            Started under the name qemu-img, the program takes its commands at once.

            Examples:
              nearmetal image create -f qcow2 disk.qcow2 20G
              nearmetal image convert -p -O qcow2 disk.raw disk.qcow2
              nearmetal image info --backing-chain disk.qcow2
            """,
        subcommands: [
            ImageAdvise.self, ImageAmend.self, ImageBenchCommand.self, ImageBitmapCommand.self, ImageCheckCommand.self,
            ImageCommit.self,
            ImageCompare.self, ImageConvert.self,
            ImageCreate.self, ImageDD.self,
            ImageInfoCommand.self,
            ImageMapCommand.self, ImageMeasure.self, ImageRebase.self, ImageResize.self, ImageSnapshotCommand.self,
            ImageTree.self,
        ])
}
