#!/usr/bin/env python3
"""The rate of sliding-window features on workload W: Tidemark, DuckDB and (where its Python is given) Flink, in turn.

    tidemark generate my-w.csv --workload w
    compare_rates_with_engines.py my-w.csv [--program tidemark] [--flink my-flink/bin/python] [--runs 3] [--json]

Two questions, answered for each transaction as of its own time, exactly, never by buckets:

- one window: number and mean of the customer's amounts in the last 7 days;
- six windows: the twelve window features of `models/workload-w.yaml`, customers and terminals, labels too.

Tidemark's time is that of `train --fresh` by one thread: it reads its log, computes, scores, learns and writes
decisions. DuckDB's is that of `RANGE` windows over a table in memory, all columns then added up, with one and with two
threads. Flink's is that of an `OVER` window on event time in streaming mode, parallelism 1, from the CSV to the
`blackhole` sink, less the time of the same without the window; in streaming one query has one such window, so it
answers the first question only. Counts are added up by each and printed. DuckDB asks when all is there and Flink waits
for the watermark, so they see a transaction that came after a later one in that one's window too; Tidemark answers at
once, and has not seen it yet. So the sums differ in the last digits.

Needs duckdb; for Flink a Python with apache-flink, and Java 17.
"""
import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
HOUR, DAY = 3_600_000, 86_400_000
ONE_WINDOW = """
features:
  - { name: customer_count_7d, entity: customer, window: 7d, aggregate: count }
  - { name: customer_mean_7d, entity: customer, window: 7d, aggregate: mean, of: amount }
"""
FLINK = """
import sys, time
from pyflink.table import EnvironmentSettings, TableEnvironment
table, sink, windowed = sys.argv[1], sys.argv[2], sys.argv[3] == "windowed"
flink = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
for key, value in {"parallelism.default": "1", "taskmanager.memory.managed.size": "256m"}.items():
    flink.get_config().set(key, value)
flink.execute_sql(f'''CREATE TABLE w (tx_id BIGINT, event_time_ms BIGINT, customer_id BIGINT, terminal_id BIGINT,
    amount DECIMAL(12, 2), label INT, t AS TO_TIMESTAMP_LTZ(event_time_ms, 3), WATERMARK FOR t AS t - INTERVAL '60' SECOND)
    WITH ('connector' = 'filesystem', 'path' = '{table}', 'format' = 'csv')''')
to = "'connector' = 'blackhole'" if sink == "-" else f"'connector' = 'filesystem', 'path' = '{sink}', 'format' = 'csv'"
flink.execute_sql(f"CREATE TABLE answers (tx_id BIGINT, n BIGINT, m DECIMAL(38, 6)) WITH ({to})")
over = "OVER (PARTITION BY customer_id ORDER BY t RANGE BETWEEN INTERVAL '7' DAY PRECEDING AND CURRENT ROW)"
n, m = (f"COUNT(*) {over}", f"AVG(amount) {over}") if windowed else ("customer_id", "amount")
begin = time.perf_counter()
flink.execute_sql(f"INSERT INTO answers SELECT tx_id, {n}, CAST({m} AS DECIMAL(38, 6)) FROM w").wait()
print("seconds", time.perf_counter() - begin)
"""


def output(command):
    finished = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{finished.stdout}{finished.stderr[-4000:]}")
    return finished.stdout


class Tidemark:
    def __init__(self, program, table, scratch):
        self.program, self.log, self.scratch = program, scratch / "log", scratch
        whole = (MODELS / "workload-w.yaml").read_text()
        head, rest = whole.split("\nfeatures:", 1)
        single = head.replace("pipeline: workload-w", "pipeline: one-window") + ONE_WINDOW + rest[rest.index("\nmodels:"):]
        self.pipelines = {"one window": scratch / "one.yaml", "six windows": scratch / "six.yaml"}
        self.pipelines["one window"].write_text(single)
        self.pipelines["six windows"].write_text(whole)
        output([program, "import", table, "--pipeline", self.pipelines["six windows"], "--log", self.log, "--quiet"])

    def seconds(self, question):
        answer = output([self.program, "train", "--pipeline", self.pipelines[question], "--log", self.log, "--fresh",
                         "--skip-evaluation", "--quiet", "--json"])
        return json.loads(answer)["seconds"]

    def sum_of_counts(self):
        features = self.scratch / "features.csv"
        output([self.program, "features", "--pipeline", self.pipelines["one window"], "--log", self.log, "--output",
                features, "--quiet"])
        with features.open() as lines:
            return sum(int(float(row["customer_count_7d"])) for row in csv.DictReader(lines))


class DuckDB:
    def __init__(self, table, threads):
        self.connection = duckdb.connect()
        self.connection.execute(f"SET threads = {threads}")
        self.connection.execute(f"CREATE TABLE w AS SELECT * FROM read_csv('{table}')")

    @staticmethod
    def columns(key, value, delay, windows):
        for window in windows:
            frame = (f"(PARTITION BY {key} ORDER BY event_time_ms RANGE BETWEEN {delay + window - 1} PRECEDING AND "
                     + (f"{delay} PRECEDING)" if delay else "CURRENT ROW)"))
            yield f"count(*) OVER {frame}"
            yield f"avg({value}) OVER {frame}"

    def seconds(self, question):
        if question == "one window":
            columns = list(self.columns("customer_id", "amount", 0, [7 * DAY]))
        else:
            columns = [*self.columns("customer_id", "amount", 0, [HOUR, DAY, 7 * DAY]),
                       *self.columns("terminal_id", "label", DAY, [HOUR, DAY, 7 * DAY])]
        inner = ", ".join(f"{column} AS c{number}" for number, column in enumerate(columns))
        sums = ", ".join(f"sum(c{number})" for number in range(len(columns)))
        begin = time.perf_counter()
        self.sums = self.connection.execute(f"SELECT {sums} FROM (SELECT {inner} FROM w)").fetchone()
        return time.perf_counter() - begin


class Flink:
    def __init__(self, python, table, scratch):
        self.python, self.table, self.scratch = python, scratch / "rows.csv", scratch
        # Flink's CSV has no header.
        self.table.write_bytes(table.read_bytes().split(b"\n", 1)[1])

    def run(self, windowed, sink="-"):
        text = output([self.python, "-c", FLINK, self.table, sink, "windowed" if windowed else "plain"])
        return float(text.split("seconds ")[1].split()[0])

    def seconds(self, question):
        return self.run(True) - self.run(False)

    def sum_of_counts(self):
        answers = self.scratch / "flink"
        self.run(True, answers)
        total = 0
        for part in (path for path in answers.rglob("*") if path.is_file()):
            with part.open() as lines:
                total += sum(int(line.split(",")[1]) for line in lines)
        return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, default=".build/release/tidemark")
    parser.add_argument("--flink", type=pathlib.Path, help="a Python that has apache-flink")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    table = options.table.resolve()
    with table.open("rb") as lines:
        rows = sum(1 for _ in lines) - 1
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        tidemark = Tidemark(options.program.resolve(), table, scratch)
        engines = {"Tidemark, one thread, models and decisions too": tidemark}
        engines |= {f"DuckDB, {number} thread{'s' if number > 1 else ''}": DuckDB(table, number) for number in (1, 2)}
        if options.flink:
            engines["Flink, parallelism 1"] = Flink(options.flink.absolute(), table, scratch)
        measured = {}
        for run in range(options.runs):
            for question in ("one window", "six windows"):
                for engine, runner in engines.items():
                    if question == "six windows" and isinstance(runner, Flink):
                        continue
                    seconds = runner.seconds(question)
                    measured.setdefault((question, engine), []).append(seconds)
                    if isinstance(runner, DuckDB) and question == "one window":
                        duckdb_sum = int(runner.sums[0])
            print(f"run {run + 1} of {options.runs}", file=sys.stderr)
        sums = {"Tidemark": tidemark.sum_of_counts(), "DuckDB": duckdb_sum}
        if options.flink:
            sums["Flink"] = engines["Flink, parallelism 1"].sum_of_counts()
    figures = [{"question": question, "engine": engine, "seconds": statistics.median(times),
                "transactions_per_second": rows / statistics.median(times)} for (question, engine), times in measured.items()]
    if options.json:
        print(json.dumps({"rows": rows, "figures": figures, "sum_of_counts": sums}, indent=1))
        return
    for figure in figures:
        print(f"{figure['question']:12} {figure['engine']:48} {figure['seconds']:8.2f} s "
              f"{figure['transactions_per_second']:12,.0f} transactions a second")
    print("sum of the counts in one window: " + ", ".join(f"{name} {total:,}" for name, total in sums.items()))


if __name__ == "__main__":
    main()
