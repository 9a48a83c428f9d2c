#!/usr/bin/env python3
"""One future-stamped event among a million changes no other event's features or lateness, live and in history.

    swift build -c release --product tidemark
    Tests/Scripts/check_future_event.py [--tidemark .build/release/tidemark] [--rows 1000000]

A stream of card transactions is taken twice, once with one more transaction whose clock runs ahead: by ten years, by two
days and by 23 hours, which is within the pipeline's tolerance of a day. In history: `import`, then `features`. Live: the
transactions come through `score` as they happen, by the system's clock. Then the feature vectors of all transactions but
the wrong one have to be the same to the byte, and as many transactions as before have to be on time.
"""

import argparse
import datetime
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

PIPELINE = """
pipeline: future
input:
  id: ID
  event_time: { column: TIME, format: milliseconds }
  columns: { ID: long, CARD: long, AMOUNT: decimal(2) }
time: { out_of_orderness: 1s, allowed_lateness: 1s, duplicate_horizon: 1h, label_horizon: 1h }
entities: { card: CARD }
features:
  - { name: COUNT, entity: card, window: 1h, aggregate: count }
  - { name: SUM, entity: card, window: 1d, aggregate: sum, of: AMOUNT }
  - { name: MOST, entity: card, window: 2h, aggregate: max, of: AMOUNT }
  - { name: SINCE, entity: card, aggregate: since_previous }
models: { classifier: { mini_batch: 64 } }
"""
WRONG = 10**12


def run(arguments):
    result = subprocess.run(arguments, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(arguments)}\n{result.stdout}{result.stderr}")
    return result.stdout


class Log:
    """A log of its own, and what it makes of a stream."""

    def __init__(self, tidemark, directory, name):
        self.tidemark, self.log = tidemark, directory / name
        self.pipeline, self.directory = directory / "future.yaml", directory

    def command(self, name, *arguments):
        return [self.tidemark, name, *arguments, "--pipeline", str(self.pipeline), "--log", str(self.log), "--quiet"]

    def imported(self, rows):
        table = self.directory / "rows.csv"
        with open(table, "w") as file:
            file.write("ID,TIME,CARD,AMOUNT\n")
            file.writelines(f"{i},{t},{card},{cents / 100:.2f}\n" for i, t, card, cents in rows)
        run(self.command("import", str(table), "--flush-labels"))
        return self.results()

    def scored(self, rows, is_live):
        """Sends the rows through `score`; a row without a time happens when it is sent. Gives the rows as sent."""
        empty = self.directory / "empty.csv"
        empty.write_text("ID,TIME,CARD,AMOUNT\n")
        run(self.command("import", str(empty)))
        answers = open(self.directory / "answers.ndjson", "wb")
        arguments = [part for part in self.command("score") if part != "--quiet"]
        program = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=answers, stderr=subprocess.DEVNULL)
        sent = []
        for start in range(0, len(rows), 1000):
            now = int(time.time() * 1000)
            chunk = [(i, now + t if is_live else t, card, cents) for i, t, card, cents in rows[start : start + 1000]]
            lines = (
                '{"ID": %d, "TIME": %d, "CARD": %d, "AMOUNT": %.2f}\n' % (i, t, card, cents / 100)
                for i, t, card, cents in chunk
            )
            program.stdin.write("".join(lines).encode())
            sent += chunk
        program.stdin.close()
        if program.wait() != 0:
            sys.exit("score failed")
        return sent, self.results()

    def results(self):
        vectors = self.directory / "features.csv"
        run(self.command("features", "--output", str(vectors)))
        counts = json.loads(run(self.command("train", "--json", "--skip-evaluation")))["counts"]
        with open(vectors) as file:
            return [line for line in file if not line.startswith(f"{WRONG},")], counts


def compare(what, plain, disturbed):
    (vectors, counts), (others, other_counts) = plain, disturbed
    differing = sum(a != b for a, b in zip(vectors, others)) + abs(len(vectors) - len(others))
    statuses = {name: (counts[name], other_counts[name]) for name in ("on_time", "late", "too_late", "quarantined")}
    wrong_at = "on_time" if other_counts["quarantined"] == counts["quarantined"] else "quarantined"
    same = all(b - a == (1 if name == wrong_at else 0) for name, (a, b) in statuses.items())
    print(f"{what}: {len(vectors) - 1:,} vectors, {differing} differ; the wrong one is {wrong_at}; {statuses}")
    return differing == 0 and same


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidemark", default=".build/release/tidemark")
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    random.seed(1)
    begin = int(datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc).timestamp() * 1000)
    rows, clock = [], begin
    for i in range(options.rows):
        clock += random.randint(1, 200)
        rows.append((i, clock, random.randint(0, 9999), random.randint(1, 99999)))
    place, day = options.rows // 3, 86_400_000
    agrees = True
    for name, ahead in [("ten years", 3653 * day), ("two days", 2 * day), ("23 hours", 23 * day // 24)]:
        with tempfile.TemporaryDirectory() as path:
            directory = pathlib.Path(path)
            (directory / "future.yaml").write_text(PIPELINE)

            def log(name):
                return Log(options.tidemark, directory, name)

            wrong = (WRONG, rows[place][1] + ahead, 3, 100)
            disturbed = rows[:place] + [wrong] + rows[place:]
            agrees &= compare(
                f"history, {name} ahead", log("history").imported(rows), log("disturbed").imported(disturbed))
            live = [(i, 0, card, cents) for i, _, card, cents in rows]
            live.insert(place, (WRONG, ahead, 3, 100))
            sent, result = log("live").scored(live, is_live=True)
            plain = [row for row in sent if row[0] != WRONG]
            agrees &= compare(f"live, {name} ahead", log("plain").scored(plain, is_live=False)[1], result)
    sys.exit(0 if agrees else "one event changed others")


main()
