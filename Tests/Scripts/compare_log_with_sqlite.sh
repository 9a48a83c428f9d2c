#!/usr/bin/env bash
# The log beside SQLite: records of 100 bytes, appended in batches by one thread, then read back in order; five runs of
# each in turn on the same file system (TMPDIR), and the medians.
#
#     Tests/Scripts/compare_log_with_sqlite.sh [--check] [RECORDS [BATCH]]     2,000,000 and 1,000 unless said
#
# Needs the release build (swift build -c release), libsqlite3-dev, a C compiler and python3. --check: fail below 3
# million records a second appended, 10 million read, or 5 times SQLite's appending. RECORDS and BATCH are SQLite's; the
# log's benchmarks say theirs themselves (TIDEMARK_APPEND and TIDEMARK_READ name them).
set -euo pipefail
cd "$(dirname "$0")/../.."

check=no
if [ "${1:-}" = --check ]; then
    check=yes
    shift
fi
records=${1:-2000000}
batch=${2:-1000}
append=${TIDEMARK_APPEND:-log-append-interval}
read=${TIDEMARK_READ:-log-read-100}
tidemark=${TIDEMARK:-.build/release/tidemark}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work
"${CC:-gcc}" -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -Wall -Wextra -o "$work/sqlite_append" \
    Tests/Scripts/sqlite_append.c -lsqlite3

for run in 1 2 3 4 5; do
    "$work/sqlite_append" "$work/$run.db" "$records" "$batch" >>"$work/sqlite"
    rm -f "$work/$run".db*
    "$tidemark" bench --only "$append" "$read" --runs 1 --json >>"$work/tidemark"
done

python3 - "$check" "$append" "$read" "$work/sqlite" "$work/tidemark" <<'PYTHON'
import json, statistics, sys

check, append, read, sqlite_file, tidemark_file = sys.argv[1:]
sqlite = [json.loads(line) for line in open(sqlite_file)]
log = [{b["name"]: b["items_per_second"] for b in json.loads(line)["benchmarks"]} for line in open(tidemark_file)]
if len({run["hash"] for run in sqlite}) != 1:
    sys.exit("SQLite's runs read different records")

print(f"SQLite {sqlite[0]['sqlite']}, {sqlite[0]['records']} records, batches of {sqlite[0]['batch']}")
print("millions of records a second    log   SQLite   ratio")
medians = {}
for name, benchmark, figure in [("append", append, "append_per_second"), ("read", read, "read_per_second")]:
    pairs = [(l[benchmark], s[figure]) for l, s in zip(log, sqlite)]
    for ours, theirs in pairs:
        print(f"{name:26} {ours / 1e6:8.2f} {theirs / 1e6:8.2f} {ours / theirs:7.2f}")
    ours = statistics.median(o for o, _ in pairs)
    theirs = statistics.median(t for _, t in pairs)
    ratio = statistics.median(o / t for o, t in pairs)
    medians[name] = (ours, ratio)
    print(f"{name + ', median':26} {ours / 1e6:8.2f} {theirs / 1e6:8.2f} {ratio:7.2f}")

wanted = [
    ("append: 3 million a second", medians["append"][0] >= 3e6),
    ("read: 10 million a second", medians["read"][0] >= 10e6),
    ("append: 5 times SQLite", medians["append"][1] >= 5),
]
missed = [what for what, reached in wanted if not reached]
for what in missed:
    print(f"not reached: {what}")
sys.exit(1 if missed and check == "yes" else 0)
PYTHON
