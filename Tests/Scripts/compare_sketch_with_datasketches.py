#!/usr/bin/env python3
"""The error of the edges that tidemark learns, side by side with Apache DataSketches' REQ sketch on the same values.

Both estimate the quantiles at ranks 1 - 2^-k of several streams; the error of an estimate is the difference of its exact
rank from the one asked for, as a share of the distance from the high end. Usage (needs `pip install datasketches numpy`):

    compare_sketch_with_datasketches.py path/to/tidemark [values]

Exits with 1 if tidemark's largest error over all streams and ranks is above twice that of DataSketches at the size nearest
in values kept, or above 5 %.
"""

import bisect
import json
import subprocess
import sys
import tempfile

import datasketches
import numpy

tidemark = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
octaves = [k for k in range(1, 40) if count * 2.0**-k >= 50]


def streams():
    random = numpy.random.default_rng(20211)
    yield "normal", random.normal(size=count)
    yield "log-normal", random.lognormal(sigma=2, size=count)
    yield "ascending", numpy.sort(random.normal(size=count))
    yield "descending", -numpy.sort(random.normal(size=count))
    yield "pareto", random.pareto(1.1, size=count)


def run(*arguments):
    subprocess.run([tidemark, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def edges_of_tidemark(values, directory):
    """The edges at 1 - 2^-k: a pipeline with one column, binned, through import, training and export."""
    with open(f"{directory}/values.csv", "w") as table:
        table.write("id,at,x,label\n")
        for index, value in enumerate(values):
            table.write(f"{index},{index},{float(value)!r},0\n")
    with open(f"{directory}/sketch.yaml", "w") as specification:
        specification.write(
            f"""pipeline: sketch
input:
  id: id
  event_time: {{ column: at, format: seconds }}
  columns: {{ id: long, x: double }}
  label: {{ column: label, delay: 1s }}
time: {{ duplicate_horizon: 1s, label_horizon: 10s }}
features: [{{ name: x, column: x }}]
models:
  classifier:
    inputs:
      bins: [{{ of: [x], steps: 1, tail: high, tail_rows: 50 }}]
      bins_frozen_after: {len(values)}
"""
        )
    run("import", f"{directory}/values.csv", "--pipeline", f"{directory}/sketch.yaml", "--log", f"{directory}/log")
    run("train", "--pipeline", f"{directory}/sketch.yaml", "--log", f"{directory}/log", "--skip-evaluation")
    run("export", "--log", f"{directory}/log", "--output", f"{directory}/model.json")
    with open(f"{directory}/model.json") as model:
        return json.load(model)["bins"][0]["edges"]


def edges_of_datasketches(values, k):
    sketch = datasketches.req_floats_sketch(k, True)
    for value in values:
        sketch.update(float(value))
    return [sketch.get_quantile(1 - 2.0**-octave) for octave in octaves], sketch.num_retained


def errors(edges, ordered):
    """For each rank the error of an edge's exact rank; an edge may be of several equal values."""
    found = []
    for octave, edge in zip(octaves, edges):
        target = (1 - 2.0**-octave) * count
        # A float of 32 bits lies beside its double: allow for the neighbours.
        width = abs(edge) * 2.0**-23
        low, high = bisect.bisect_left(ordered, edge - width), bisect.bisect_right(ordered, edge + width)
        miss = max(low - target, target - high, 0)
        found.append(miss / (2.0**-octave * count))
    return found


worst = {"tidemark": 0.0}
print(f"{count} values; mean and largest error over ranks 1 - 2^-1 to 1 - 2^-{octaves[-1]}")
for name, values in streams():
    ordered = sorted(float(value) for value in values)
    with tempfile.TemporaryDirectory() as directory:
        edges = edges_of_tidemark(values, directory)
    if len(edges) != len(octaves):
        sys.exit(f"{name}: {len(edges)} edges for {len(octaves)} ranks")
    error = errors(edges, ordered)
    line = f"{name:<12} tidemark {numpy.mean(error):.4f} {max(error):.4f}"
    worst["tidemark"] = max(worst["tidemark"], max(error))
    for k in (12, 32, 64):
        edges, kept = edges_of_datasketches(values, k)
        error = errors(edges, ordered)
        line += f"   k={k} ({kept} kept) {numpy.mean(error):.4f} {max(error):.4f}"
        worst[k] = max(worst.get(k, 0.0), max(error))
    print(line)
print("largest:", ", ".join(f"{name} {error:.4f}" for name, error in worst.items()))
if worst["tidemark"] > 0.05 or worst["tidemark"] > 2 * worst[32]:
    sys.exit("tidemark's edges are too far off")
