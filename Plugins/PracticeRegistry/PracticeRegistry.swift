import PackagePlugin

/// Writes the list of practices from the files that declare them, so that a new practice is one new file and nothing else.
@main
struct PracticeRegistry: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        guard let module = target as? SwiftSourceModuleTarget else { return [] }
        let inputs = module.sourceFiles(withSuffix: ".swift").map(\.url).sorted { $0.path < $1.path }
        let output = context.pluginWorkDirectoryURL.appending(path: "PracticeRegistry.swift")
        return [
            .buildCommand(
                displayName: "Listing the practices",
                executable: try context.tool(named: "practice-registry").url,
                arguments: [output.path] + inputs.map(\.path), inputFiles: inputs, outputFiles: [output])
        ]
    }
}
