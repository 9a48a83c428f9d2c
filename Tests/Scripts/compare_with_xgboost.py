#!/usr/bin/env python3
"""Compares Tidemark's decisions with XGBoost, refitted again and again on all history, with the same inputs.

    tidemark train --pipeline P --log L --decisions decisions.csv
    tidemark features --pipeline P --log L --output features.csv
    compare_with_xgboost.py features.csv decisions.csv transactions.csv --from 2018-08-08 --to 2018-09-30

XGBoost sees every column of features.csv: the vectors as they were scored. Before the first test day and every --refit
days after it, it is fitted anew on all transactions whose labels are known by then, which is --delay days after each.
Both are judged by evaluate_decisions.py's metrics, filtered view and unfiltered, and paired by day: the mean of the
daily differences (Tidemark less XGBoost) with a 95 % interval by resampling days 10,000 times.

Prints JSON. --fail-below X: ends with 1 if the mean difference of the filtered view is below X. Needs xgboost,
scikit-learn, pandas and numpy.
"""
import argparse
import json
import pathlib
import sys
import time

import numpy as np
import pandas as pd
import xgboost

import evaluate_decisions as judge

RESAMPLES = 10_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features")
    parser.add_argument("decisions")
    parser.add_argument("transactions")
    parser.add_argument("--from", dest="first", default="2018-08-08", help="first test day")
    parser.add_argument("--to", dest="last", default="2018-09-30", help="last test day, included")
    parser.add_argument("--block", type=int, default=7, help="days in a block of the protocol")
    parser.add_argument("--delay", type=int, default=7, help="label delay in days")
    parser.add_argument("--training", type=int, default=14, help="days from train start to a block's first day")
    parser.add_argument("--k", type=int, default=100, help="cards looked at each day")
    parser.add_argument("--refit", type=int, default=7, help="days between two fits")
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--bins", type=int, default=2048)
    parser.add_argument("--row-share", type=float, default=0.8, help="rows that each tree sees")
    parser.add_argument("--column-share", type=float, default=0.5, help="columns that each tree sees")
    parser.add_argument("--least-child-weight", type=float, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scores", help="write XGBoost's scores here, in the form of decisions.csv")
    parser.add_argument("--scored", help="take XGBoost's scores from here, as --scores wrote them, and fit nothing")
    parser.add_argument("--fail-below", type=float)
    return parser.parse_args()


def read(options):
    """Transactions with their times, and the matrix of features, in the order of the features."""
    features = pd.read_csv(options.features, dtype=np.float64)
    identifiers = features.pop("transaction_id").astype(np.int64)
    transactions = pd.read_csv(
        options.transactions, usecols=["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TX_FRAUD"]
    )
    rows = pd.DataFrame({"TRANSACTION_ID": identifiers}).merge(
        transactions, how="left", on="TRANSACTION_ID", validate="one_to_one"
    )
    if rows["TX_FRAUD"].isna().any():
        sys.exit(f"{options.features}: some transactions are not in {options.transactions}")
    dates = pd.to_datetime(rows["TX_DATETIME"])
    rows["time"] = (dates - pd.Timestamp(0)) // pd.Timedelta(seconds=1)
    rows["day"] = rows["time"] // 86_400
    return rows, features.to_numpy(np.float32)


def scores_of_xgboost(rows, features, first, last, options):
    """A score for each row of the test days; the others have none."""
    label, day, seconds = (rows[name].to_numpy() for name in ("TX_FRAUD", "day", "time"))
    scores = np.full(len(rows), np.nan)
    for start in range(first, last + 1, options.refit):
        begun = time.time()
        known = seconds + options.delay * 86_400 <= start * 86_400
        tested = (day >= start) & (day < min(start + options.refit, last + 1))
        model = xgboost.XGBClassifier(
            n_estimators=options.trees,
            max_depth=options.depth,
            learning_rate=options.rate,
            max_bin=options.bins,
            subsample=options.row_share,
            colsample_bytree=options.column_share,
            min_child_weight=options.least_child_weight,
            tree_method="hist",
            n_jobs=options.threads,
            random_state=options.seed,
        )
        model.fit(features[known], label[known])
        scores[tested] = model.predict_proba(features[tested])[:, 1]
        print(f"day {start}: fitted on {known.sum()} rows in {time.time() - begun:.0f} s", file=sys.stderr, flush=True)
    return scores


def paired(ours, theirs, key):
    """The mean of the daily differences and its 95 % interval."""
    differences = np.array(
        [mine[key] - other[key] for mine, other in zip(ours["daily"], theirs["daily"]) if mine[key] is not None]
    )
    random = np.random.default_rng(1)
    means = random.choice(differences, (RESAMPLES, len(differences))).mean(axis=1)
    return {
        "mean": float(differences.mean()),
        "interval": [float(x) for x in np.quantile(means, [0.025, 0.975])],
        "days": len(differences),
        "days_ahead": int((differences > 0).sum()),
    }


def main():
    options = arguments()
    options.daily = True
    first, last = judge.day_number(options.first), judge.day_number(options.last)
    rows, features = read(options)
    if options.scored:
        scored = pd.read_csv(options.scored).rename(columns={"transaction_id": "TRANSACTION_ID", "score": "xgboost"})
        rows = rows.merge(scored, how="left", on="TRANSACTION_ID", validate="one_to_one")
    else:
        rows["xgboost"] = scores_of_xgboost(rows, features, first, last, options)
    if options.scores:
        scored = rows.loc[rows["xgboost"].notna(), ["TRANSACTION_ID", "xgboost"]]
        scored.set_axis(["transaction_id", "score"], axis=1).to_csv(options.scores, index=False)
    decisions = pd.read_csv(options.decisions, usecols=["transaction_id", "score"])
    rows = rows.merge(
        decisions, how="left", left_on="TRANSACTION_ID", right_on="transaction_id", validate="one_to_one"
    )
    frauds = rows[rows["TX_FRAUD"] == 1]
    rows = rows[(rows["day"] >= first) & (rows["day"] <= last)].rename(columns={"score": "tidemark"})
    for name, file in {"tidemark": options.decisions, "xgboost": options.scored}.items():
        if rows.empty or rows[name].isna().any():
            sys.exit(f"{file}: not every transaction of the test days has a score")
    result = {"features": pathlib.Path(options.features).name, "test_days": [options.first, options.last]}
    for view, part in {"filtered": judge.filtered(rows, frauds, first, options), "unfiltered": rows}.items():
        found = {
            name: judge.metrics(part.drop(columns="score", errors="ignore").rename(columns={name: "score"}), first, options)
            for name in ("tidemark", "xgboost")
        }
        result[view] = {
            "daily_average_precision_difference": paired(*found.values(), "average_precision"),
            "card_precision_difference": paired(*found.values(), "card_precision"),
            **{name: {key: value for key, value in each.items() if key != "daily"} for name, each in found.items()},
        }
    json.dump(result, sys.stdout, indent=2)
    print()
    if options.fail_below is not None:
        if result["filtered"]["daily_average_precision_difference"]["mean"] < options.fail_below:
            sys.exit(1)


if __name__ == "__main__":
    main()
