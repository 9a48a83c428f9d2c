#!/usr/bin/env python3
"""Trains variants of one pipeline's models on the same log and compares their daily average precision.

    tidemark import my-handbook.csv --pipeline models/card-fraud-28.yaml --log my-hb --flush-labels
    compare_learners.py half-lives --log my-hb --from 2018-06-12 --to 2018-07-31
    compare_learners.py splits --log my-hb [--rows 700000 800000 900000]
        [--pipeline models/card-fraud-28.yaml] [--program .build/release/tidemark]

half-lives: the second-order learner with half-lives of 14, 30 and 90 days of event time and with none, against AdaGrad
on the same inputs. For each: mean daily AP, AUC and log-loss over the days asked for; by how much its mean and its worst
single day are above AdaGrad's at that learner's best rate.

splits: distances to clusters as inputs, with a split forced after so many transactions (`resplit_at`: the second heaviest
cluster dies, and the heaviest is parted). For the seven days that begin with the first whole one behind it: mean daily AP
without clusters as inputs, with them, and with them and the split; and what the split and the clusters cost. Ends with 1
if either costs more than 0.003.

Both need a pipeline file with one line each that begins with `pipeline:`, `  clusters:` (or none) and `  classifier:`.
"""
import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ADAGRAD_RATES = (0.1, 0.2, 0.4, 0.8)
HALF_LIVES = ("14d", "30d", "90d", None)
COMMON = "mini_batch: 64, prior: 0.008"
MOST = 0.003


class Trainer:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.text = pathlib.Path(options.pipeline).read_text()

    def run(self, *arguments):
        done = subprocess.run(
            [self.options.program, *map(str, arguments), "--quiet"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr)
        return done.stdout

    def train(self, name, classifier, clusters=None):
        """The pipeline with other models, under another name; trained from the log's start."""
        models = f"  classifier: {{ {classifier}, {COMMON} }}"
        if clusters:
            models = f"  clusters: {{ {clusters} }}\n{models}"
        text = re.sub(r"(?m)^  clusters:.*\n", "", self.text)
        text = re.sub(r"(?m)^pipeline:.*", f"pipeline: {name}", text)
        text = re.sub(r"(?m)^  classifier:.*", models, text)
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        self.run("train", "--pipeline", path, "--log", self.options.log, "--fresh", "--skip-evaluation")
        return path

    def evaluate(self, pipeline, first, last):
        """Figures of the filtered view over the days, and its AP day by day."""
        out = self.run(
            "evaluate", "--pipeline", pipeline, "--log", self.options.log, "--from", first, "--to", last, "--days",
            "--json")
        return json.loads(out.strip().splitlines()[-1])["filtered"]


def daily(figures):
    return [day["average_precision"] for day in figures["days"]]


def half_lives(trainer, options):
    variants = {f"adagrad {rate}": f"learner: adagrad, rate: {rate}" for rate in ADAGRAD_RATES}
    for half_life in HALF_LIVES:
        forgetting = f", half_life: {half_life}" if half_life else ""
        variants[f"newton {half_life or 'never'}"] = f"learner: newton, ridge: 10{forgetting}"
    results = {}
    for name, classifier in variants.items():
        pipeline = trainer.train("compare-" + re.sub(r"[^a-z0-9]+", "-", name), classifier)
        results[name] = trainer.evaluate(pipeline, options.first, options.last)
    best = max((name for name in results if name.startswith("adagrad")), key=lambda name: mean(results[name]))
    print(f"{'':16}{'daily AP':>10}{'AUC':>8}{'log-loss':>10}{'above best AdaGrad':>20}{'worst day':>11}")
    for name, figures in results.items():
        above = mean(figures) - mean(results[best])
        worst = min(a - b for a, b in zip(daily(figures), daily(results[best])))
        print(
            f"{name:16}{mean(figures):10.4f}{figures['auc_roc']:8.4f}{figures['log_loss']:10.5f}{above:20.4f}{worst:11.4f}")


def mean(figures):
    return figures["mean_daily_average_precision"]


def splits(trainer, options):
    start = datetime.date.fromisoformat(options.start)
    costs = []
    print(f"{'':22}{'days':24}{'no clusters':>12}{'clusters':>10}{'split':>9}{'cost of split':>15}{'of clusters':>13}")
    for learner, classifier in {
        "newton": "learner: newton, ridge: 10, half_life: 30d", "adagrad": "learner: adagrad, rate: 0.05"
    }.items():
        clusters = "count: 16, as_inputs: "
        without = trainer.train(f"compare-{learner}-none", classifier, clusters + "false")
        whole = trainer.train(f"compare-{learner}-clusters", classifier, clusters + "true")
        for rows in options.rows:
            split = trainer.train(f"compare-{learner}-{rows}", classifier, f"{clusters}true, resplit_at: {rows}")
            first = start + datetime.timedelta(days=rows // options.per_day + 1)
            last = first + datetime.timedelta(days=6)
            aps = [mean(trainer.evaluate(pipeline, first, last)) for pipeline in (without, whole, split)]
            cost = (aps[1] - aps[2], aps[0] - aps[2])
            costs += cost
            print(
                f"{learner + ' after ' + str(rows):22}{first} to {last}{aps[0]:12.4f}{aps[1]:10.4f}{aps[2]:9.4f}"
                f"{cost[0]:15.4f}{cost[1]:13.4f}")
    if max(costs) > MOST:
        sys.exit(f"a cost of {max(costs):.4f} is above {MOST}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["half-lives", "splits"])
    parser.add_argument("--log", required=True)
    parser.add_argument("--pipeline", default="models/card-fraud-28.yaml")
    parser.add_argument("--program", default=".build/release/tidemark")
    parser.add_argument("--from", dest="first", default="2018-06-12")
    parser.add_argument("--to", dest="last", default="2018-07-31")
    parser.add_argument("--rows", type=int, nargs="+", default=[700_000, 800_000, 900_000])
    parser.add_argument("--start", default="2018-04-01", help="the log's first day")
    parser.add_argument("--per-day", type=int, default=9_500, help="fewer transactions than a day has, for 'splits'")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(options, pathlib.Path(folder))
        (half_lives if options.what == "half-lives" else splits)(trainer, options)


if __name__ == "__main__":
    main()
