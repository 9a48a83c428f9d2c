#!/usr/bin/env python3
"""Plots what `tidemark bench --json` measured, as SVG files beside this one.

    tidemark bench --only windows replay --runs 5 --json > my-bench.json
    notebooks-docs/plot_performance.py my-bench.json [--to notebooks-docs/plots]

Needs nothing but Python.
"""
import argparse
import json
import pathlib

WIDTH, HEIGHT, LEFT, TOP = 560, 170, 160, 36

# Title of each plot, and its points: what the axis says, and the benchmark's name.
PLOTS = {
    "keys": ("Six aggregates over three windows, by number of keys",
             [("10,000", "windows-10000-keys"), ("100,000", "windows-100000-keys"), ("1,000,000", "windows-1000000-keys")]),
    "window-length": ("Count and mean over one window, by its length",
                      [("1 hour", "windows-1h"), ("1 day", "windows-1d"), ("7 days", "windows-7d"), ("30 days", "windows-30d")]),
    "windows-and-features": ("More windows, more features",
                             [("3 windows, 6 features", "windows-3"), ("7 windows, 10 features", "windows-7"),
                              ("3 windows, 9 features", "windows-3-more-features")]),
    "lateness": ("Late events and a hot key",
                 [("in order", "windows-in-order"), ("20 % late by up to a day", "windows-late"),
                  ("even keys", "windows-uniform"), ("one key has half", "windows-hot-key")]),
    "aggregates": ("Three windows (1 hour, 1 day, 7 days), by aggregate",
                   [(name, f"windows-{name}") for name in
                    ("count", "sum", "mean", "variance", "maximum", "first", "last", "distinct", "decayed", "label-rate",
                     "known-label-rate", "fraud-run")]),
    "threads": ("Workload W replayed, by number of threads",
                [(f"{threads} thread{'s' if threads > 1 else ''}", f"replay-{threads}-thread-block-4096")
                 for threads in (1, 2, 3, 4)]),
    "state": ("Workload W replayed, by size of the state",
              [("10,000 keys", "replay-10000-keys"), ("100,000 keys", "replay-100000-keys"),
               ("1,000,000 keys", "replay-1000000-keys")]),
}


def svg(title, points):
    """Bars from the left, nanoseconds an event at their ends."""
    most = max(value for _, value in points)
    height = HEIGHT if len(points) <= 6 else TOP + 22 * len(points) + 10
    step = (height - TOP - 10) / len(points)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="22" font-size="14">{title} (ns an event)</text>',
    ]
    for index, (label, value) in enumerate(points):
        y = TOP + index * step
        length = (WIDTH - LEFT - 110) * value / most
        middle = y + step / 2 + 4
        parts.append(f'<text x="{LEFT + 40}" y="{middle:.0f}" text-anchor="end">{label}</text>')
        parts.append(f'<rect x="{LEFT + 46}" y="{y + 3:.1f}" width="{length:.1f}" height="{step - 6:.1f}" fill="#3b6ea5"/>')
        parts.append(f'<text x="{LEFT + 50 + length:.1f}" y="{middle:.0f}">{value:.0f}</text>')
    return "\n".join(parts + ["</svg>", ""])


def point(label, result):
    state = f", {result['state_mib']:.0f} MiB" if "state_mib" in result else ""
    return label + state, result["ns_per_item"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--to", type=pathlib.Path, default=pathlib.Path(__file__).parent / "plots")
    options = parser.parse_args()
    results = {result["name"]: result for result in json.loads(options.results.read_text())["benchmarks"]}
    options.to.mkdir(parents=True, exist_ok=True)
    for name, (title, points) in PLOTS.items():
        known = [point(label, results[benchmark]) for label, benchmark in points if benchmark in results]
        if known:
            (options.to / f"{name}.svg").write_text(svg(title, known))
            print(options.to / f"{name}.svg")


if __name__ == "__main__":
    main()
