#!/usr/bin/env bash
# Feeds inputs to the batch decoder, the index reader and the Avro reader (libFuzzer, AddressSanitizer): no crash, no
# hang, no unbounded memory, and what Tests/Fuzzing says must hold.
#
#     Tests/Scripts/fuzz.sh [RUNS [TARGET ...]]     RUNS inputs for each target (1,000,000; all: batch index avro)
#     Tests/Scripts/fuzz.sh TARGET FILE             one input again
#
# Builds what it needs in .build/fuzz, with the modules under test instrumented; needs nothing but the toolchain. What
# it finds of interest stays in .build/fuzz/corpus and is where the next run begins; FUZZ_SEED sets the random seed (1).
set -euo pipefail
cd "$(dirname "$0")/../.."

out=.build/fuzz
c_modules=(CChecksum CVarints)
modules=(EventModel Platform LogStorage)
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=16:abort_on_error=0

# Optimised, but with assertions; tests reach internals.
flags=(-swift-version 6 -O -assert-config Debug -g -whole-module-optimization -parse-as-library -enable-testing
    -sanitize=fuzzer,address -module-cache-path "$out/cache" -I "$out")
for module in "${c_modules[@]}"; do flags+=(-I "$out/$module"); done

compile() {
    local name=$1
    shift
    swiftc "${flags[@]}" -module-name "$name" -emit-module -emit-module-path "$out/$name.swiftmodule" \
        -c -o "$out/$name.o" "$@"
}

build() {
    local module objects=()
    for module in "${c_modules[@]}"; do
        mkdir -p "$out/$module"
        printf 'module %s { header "%s" export * }\n' "$module" "$(echo "$PWD/Sources/$module"/include/*.h)" \
            >"$out/$module/module.modulemap"
        clang -O2 -g -fsanitize=fuzzer-no-link,address -I "Sources/$module/include" -c -o "$out/$module.o" \
            Sources/"$module"/*.c
        objects+=("$out/$module.o")
    done
    for module in "${modules[@]}"; do
        compile "$module" Sources/"$module"/*.swift
        objects+=("$out/$module.o")
    done
    # The in-memory file system alone: the rest of its module needs packages.
    compile Fuzzing Tests/Fuzzing/*.swift \
        Sources/Simulation/InMemory*.swift Sources/Simulation/RandomStream.swift
    swiftc -use-ld=lld -sanitize=fuzzer,address -o "$out/fuzz" "$out/Fuzzing.o" "${objects[@]}"
}

# figure NAME LOG: a figure that libFuzzer prints at the end.
figure() { sed -n "s/^stat::$1: *//p" "$2"; }

fuzz() {
    local target=$1 runs=$2 log=$out/$1.log corpus=$out/corpus/$1
    mkdir -p "$corpus" "$out/found"
    if ! FUZZ_TARGET=$target FUZZ_SEEDS=$corpus "$out/fuzz" "$corpus" -runs="$runs" -seed="${FUZZ_SEED:-1}" \
        -max_len=4096 -timeout=5 -rss_limit_mb=512 -print_final_stats=1 -artifact_prefix="$out/found/$target-" \
        >"$log" 2>&1; then
        grep -a -E '^Swift/|Fatal error|Precondition failed|Fuzzing/|SUMMARY|Test unit written' "$log" || tail -n 40 "$log"
        printf '%s: failed; %s has it all, and the input is named above: Tests/Scripts/fuzz.sh %s FILE\n' \
            "$target" "$log" "$target" >&2
        return 1
    fi
    printf '%-6s %9s inputs  %7s a second  coverage %s  peak memory %s MB\n' "$target" \
        "$(figure number_of_executed_units "$log")" "$(figure average_exec_per_sec "$log")" \
        "$(sed -n 's/.* cov: \([0-9]*\) ft: .*/\1/p' "$log" | tail -n 1)" "$(figure peak_rss_mb "$log")"
}

build
if [ -f "${2:-}" ]; then
    FUZZ_TARGET=$1 "$out/fuzz" "$2"
else
    runs=${1:-1000000}
    targets=("${@:2}")
    [ ${#targets[@]} -gt 0 ] || targets=(batch index avro)
    for target in "${targets[@]}"; do fuzz "$target" "$runs"; done
fi
