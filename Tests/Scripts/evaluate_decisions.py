#!/usr/bin/env python3
"""Judges a decisions file without Tidemark's code: the metrics of the protocol "handbook-54" by pandas and scikit-learn.

    evaluate_decisions.py decisions.csv transactions.csv --from 2018-08-08 --to 2018-09-30

decisions.csv has the columns transaction_id and score; transactions.csv has the Fraud Detection Handbook's columns.
Prints JSON: the filtered and the unfiltered view, each with its pooled and daily metrics.

- Filter: for test day d, every transaction of a customer who has a fraud on a day in [train start, d - delay - 1] is
  dropped; train start is --training days before the first day of d's block.
- Card precision@k: for each day in order, customers detected on an earlier day of the block are dropped; a card's score
  is its highest of the day; the share of compromised cards among the k highest. Ties: the smaller customer id first.
- A day without frauds has no average precision and does not count in the mean; log-loss and Brier score are null
  unless all scores are probabilities.
"""
import argparse
import datetime
import json
import sys

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

EPOCH = datetime.date(1970, 1, 1)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decisions")
    parser.add_argument("transactions")
    parser.add_argument("--from", dest="first", default="2018-08-08", help="first test day")
    parser.add_argument("--to", dest="last", default="2018-09-30", help="last test day, included")
    parser.add_argument("--block", type=int, default=7, help="days in a block")
    parser.add_argument("--delay", type=int, default=7, help="label delay in days")
    parser.add_argument("--training", type=int, default=14, help="days from train start to a block's first day")
    parser.add_argument("--k", type=int, default=100, help="cards looked at each day")
    parser.add_argument("--daily", action="store_true", help="print each day too")
    return parser.parse_args()


def day_number(date):
    return (datetime.date.fromisoformat(date) - EPOCH).days


def read(options):
    transactions = pd.read_csv(
        options.transactions, usecols=["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TX_FRAUD"]
    )
    dates = pd.to_datetime(transactions["TX_DATETIME"])
    transactions["day"] = (dates.dt.normalize() - pd.Timestamp(0)).dt.days
    decisions = pd.read_csv(options.decisions, usecols=["transaction_id", "score"])
    if decisions["transaction_id"].duplicated().any():
        sys.exit(f"{options.decisions}: some transactions have more than one decision")
    return transactions.merge(
        decisions, how="left", left_on="TRANSACTION_ID", right_on="transaction_id", validate="one_to_one"
    )


def filtered(rows, frauds, first, options):
    """The rows of the test days whose customers are not known to be compromised."""
    kept = []
    for day, of_day in rows.groupby("day"):
        block_start = first + (day - first) // options.block * options.block
        known = frauds[(frauds["day"] >= block_start - options.training) & (frauds["day"] <= day - options.delay - 1)]
        kept.append(of_day[~of_day["CUSTOMER_ID"].isin(set(known["CUSTOMER_ID"]))])
    return pd.concat(kept)


def card_precision(rows, score, first, options):
    """Card precision@k of each day."""
    precision, detected, block = {}, set(), None
    for day, of_day in rows.groupby("day"):
        if (day - first) // options.block != block:
            block, detected = (day - first) // options.block, set()
        of_day = of_day[~of_day["CUSTOMER_ID"].isin(detected)]
        cards = of_day.groupby("CUSTOMER_ID", as_index=False).agg({score: "max", "TX_FRAUD": "max"})
        top = cards.sort_values([score, "CUSTOMER_ID"], ascending=[False, True]).head(options.k)
        hits = top.loc[top["TX_FRAUD"] == 1, "CUSTOMER_ID"]
        precision[day] = len(hits) / options.k
        detected |= set(hits)
    return precision


def log_loss(label, score):
    clipped = np.clip(score, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(label == 1, np.log(clipped), np.log1p(-clipped))))


def metrics(rows, first, options):
    label, score = rows["TX_FRAUD"].to_numpy(), rows["score"].to_numpy()
    is_probability = bool(((score >= 0) & (score <= 1)).all())
    precision = card_precision(rows, "score", first, options)
    oracle = card_precision(rows.assign(oracle=rows["TX_FRAUD"]), "oracle", first, options)
    daily = [
        {
            "date": str(EPOCH + datetime.timedelta(days=int(day))),
            "rows": len(of_day),
            "frauds": int(of_day["TX_FRAUD"].sum()),
            "average_precision": (
                float(average_precision_score(of_day["TX_FRAUD"], of_day["score"])) if of_day["TX_FRAUD"].any() else None
            ),
            "card_precision": precision[day],
            "oracle_card_precision": oracle[day],
        }
        for day, of_day in rows.groupby("day")
    ]
    averages = [day["average_precision"] for day in daily if day["average_precision"] is not None]
    result = {
        "rows": len(rows),
        "frauds": int(label.sum()),
        "mean_daily_average_precision": float(np.mean(averages)) if averages else None,
        "pooled_average_precision": float(average_precision_score(label, score)) if label.any() else None,
        "auc": float(roc_auc_score(label, score)) if 0 < label.sum() < len(label) else None,
        "log_loss": log_loss(label, score) if is_probability else None,
        "brier_score": float(np.mean((score - label) ** 2)) if is_probability else None,
        "card_precision": float(np.mean(list(precision.values()))),
        "oracle_card_precision": float(np.mean(list(oracle.values()))),
    }
    if options.daily:
        result["daily"] = daily
    return result


def main():
    options = arguments()
    first, last = day_number(options.first), day_number(options.last)
    everything = read(options)
    frauds = everything[everything["TX_FRAUD"] == 1]
    rows = everything[(everything["day"] >= first) & (everything["day"] <= last)]
    missing = int(rows["score"].isna().sum())
    if rows.empty:
        sys.exit(f"{options.transactions}: no transactions from {options.first} to {options.last}")
    if missing:
        print(f"{options.decisions}: {missing} transactions of the test days have no score; left out", file=sys.stderr)
        rows = rows[rows["score"].notna()]
    json.dump(
        {
            "test_days": [options.first, options.last],
            "without_score": missing,
            "filtered": metrics(filtered(rows, frauds, first, options), first, options),
            "unfiltered": metrics(rows, first, options),
        },
        sys.stdout,
        indent=2,
    )
    print()


if __name__ == "__main__":
    main()
