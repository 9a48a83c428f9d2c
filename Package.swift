// swift-tools-version: 6.1
import PackageDescription

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let deques = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heaps = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "tidemark",
    products: [.executable(name: "tidemark", targets: ["tidemark"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CLAPACKE", pkgConfig: "lapacke", providers: [.apt(["liblapacke-dev"])]),
        .target(name: "CChecksum"),
        .target(name: "CMemory"),
        .target(name: "CVarints"),
        .target(name: "CRowKernels", linkerSettings: [.linkedLibrary("m")]),
        .target(name: "LinearAlgebra", dependencies: ["COpenBLAS", "CLAPACKE", "CRowKernels"]),
        .target(name: "EventModel", dependencies: ["CVarints"]),
        .target(name: "Platform"),
        .target(name: "LogStorage", dependencies: ["EventModel", "Platform", "CChecksum", "CVarints"]),
        .target(name: "Windowing", dependencies: ["EventModel", "CMemory"]),
        .target(name: "Features", dependencies: ["EventModel", "Windowing", "CRowKernels"]),
        .target(name: "OnlineLearning", dependencies: ["EventModel", "LinearAlgebra"]),
        .target(name: "Evaluation", dependencies: ["EventModel"]),
        .target(
            name: "PipelineCore", dependencies: ["EventModel", "Windowing", "Features", "OnlineLearning", "CVarints"]),
        .target(
            name: "PipelineRuntime",
            dependencies: [
                "EventModel", "Windowing", "Features", "OnlineLearning", "LinearAlgebra", "Evaluation", "PipelineCore",
                "LogStorage", "Platform", yams, deques, heaps,
            ]),
        .target(name: "ModelExchange", dependencies: ["EventModel", "Features", "OnlineLearning", "PipelineCore"]),
        .target(name: "Simulation", dependencies: ["EventModel", "Platform"]),
        .target(
            name: "Benchmarks",
            dependencies: [
                "EventModel", "Windowing", "Features", "OnlineLearning", "LinearAlgebra", "PipelineCore",
                "PipelineRuntime", "ModelExchange", "LogStorage", "Platform", "Simulation",
            ]),
        .executableTarget(
            name: "tidemark",
            dependencies: [
                "EventModel", "Features", "OnlineLearning", "Evaluation", "PipelineCore", "PipelineRuntime",
                "ModelExchange", "LogStorage", "Platform", "Simulation", "Benchmarks", argumentParser,
            ]),
        .executableTarget(
            name: "log-producers", dependencies: ["EventModel", "LogStorage", "Platform"], path: "Tests/LogProducers"),
        .target(name: "TestSupport", dependencies: ["EventModel"], path: "Tests/TestSupport"),
        .testTarget(name: "EventModelTests", dependencies: ["EventModel", "CVarints", "TestSupport"]),
        .testTarget(name: "PlatformTests", dependencies: ["Platform"]),
        .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra", "CRowKernels"]),
        .testTarget(
            name: "LogStorageTests",
            dependencies: ["EventModel", "LogStorage", "Platform", "Simulation", "CChecksum", "TestSupport"]),
        .testTarget(
            name: "DurabilityTests",
            dependencies: ["EventModel", "LogStorage", "Platform", "TestSupport", "log-producers"]),
        .testTarget(
            name: "WindowingTests", dependencies: ["EventModel", "Windowing", "TestSupport"],
            resources: [.copy("Resources")]),
        .testTarget(
            name: "FeaturesTests", dependencies: ["EventModel", "Windowing", "Features", "Platform", "TestSupport"]),
        .testTarget(
            name: "OnlineLearningTests", dependencies: ["OnlineLearning", "LinearAlgebra"],
            resources: [.copy("Resources")]),
        .testTarget(name: "EvaluationTests", dependencies: ["Evaluation"]),
        .testTarget(name: "SimulationTests", dependencies: ["Simulation"]),
        .testTarget(
            name: "PipelineRuntimeTests",
            dependencies: ["EventModel", "Features", "OnlineLearning", "PipelineCore", "PipelineRuntime"]),
        .testTarget(
            name: "PipelineCoreTests",
            dependencies: [
                "EventModel", "Features", "OnlineLearning", "PipelineCore", "Windowing", "CVarints", "TestSupport",
            ]),
        .testTarget(
            name: "ScenarioTests",
            dependencies: [
                "EventModel", "LogStorage", "Platform", "OnlineLearning", "PipelineCore", "PipelineRuntime",
                "ModelExchange", "Simulation", "Evaluation", "TestSupport",
            ]),
        .testTarget(name: "BenchmarksTests", dependencies: ["Benchmarks", "Platform"]),
        .testTarget(name: "TidyTests"),
    ]
)
