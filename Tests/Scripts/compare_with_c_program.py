#!/usr/bin/env python3
"""Compares Tidemark's replay of workload W with a C program that has everything hard-coded, in one run.

    compare_with_c_program.py DIRECTORY --program .build/release/tidemark [--runs 7] [--threads 1 2]

DIRECTORY holds the C program, built (`native`), and its data (`data/w.bin`, `data/w.csv`). The table is imported once into
a temporary log. Then, in turn and as often as `--runs` says: the C program with everything (`exact 3`), a fresh replay by
`tidemark train` for each number of threads, the C program's features alone (`exact 2`), and Tidemark's features alone
(`tidemark bench --only features`, the figure without reading and decoding). Prints the medians, in nanoseconds a
transaction, and their ratios; `--json FILE` writes all figures down.

The replay's time holds everything from the log's bytes to decisions and a checkpoint that are synced; the C program's
holds no log, no checksum, no duplicate check and no label join, and its scores are not written.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"


def output(command, **options):
    finished = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if finished.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{finished.stdout}{finished.stderr}")
    return finished.stdout


def c_program(directory, stage):
    """Nanoseconds a transaction, from a line such as `exact stage3 bin: 158.1 ns/tx ...`."""
    line = output(["./native", "exact", stage, "data/w.bin"], cwd=directory)
    return float(line.split(": ")[1].split()[0])


class Tidemark:
    def __init__(self, program, log, table):
        self.program, self.log = program, log
        self.pipeline = MODELS / "workload-w.yaml"
        output([program, "import", table, "--pipeline", self.pipeline, "--log", log, "--quiet"])

    def replay(self, threads):
        answer = json.loads(
            output([self.program, "train", "--pipeline", self.pipeline, "--log", self.log, "--fresh", "--threads",
                    threads, "--skip-evaluation", "--quiet", "--json"]))
        self.digests.setdefault(answer["digest"], set()).add(threads)
        self.resident = max(self.resident, answer["resident_bytes"])
        return answer["seconds"] * 1e9 / answer["transactions"]

    digests = {}
    resident = 0

    def features(self):
        """The features alone, without reading and decoding."""
        answer = json.loads(
            output([self.program, "bench", "--models", MODELS, "--only", "features", "--runs", 1, "--json"]))
        result = next(result for result in answer["benchmarks"] if result["name"] == "features")
        return result["stage_ns"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, default=".build/release/tidemark")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    program = options.program.resolve()
    measured = {}
    with tempfile.TemporaryDirectory() as scratch:
        tidemark = Tidemark(program, pathlib.Path(scratch) / "log", options.directory.resolve() / "data" / "w.csv")
        measures = {"C program": lambda: c_program(options.directory, 3)}
        for threads in options.threads:
            measures[f"replay, {threads} thread{'s' if threads > 1 else ''}"] = lambda n=threads: tidemark.replay(n)
        measures["C program, features"] = lambda: c_program(options.directory, 2)
        measures["features, decoding apart"] = tidemark.features
        for run in range(options.runs):
            for name, measure in measures.items():
                measured.setdefault(name, []).append(measure())
            print(f"run {run + 1} of {options.runs}", file=sys.stderr)
    medians = {name: statistics.median(figures) for name, figures in measured.items()}
    print(f"{'':26}{'median':>8}{'least':>8}{'most':>8}   ns a transaction, {options.runs} runs in turn")
    for name, figures in measured.items():
        base = medians["C program, features" if "features" in name else "C program"]
        print(f"{name:26}{medians[name]:8.0f}{min(figures):8.0f}{max(figures):8.0f}   {medians[name] / base:.2f} times")
    print(f"digest{'s differ: ' if len(tidemark.digests) > 1 else ' '}{', '.join(tidemark.digests)}")
    print(f"most memory resident: {tidemark.resident / 2**20:.0f} MiB")
    if options.json:
        options.json.write_text(json.dumps({"measured": measured, "medians": medians}, indent=1) + "\n")
    return 1 if len(tidemark.digests) > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
