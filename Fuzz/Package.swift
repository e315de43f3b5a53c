// swift-tools-version: 6.2
import PackageDescription

/// A target of libFuzzer.
///
/// Flags of its own rather than `--sanitize=fuzzer`, which would make a fuzzer of the build plugin's tool too.
func fuzzer(_ name: String, _ products: [String]) -> Target {
    .executableTarget(
        name: name, dependencies: ["FuzzDriver"] + products.map { .product(name: $0, package: "nearmetal") },
        swiftSettings: [.unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"])],
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])])
}

// A package of its own: `-sanitize=fuzzer` must not reach the product. `Fuzz/run` builds it.
let package = Package(
    name: "Fuzz",
    dependencies: [.package(name: "nearmetal", path: "..")],
    targets: [
        .target(name: "CFuzzer", path: "Sources/Support/CFuzzer"),
        .target(name: "FuzzDriver", dependencies: ["CFuzzer"], path: "Sources/Support/FuzzDriver"),
        fuzzer("FuzzDomainXML", ["DomainXML"]),
        fuzzer("FuzzHostFacts", ["HostFacts", "Quantities"]),
        fuzzer("FuzzConfiguration", ["Configuration"]),
        fuzzer("FuzzBlockOptions", ["DiskImage"]),
        fuzzer("FuzzImage", ["DiskImage"]),
        fuzzer("FuzzJSON", ["Quantities"]),
        fuzzer("FuzzPractices", ["Practices", "Foresight", "DomainXML", "HostFacts", "Quantities"]),
    ]
)
