#!/usr/bin/env python3
"""Workload W by River and by Tidemark in turn, on the same machine and rows: rate, AUC and log-loss of both.

    tidemark generate my-w.csv --workload w
    tidemark import my-w.csv --pipeline models/workload-w.yaml --log my-w
    compare_with_river.py my-w.csv my-w [--pipeline models/workload-w.yaml] [--tidemark tidemark] [--runs 3] [--json]

River has no event-time windows, so its side is a plain Python program as its users write it: for each key a list of the
times and a list of prefix sums, windows by bisection (exact, late rows at their own place), then StandardScaler and
LogisticRegression with River's defaults, a row predicted and then learned. Both sides know a label as soon as its row
has been scored. Tidemark's time is that of its replay, `train --fresh`: decoding, windows, models, decisions written. A run
of River takes a minute, a replay a second: so there are several replays to a run, and their median counts. The first of
them finds memory that a virtual machine may have given back meanwhile, and is told by itself.
AUC and log-loss of both are computed here, by scikit-learn, from the scores of all rows.

Needs river, numpy, pandas and scikit-learn.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import tempfile
import time
from bisect import bisect_right

import numpy as np
import pandas as pd
from river import linear_model, optim, preprocessing
from sklearn.metrics import log_loss, roc_auc_score

HOUR, DAY = 3_600_000, 86_400_000
WINDOWS = (HOUR, DAY, 7 * DAY)
TERMINAL_DELAY = DAY


class Key:
    """A key's times in order, and for each the sum of all values up to it."""

    __slots__ = ("times", "sums")

    def __init__(self):
        self.times, self.sums = [], [0.0]

    def insert(self, time_ms, value):
        place = bisect_right(self.times, time_ms)
        if place == len(self.times):
            self.times.append(time_ms)
            self.sums.append(self.sums[-1] + value)
            return
        self.times.insert(place, time_ms)
        self.sums.insert(place + 1, self.sums[place] + value)
        for later in range(place + 2, len(self.sums)):
            self.sums[later] += value

    def window(self, first, last):
        """Number and sum of the values in (first, last]."""
        low, high = bisect_right(self.times, first), bisect_right(self.times, last)
        return high - low, self.sums[high] - self.sums[low]


def river_scores(rows):
    """The score of each row, before it is learned."""
    customers, terminals = {}, {}
    scaler = preprocessing.StandardScaler()
    model = linear_model.LogisticRegression(optimizer=optim.SGD(0.01))
    scores = []
    for time_ms, customer_id, terminal_id, amount, label in rows:
        customer = customers.setdefault(customer_id, Key())
        terminal = terminals.setdefault(terminal_id, Key())
        customer.insert(time_ms, amount)
        x = {"log_amount": math.log1p(amount)}
        mean = 0.0
        for name, window in zip("abc", WINDOWS):
            count, total = customer.window(time_ms - window, time_ms)
            mean = total / count
            x["customer_count_" + name], x["customer_mean_" + name] = count, mean
        end = time_ms - TERMINAL_DELAY
        for name, window in zip("abc", WINDOWS):
            count, frauds = terminal.window(end - window, end)
            x["terminal_count_" + name] = count
            x["terminal_rate_" + name] = frauds / count if count else 0.0
        hour, weekday = time_ms // HOUR % 24, (time_ms // DAY + 3) % 7
        x["night"], x["evening"], x["weekend"] = hour < 6, hour >= 18, weekday >= 5
        x["amount_to_mean_7d"] = amount / mean if mean else 0.0
        scaler.learn_one(x)
        x = scaler.transform_one(x)
        scores.append(model.predict_proba_one(x)[True])
        model.learn_one(x, label)
        terminal.insert(time_ms, label)
    return scores


def tidemark_rate(options, decisions=None):
    """Transactions a second of a replay; with `decisions`, they are written there."""
    command = [options.tidemark, "train", "--pipeline", options.pipeline, "--log", options.log, "--fresh"]
    command += ["--skip-evaluation", "--json", "--quiet"]
    if decisions:
        command += ["--decisions", decisions]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(result.stdout)["transactions_per_second"]


def quality(labels, scores):
    return {"auc": roc_auc_score(labels, scores), "log_loss": log_loss(labels, scores)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("log")
    parser.add_argument("--pipeline", default="models/workload-w.yaml")
    parser.add_argument("--tidemark", default="tidemark")
    parser.add_argument("--runs", type=int, default=3, help="runs of River, with replays before each")
    parser.add_argument("--replays", type=int, default=5, help="Tidemark's replays before each run of River")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    table = pd.read_csv(options.table)
    columns = ["event_time_ms", "customer_id", "terminal_id", "amount", "label"]
    rows = list(zip(*(table[column].tolist() for column in columns)))
    rates = {"river": [], "tidemark": [], "first": []}
    for _ in range(options.runs):
        replays = [tidemark_rate(options) for _ in range(options.replays)]
        rates["tidemark"].append(statistics.median(replays))
        rates["first"].append(replays[0])
        start = time.perf_counter()
        scores = river_scores(rows)
        rates["river"].append(len(rows) / (time.perf_counter() - start))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "decisions.csv")
        tidemark_rate(options, path)
        decisions = pd.read_csv(path, usecols=["transaction_id", "score"])
    joined = table.merge(decisions, left_on="tx_id", right_on="transaction_id", how="left", validate="one_to_one")
    assert joined["score"].notna().all(), "some rows have no decision"

    result = {
        "rows": len(rows),
        "river": {"per_second": statistics.median(rates["river"]), **quality(table["label"], np.array(scores))},
        "tidemark": {
            "per_second": statistics.median(rates["tidemark"]),
            "first_per_second": statistics.median(rates["first"]),
            **quality(joined["label"], joined["score"].to_numpy()),
        },
        "ratio": statistics.median(t / r for t, r in zip(rates["tidemark"], rates["river"])),
    }
    if options.json:
        print(json.dumps(result))
        return
    print(f"{len(rows):,} rows; medians of {options.runs} runs in turn, with {options.replays} replays to each of River's")
    for name in ("river", "tidemark"):
        one = result[name]
        print(f"{name:10}{one['per_second']:12,.0f} a second   AUC {one['auc']:.4f}   log-loss {one['log_loss']:.5f}")
    print(f"Tidemark's rate is {result['ratio']:.0f} times River's")
    print(f"(the first replays after a run of River: {result['tidemark']['first_per_second']:,.0f} a second)")


if __name__ == "__main__":
    main()
