// swift-tools-version: 6.1
import PackageDescription

let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let relaxed = Target.Dependency.product(name: "RealModule", package: "swift-numerics")

let package = Package(
    name: "tidemark",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CLAPACKE", pkgConfig: "lapacke", providers: [.apt(["liblapacke-dev"])]),
        .target(name: "CChecksum"),
        .target(name: "CPrefetch"),
        .target(name: "LinearAlgebra", dependencies: ["COpenBLAS", "CLAPACKE", relaxed]),
        .target(name: "EventModel"),
        .target(name: "Platform"),
        .target(name: "LogStorage", dependencies: ["EventModel", "Platform", "CChecksum"]),
        .target(name: "Windowing", dependencies: ["EventModel", "CPrefetch"]),
        .target(name: "Features", dependencies: ["EventModel", "Windowing"]),
        .target(name: "OnlineLearning", dependencies: ["EventModel", "LinearAlgebra"]),
        .target(name: "Evaluation", dependencies: ["EventModel"]),
        .target(name: "Simulation", dependencies: ["EventModel"]),
        .testTarget(name: "EventModelTests", dependencies: ["EventModel"]),
    ]
)
