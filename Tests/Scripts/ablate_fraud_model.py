#!/usr/bin/env python3
"""What each part of models/card-fraud-best.yaml is worth: takes parts away or puts them in one after another.

    ablate_fraud_model.py transactions.csv --program .build/release/tidemark --work my-ablation

transactions.csv is the Fraud Detection Handbook's table. Each variant is a pipeline of its own over one log: `tidemark
import`, `train`, and `evaluate` for the validation days (2018-06-12 to 2018-07-31), on which all was chosen, and for the
test days (2018-08-08 to 2018-09-30). Prints a table in Markdown, in the filtered view of the protocol "handbook-54".
--only NAME: the variants whose names contain it. Needs PyYAML.
"""
import argparse
import copy
import json
import pathlib
import shutil
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
VALIDATION = ("2018-06-12", "2018-07-31")
TEST = ("2018-08-08", "2018-09-30")
AGAINST_PAST = [
    "AMOUNT_TO_AVG_30DAY", "AMOUNT_TO_AVG", "AMOUNT_TO_MAX_7DAY", "AMOUNT_TO_MAX_30DAY", "AMOUNT_TO_MAX",
    "AMOUNT_ZSCORE",
]
RUN_AND_AGES = ["TERMINAL_FRAUD_RUN", "TERMINAL_FIRST_AGE", "TERMINAL_LAST_AGE"]
RATES = [f"TERMINAL_RATE_{days}DAY" for days in (1, 3, 14, 30)]
COUNTS = ["TERMINAL_FRAUDS_3DAY", "TERMINAL_FRAUDS_14DAY"]


def inputs(pipeline):
    return pipeline["models"]["classifier"]["inputs"]


def without(*names):
    """No input of these features; they are still computed."""

    def change(pipeline):
        part = inputs(pipeline)
        part["dense"] = [name for name in part["dense"] if name not in names]
        for bins in part.get("bins", []):
            bins["of"] = [name for name in bins["of"] if name not in names]
        crosses = [cross for cross in part.get("crosses", []) if not set(cross["of"]) & set(names)]
        part["crosses"] = crosses
        if not crosses:
            del part["crosses"]

    return change


def without_key(*keys):
    def change(pipeline):
        for key in keys:
            del inputs(pipeline)[key]

    return change


def bins(*kept, **shape):
    """The bin sets of these places, and another one of the same features."""

    def change(pipeline):
        sets = inputs(pipeline)["bins"]
        inputs(pipeline)["bins"] = [sets[place] for place in kept]
        if shape:
            inputs(pipeline)["bins"].append({"of": sets[0]["of"], **shape})

    return change


def learner(**keys):
    def change(pipeline):
        classifier = pipeline["models"]["classifier"]
        if "learner" in keys:
            for key in ("alpha", "beta"):
                classifier.pop(key)
        classifier.update(keys)

    return change


def frozen_after(rows):
    def change(pipeline):
        inputs(pipeline)["bins_frozen_after"] = rows

    return change


def all_dense(pipeline):
    inputs(pipeline)["dense"] = inputs(pipeline)["bins"][0]["of"]


def one_hot_tails(pipeline):
    inputs(pipeline)["bins"][0]["encoding"] = "one_hot"


def latest_weights(pipeline):
    del pipeline["models"]["classifier"]["averaging"]


def both(*changes):
    def change(pipeline):
        for one in changes:
            one(pipeline)

    return change


DENSE = both(all_dense, latest_weights)
DENSE_ONLY = both(DENSE, without_key("bins", "crosses", "bins_frozen_after"))
WITH_BINS = both(DENSE, one_hot_tails, without_key("crosses"))
VARIANTS = [
    ("**the pipeline**", None),
    ("built up: the 23 features as numbers", DENSE_ONLY),
    ("built up: and one-hot bins of 32 equal shares", both(WITH_BINS, bins(tail="none", count=32))),
    ("built up: and one-hot tail bins instead", both(WITH_BINS, bins(0))),
    ("built up: + bins by the frauds' values", WITH_BINS),
    ("built up: tail bins as broken lines", both(DENSE, without_key("crosses"))),
    ("built up: + mean of weights", both(all_dense, without_key("crosses"))),
    ("built up: the amount alone as a number", without_key("crosses")),
    ("without tail bins", bins(1)),
    ("without bins by the frauds' values", bins(0)),
    ("without the mean of weights", latest_weights),
    ("without the amount against the customer's past", without(*AGAINST_PAST)),
    ("without the customer's recent highs", without("MAX_7DAY_TO_AVG", "MAX_14DAY_TO_AVG")),
    ("without the terminal's run and ages of frauds", without(*RUN_AND_AGES)),
    ("without the terminal's counts and rates of frauds", without(*COUNTS, *RATES)),
    ("without any of the terminal's frauds", without(*RUN_AND_AGES, *RATES, *COUNTS)),
    ("AdaGrad at 0.1", learner(learner="adagrad", rate=0.1)),
    ("edges frozen after 200,000 transactions", frozen_after(200_000)),
    ("edges frozen after 300,000", frozen_after(300_000)),
    ("edges frozen after 500,000", frozen_after(500_000)),
]


def run(options, *words):
    done = subprocess.run([options.program, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"tidemark {' '.join(map(str, words))}\n{done.stderr}")
    return done.stdout


def measure(options, log, pipeline):
    """The metrics of the filtered view on the validation days and on the test days."""
    file = options.work / f"{pipeline['pipeline']}.yaml"
    file.write_text(yaml.safe_dump(pipeline, sort_keys=False))
    run(options, "train", "--pipeline", file, "--log", log, "--fresh", "--skip-evaluation", "--quiet")
    found = []
    for first, last in (VALIDATION, TEST):
        answer = run(
            options, "evaluate", "--pipeline", file, "--log", log, "--from", first, "--to", last, "--json", "--quiet"
        )
        found.append(json.loads(answer.strip().splitlines()[-1])["filtered"])
    shutil.rmtree(log / "pipelines" / pipeline["pipeline"])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transactions")
    parser.add_argument("--program", default=str(ROOT / ".build/release/tidemark"))
    parser.add_argument("--pipeline", default=ROOT / "models/card-fraud-best.yaml", type=pathlib.Path)
    parser.add_argument("--work", default="ablation", type=pathlib.Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    best = yaml.safe_load(options.pipeline.read_text())
    log = options.work / "log"
    run(
        options, "import", options.transactions, "--pipeline", options.pipeline, "--log", log, "--flush-labels",
        "--quiet",
    )
    print("| variant | validation: daily AP | CP@100 | test: daily AP | CP@100 |\n|---|---|---|---|---|", flush=True)
    for number, (name, change) in enumerate(VARIANTS):
        if options.only not in name:
            continue
        pipeline = copy.deepcopy(best)
        pipeline["pipeline"] = f"variant-{number}"
        if change:
            change(pipeline)
        cells = [
            f"{view[key]:.4f}"
            for view in measure(options, log, pipeline)
            for key in ("mean_daily_average_precision", "card_precision")
        ]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
