// swift-tools-version: 6.2
import PackageDescription

// `make lint-build` and CI set it; an ordinary build shows warnings and goes on.
let warningsAreErrors = Context.environment["WARNINGS_AS_ERRORS"] != nil

// `Fuzz/run` sets it: modules then tell the fuzzer which ways were gone. The build plugin's tool must not.
let isFuzzed = Context.environment["NEARMETAL_FUZZED"] != nil

// `make test` sets it: what is tested is optimized, and keeps all its checks.
let isTested = Context.environment["NEARMETAL_TESTED"] != nil

let swiftSettings: [SwiftSetting] =
    [.enableUpcomingFeature("InternalImportsByDefault")]
    + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : [])
    + (isFuzzed ? [.unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"])] : [])

// What the testing library's macros make cannot be optimized.
let testSettings = swiftSettings + (isTested ? [.unsafeFlags(["-Onone"])] : [])

/// A module of Nearmetal.
///
/// What it may import is what is listed, and the layers go down only (ARCHITECTURE.md).
func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = [],
    plugins: [Target.PluginUsage] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, exclude: ["README.md"], resources: resources,
        swiftSettings: swiftSettings
            + (isTested ? [.unsafeFlags(["-enable-testing", "-assert-config", "Debug"])] : []),
        plugins: plugins)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: testSettings)
}

let package = Package(
    name: "nearmetal",
    products: [
        .executable(name: "nearmetal", targets: ["nearmetal"]),
        .library(name: "Quantities", targets: ["Quantities", "JSONText"]),
        .library(name: "DomainXML", targets: ["DomainXML"]),
        .library(name: "HostFacts", targets: ["HostFacts"]),
        .library(name: "DiskImage", targets: ["DiskImage"]),
        .library(name: "Libvirt", targets: ["Libvirt"]),
        .library(name: "Configuration", targets: ["Configuration", "Inventory"]),
        .library(name: "Practices", targets: ["Practices"]),
        .library(name: "Foresight", targets: ["Foresight"]),
        .library(name: "Advisor", targets: ["Advisor"]),
        .library(name: "Planning", targets: ["Planning", "Changes"]),
        .library(name: "Transactions", targets: ["Transactions", "Changes"]),
        .library(name: "Reports", targets: ["Reports"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // Layer 0: C libraries.
        .systemLibrary(
            name: "CLibXML2", path: "Sources/0-C/CLibXML2", pkgConfig: "libxml-2.0",
            providers: [.apt(["libxml2-dev"])]),
        .systemLibrary(
            name: "CLibYAML", path: "Sources/0-C/CLibYAML", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(
            name: "CLibvirt", path: "Sources/0-C/CLibvirt", providers: [.apt(["libvirt-dev"])]),
        .systemLibrary(
            name: "CSQLite", path: "Sources/0-C/CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(
            name: "CAugeas", path: "Sources/0-C/CAugeas", pkgConfig: "libxml-2.0", providers: [.apt(["libaugeas-dev"])]),
        .systemLibrary(
            name: "CZlib", path: "Sources/0-C/CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CZstd", path: "Sources/0-C/CZstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "CLibdeflate", path: "Sources/0-C/CLibdeflate", providers: [.apt(["libdeflate-dev"])]),
        .systemLibrary(
            name: "CISAL", path: "Sources/0-C/CISAL", providers: [.apt(["libisal-dev"])]),
        .systemLibrary(
            name: "CCrypto", path: "Sources/0-C/CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CNBD", path: "Sources/0-C/CNBD", providers: [.apt(["libnbd-dev"])]),
        .systemLibrary(name: "CLinux", path: "Sources/0-C/CLinux"),

        // Layer 1: values.
        module("Quantities"),
        module("JSONText"),
        module("LineDiff"),

        // Layer 2: windows on the machine. They read, and never write.
        module("DomainXML", ["CLibXML2", "Quantities"]),
        module("HostFacts", ["Quantities", "JSONText"]),
        module("DiskImage", ["CLinux", "CZlib", "CZstd", "CLibdeflate", "CISAL", "CNBD", "Quantities", "JSONText"]),
        module("Libvirt", ["CLibvirt", "CLinux", "Quantities"]),
        module("Augeas", ["CAugeas"]),
        module("ConfigText", ["Augeas"]),

        // Layer 3: values of an audit, and judgement on them. Pure functions.
        module("Changes", ["Quantities", "JSONText"]),
        module("Inventory", ["Quantities", "DomainXML", "HostFacts", "DiskImage"]),
        module(
            "Practices", ["Quantities", "DomainXML", "HostFacts", "DiskImage", "Inventory", "Changes"],
            plugins: ["PracticeRegistry"]),
        module("NativeConversion", ["Quantities", "JSONText", "DomainXML"]),
        module("Foresight", ["Quantities", "DomainXML", "HostFacts", "DiskImage", "Inventory"]),

        // Layer 4: the edge that gathers an estate.
        module("Configuration", ["CLibYAML", "Quantities", "Inventory"]),
        module("FileWriting", ["CLinux", "DiskImage"]),
        module("SQLite", ["CSQLite"]),
        module("Survey", ["Quantities", "JSONText", "DomainXML", "HostFacts", "DiskImage", "Libvirt", "Inventory"]),

        module(
            "Transactions",
            [
                "CLinux", "Quantities", "JSONText", "LineDiff", "DomainXML", "FileWriting", "SQLite", "Libvirt",
                "Changes",
            ]),

        // Layer 5: counsel.
        module("Advisor", ["Quantities", "DomainXML", "Inventory", "Changes", "Practices", "HostFacts", "DiskImage"]),

        module(
            "Planning",
            [
                "Quantities", "DomainXML", "HostFacts", "DiskImage", "ConfigText", "Inventory", "Changes",
                "Practices",
                "Advisor",
            ]),

        // Layer 6: display.
        module(
            "Reports",
            [
                "Quantities", "JSONText", "HostFacts", "DomainXML", "Inventory", "Changes", "Practices", "Foresight",
                "Advisor", "LineDiff", "Transactions", "DiskImage", "Planning", "NativeConversion",
            ]),
        module("ExampleEstate", ["Quantities", "DomainXML", "HostFacts", "Inventory", "Survey"]),

        // Layer 7: the tool.
        .executableTarget(
            name: "nearmetal",
            dependencies: [
                "Quantities", "JSONText", "DomainXML", "HostFacts", "DiskImage", "Libvirt", "Inventory", "Changes",
                "Practices", "Foresight", "NativeConversion", "Configuration", "FileWriting", "Survey", "Transactions",
                "Advisor",
                "Planning", "Reports",
                "ExampleEstate",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["README.md"],
            swiftSettings: swiftSettings),

        // The registry of practices is written from the files that declare them.
        .plugin(name: "PracticeRegistry", capability: .buildTool(), dependencies: ["practice-registry"]),
        .executableTarget(name: "practice-registry", path: "Plugins/practice-registry"),

        tests("QuantitiesTests", ["Quantities", "JSONText", "ToolRunning"]),
        tests("DomainXMLTests", ["DomainXML", "Quantities", "ToolRunning"]),
        tests("LineDiffTests", ["LineDiff", "ToolRunning"]),
        tests("HostFactsTests", ["HostFacts", "Quantities", "ToolRunning"]),
        tests("DiskImageTests", ["DiskImage", "ImageModels", "Quantities", "ToolRunning"]),
        tests(
            "LibvirtTests",
            [
                "Libvirt", "Survey", "Inventory", "DomainXML", "Quantities", "JSONText", "Changes", "Transactions",
                "ToolRunning", "nearmetal",
            ]),
        // Linked with libvirt itself, to compare what the product looks up with what the headers declare.
        .testTarget(
            name: "LibvirtHeaderTests", dependencies: ["Libvirt", "CLibvirt"], swiftSettings: testSettings,
            linkerSettings: [.linkedLibrary("virt"), .linkedLibrary("virt-qemu")]),
        tests(
            "PracticesTests",
            ["Practices", "Inventory", "HostFacts", "DomainXML", "DiskImage", "Changes", "Quantities", "ToolRunning"]),
        tests(
            "ForesightTests",
            ["Foresight", "Practices", "Inventory", "HostFacts", "DomainXML", "DiskImage", "Quantities", "ToolRunning"]),
        tests("NativeConversionTests", ["NativeConversion", "DomainXML", "Quantities", "ToolRunning"]),
        tests("FileWritingTests", ["FileWriting", "ToolRunning"]),
        tests("SQLiteTests", ["SQLite", "ToolRunning"]),
        .testTarget(
            name: "SQLiteHeaderTests", dependencies: ["SQLite", "CSQLite"], swiftSettings: testSettings,
            linkerSettings: [.linkedLibrary("sqlite3")]),
        tests("ConfigurationTests", ["Configuration", "Inventory", "Quantities"]),
        tests(
            "ReportsTests",
            [
                "Reports", "Advisor", "Practices", "Inventory", "HostFacts", "DomainXML", "ExampleEstate", "Foresight",
                "Quantities", "JSONText", "Changes", "Survey", "Transactions", "Planning", "NativeConversion",
                "ToolRunning",
            ], exclude: ["Golden", "SARIF"]),
        tests("ToolTests", ["Quantities", "ToolRunning", "ImageModels", "nearmetal"]),
        .testTarget(
            name: "CompressionHeaderTests", dependencies: ["DiskImage", "CISAL", "CLibdeflate", "CZstd", "CCrypto"],
            swiftSettings: testSettings,
            linkerSettings: [.linkedLibrary("isal"), .linkedLibrary("deflate"), .linkedLibrary("zstd")]),
        tests("AugeasTests", ["Augeas"]),
        .testTarget(
            name: "AugeasHeaderTests", dependencies: ["Augeas", "CAugeas"], swiftSettings: testSettings,
            linkerSettings: [.linkedLibrary("augeas")]),
        tests("ConfigTextTests", ["ConfigText"]),
        tests(
            "PlanningTests",
            [
                "Planning", "Advisor", "Changes", "Practices", "Inventory", "HostFacts", "DomainXML", "Survey",
                "Quantities", "ToolRunning", "Transactions",
            ]),
        tests(
            "TransactionsTests",
            ["Transactions", "Changes", "ConfigText", "Quantities", "JSONText", "SQLite", "ToolRunning", "crash-child"]),
        .executableTarget(
            name: "crash-child", dependencies: ["Transactions", "Changes"], path: "Tests/CrashChild",
            swiftSettings: swiftSettings),
        .target(name: "ToolRunning", path: "Tests/ToolRunning", swiftSettings: swiftSettings),
        .target(
            name: "ImageModels", dependencies: ["DiskImage"], path: "Tests/ImageModels", swiftSettings: swiftSettings),
        tests("DocumentationTests", ["ToolRunning", "nearmetal"]),
    ]
)
for target in package.targets where target.type == .regular && target.path == nil {
    target.path = "Sources/\(layer(of: target.name))/\(target.name)"
}

/// The folder of a module's layer.
func layer(of module: String) -> String {
    switch module {
    case "Quantities", "JSONText", "LineDiff": "1-Values"
    case "DomainXML", "HostFacts", "DiskImage", "Libvirt", "Augeas", "ConfigText": "2-Windows"
    case "Changes", "Inventory", "Practices", "Foresight", "NativeConversion": "3-Judgement"
    case "Configuration", "FileWriting", "Survey", "Transactions", "SQLite": "4-Edge"
    case "Advisor", "Planning": "5-Counsel"
    case "Reports", "ExampleEstate": "6-Display"
    default: preconditionFailure("\(module) has no layer yet: name it here and in ARCHITECTURE.md")
    }
}
