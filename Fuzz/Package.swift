// swift-tools-version: 6.2
import PackageDescription

/// A target of libFuzzer: its `main` comes from the fuzzer, so that none may be made of the Swift files.
func fuzzer(_ name: String, _ products: [String]) -> Target {
    .executableTarget(
        name: name, dependencies: products.map { .product(name: $0, package: "nearmetal") },
        swiftSettings: [.unsafeFlags(["-parse-as-library"])])
}

// A package of its own: `-sanitize=fuzzer` must not reach the product. `Fuzz/run` builds it.
let package = Package(
    name: "Fuzz",
    dependencies: [.package(name: "nearmetal", path: "..")],
    targets: [
        fuzzer("FuzzDomainXML", ["DomainXML"]),
        fuzzer("FuzzHostFacts", ["HostFacts", "Quantities"]),
        fuzzer("FuzzConfiguration", ["Configuration"]),
        fuzzer("FuzzPractices", ["Practices", "Foresight", "DomainXML", "HostFacts", "Quantities"]),
    ]
)
