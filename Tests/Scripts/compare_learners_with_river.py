#!/usr/bin/env python3
"""Runs learners of Tidemark and of River on the same rows and compares each row's probability before it was learned.

    compare_learners_with_river.py [--rows 20000] [--seed 1] [--program .build/release/tidemark]

Makes random rows whose label is known at once, and a pipeline for each learner; runs `tidemark import` and `train`.
Tidemark's scale changes with each row and its mini-batches have one row, as River learns. River's side:

- sgd, adagrad: StandardScaler and LogisticRegression as they come.
- ftrl: River's FTRLProximal, in the order of "Ad Click Prediction: a View from the Trenches" (2013), algorithm 1: weights
  from z and n, gradient, step. River's LogisticRegression takes each gradient at weights that are one row old, and leaves
  a weight where it is when its z falls below l1.

Prints a line a learner with the largest difference of any probability, and ends with 1 if one is above the tolerance.
Needs river and numpy.
"""
import argparse
import csv
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from river import linear_model, optim, preprocessing

TOLERANCE = 1e-9
SCALES = (1, 30, 0.01, 5, 1000)
COLUMNS = [f"x{index}" for index in range(len(SCALES))]

LEARNERS = {
    "sgd": ("learner: sgd, rate: 0.1, intercept_rate: 0.01", lambda: model(optim.SGD(0.1))),
    "sgd-scaled": (
        "learner: sgd, rate: 0.5, power: 0.3, intercept_rate: 0.01",
        lambda: model(optim.SGD(optim.schedulers.InverseScaling(0.5, 0.3))),
    ),
    "sgd-l2": ("learner: sgd, rate: 0.1, l2: 0.01, intercept_rate: 0.01", lambda: model(optim.SGD(0.1), l2=0.01)),
    "adagrad": ("learner: adagrad, rate: 0.2, intercept_rate: 0.01", lambda: model(optim.AdaGrad(0.2))),
    "adagrad-l2": (
        "learner: adagrad, rate: 0.2, l2: 0.01, intercept_rate: 0.01",
        lambda: model(optim.AdaGrad(0.2), l2=0.01),
    ),
    "ftrl": ("learner: ftrl, alpha: 0.2, beta: 0.5, intercept_rate: 0.01", lambda: Leader(0.2, 0.5, 0, 0)),
    "ftrl-penalties": (
        "learner: ftrl, alpha: 0.2, beta: 0.5, l1: 15, l2: 2, intercept_rate: 0.01",
        lambda: Leader(0.2, 0.5, 15, 2),
    ),
}


def model(optimizer, l2=0.0):
    return linear_model.LogisticRegression(optimizer=optimizer, l2=l2, intercept_lr=0.01)


class Leader:
    """River's FTRL-Proximal with weights that are never older than z and n."""

    def __init__(self, alpha, beta, l1, l2):
        self.optimizer = optim.FTRLProximal(alpha=alpha, beta=beta, l1=l1, l2=l2)
        self.intercept = 0.0

    def weights(self):
        """A step without slope changes neither z nor n, and derives the weights of all that are beyond l1."""
        weights = dict.fromkeys(COLUMNS, 0.0)
        self.optimizer.step(weights, dict.fromkeys(COLUMNS, 0.0))
        return weights

    def predict_proba_one(self, row):
        weights = self.weights()
        logit = self.intercept + sum(weights[name] * row[name] for name in COLUMNS)
        return {True: 1 / (1 + math.exp(-logit))}

    def learn_one(self, row, label):
        error = self.predict_proba_one(row)[True] - label
        self.optimizer.step(self.weights(), {name: error * row[name] for name in COLUMNS})
        self.intercept -= 0.01 * error


def make_rows(count, seed):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, len(SCALES)))
    # A column that is mostly 0, and one that says little.
    rows[:, 2] *= random.random(count) < 0.05
    logits = rows @ np.array([1.2, -0.8, 1.5, 0.02, 0.4]) - 1.5
    labels = random.random(count) < 1 / (1 + np.exp(-logits))
    return rows * np.array(SCALES) + np.array([0, 100, 0, -5, 2000]), labels


def specification(name, learner):
    columns = ", ".join(f"{column}: double" for column in COLUMNS)
    features = "\n".join(f"  - {{ name: {column}, column: {column} }}" for column in COLUMNS)
    return f"""
pipeline: {name}
input:
  id: id
  event_time: {{ column: at, format: seconds }}
  columns: {{ id: long, {columns} }}
  label: {{ column: label, delay: 0s }}
features:
{features}
models:
  scaler: {{ refresh: 1, block: 1 }}
  classifier: {{ {learner}, mini_batch: 1 }}
"""


def tidemark(program, *arguments):
    subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def tidemark_probabilities(program, folder, name, learner, table):
    pipeline, log, decisions = folder / f"{name}.yaml", folder / f"log-{name}", folder / f"{name}.csv"
    pipeline.write_text(specification(name, learner))
    tidemark(program, "import", table, "--pipeline", pipeline, "--log", log, "--quiet")
    tidemark(
        program, "train", "--pipeline", pipeline, "--log", log, "--decisions", decisions, "--skip-evaluation", "--quiet")
    with open(decisions) as file:
        return np.array([float(row["score"]) for row in csv.DictReader(file)])


def river_probabilities(classifier, rows, labels):
    scaler = preprocessing.StandardScaler()
    probabilities = []
    for values, label in zip(rows, labels):
        row = dict(zip(COLUMNS, map(float, values)))
        probabilities.append(classifier.predict_proba_one(scaler.transform_one(row))[True])
        scaler.learn_one(row)
        classifier.learn_one(scaler.transform_one(row), int(label))
    return np.array(probabilities)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--program", default=".build/release/tidemark")
    options = parser.parse_args()
    rows, labels = make_rows(options.rows, options.seed)
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        table = folder / "rows.csv"
        with open(table, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "at", *COLUMNS, "label"])
            for index, (values, label) in enumerate(zip(rows, labels)):
                writer.writerow([index, 1_700_000_000 + 60 * index, *(repr(float(x)) for x in values), int(label)])
        for name, (learner, make) in LEARNERS.items():
            ours = tidemark_probabilities(options.program, folder, name, learner, table)
            theirs = river_probabilities(make(), rows, labels)
            difference = float(np.max(np.abs(ours - theirs))) if len(ours) == len(theirs) else math.inf
            worst = max(worst, difference)
            print(f"{name:16} {len(ours):8} rows  largest difference {difference:.1e}  spread {np.std(theirs):.3f}")
    if worst > TOLERANCE:
        sys.exit(f"a difference of {worst:.1e} is above {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
