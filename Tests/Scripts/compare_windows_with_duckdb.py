#!/usr/bin/env python3
"""Compares every window aggregate that DuckDB has too with DuckDB's `RANGE BETWEEN` windows, row by row.

    compare_windows_with_duckdb.py --rows 1000000 --seed 1 --program .build/release/tidemark

Makes random transactions in order, whose times are unique for each key, and a pipeline; runs `tidemark import` and
`tidemark features --output`; asks DuckDB the same. A fifth of the transactions follow another of the same customer and
merchant by exactly a window's length or delay, or a millisecond less or more, so that windows' edges are met.

- Tidemark's window is (t - delay - window, t - delay] in milliseconds, so DuckDB's begins a millisecond later.
- A label is known from 7 days after its transaction on, so known labels are those of frames that end 7 days ago.
- Counts have to be equal, other values to 1e-9 of the larger one (of 0.01 at least, the resolution of an amount).

Prints a table, an aggregate a line, and for each feature that disagrees the example with the fewest events in its
window. Ends with 1 if any value disagrees. Needs duckdb and numpy.
"""
import argparse
import dataclasses
import pathlib
import subprocess
import sys
import tempfile
import time

import duckdb
import numpy as np

SECOND = 1000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
START = 1_700_000_000_000
LABEL_DELAY = 7 * DAY
TOLERANCE = 1e-9
EMPTY = -0.125
HALF_LIFE = 5 * DAY
PRIOR, STRENGTH = 0.05, 20.0
KEYS = {"customer": "CUSTOMER_ID", "merchant": "MERCHANT", "customer_at_merchant": "CUSTOMER_ID, MERCHANT"}
EXACT = {"count", "distinct", "label_count"}


@dataclasses.dataclass
class Window:
    """Aggregates over one window of an entity; `length` None is `forever`, `arrival` is `basis: label_arrival`."""

    entity: str
    length: int | None
    aggregates: list
    delay: int = 0
    where: str | None = None
    current: bool = True
    arrival: bool = False

    def frame(self):
        """The frame of a `RANGE` clause. Labels are known, or have arrived, where a frame ends 7 days ago."""
        delay = self.delay
        if self.arrival or (delay == 0 and any(name.startswith("since_") and "fraud" in name for name in self.names())):
            delay = LABEL_DELAY
        start = "UNBOUNDED" if self.length is None else milliseconds(delay + self.length - 1)
        end = f"{milliseconds(delay)} PRECEDING" if delay else "CURRENT ROW"
        if not self.current:
            end = f"{milliseconds(1)} PRECEDING"
        return f"PARTITION BY {KEYS[self.entity]} ORDER BY t RANGE BETWEEN {start} PRECEDING AND {end}"

    def names(self):
        return [aggregate.split(" ")[0] for aggregate in self.aggregates]


VALUES = [f"{name} AMOUNT" for name in ("sum", "mean", "variance", "min", "max", "first", "last")]
ALL = ["count", *VALUES, "distinct MERCHANT", "distinct AMOUNT", "distinct CHANNEL"]
DECAYED = ["decayed_count", "decayed_sum ITEMS"]
RATES = ["label_count", "label_rate", "known_label_rate", "smoothed_label_rate"]

WINDOWS = [
    Window("customer", SECOND, ALL),
    Window("customer", HOUR, ALL, current=False),
    Window("customer", DAY, ALL + DECAYED),
    Window("customer", 7 * DAY, ALL, delay=DAY, where="CHANNEL == 'web'"),
    Window("customer", 30 * DAY, ALL, where="AMOUNT > 100 and CHANNEL != 'phone'", current=False),
    Window("customer", None, ["count", *VALUES, *DECAYED], current=False),
    Window("merchant", HOUR, ["count", *VALUES, "distinct CUSTOMER_ID"]),
    Window("merchant", 7 * DAY, ["count", *VALUES, "distinct CUSTOMER_ID", *DECAYED], delay=7 * DAY),
    Window("merchant", 30 * DAY, ["count", *VALUES, "distinct CUSTOMER_ID"], where="AMOUNT > 100"),
    Window("customer_at_merchant", 7 * DAY, ALL, current=False),
    Window("customer_at_merchant", None, ALL, delay=HOUR, where="ITEMS > 1"),
    Window("customer", None, ["previous AMOUNT", "previous ITEMS", "since_previous"], current=False),
    Window("customer_at_merchant", None, ["previous AMOUNT", "since_previous"], where="AMOUNT > 100", current=False),
    Window("merchant", 7 * DAY, RATES, delay=7 * DAY),
    Window("customer", 30 * DAY, RATES, delay=8 * DAY, where="CHANNEL == 'web'"),
    Window("merchant", 14 * DAY, RATES, arrival=True),
    Window("customer", None, ["since_first_fraud", "since_last_fraud"]),
]


def milliseconds(count):
    return f"INTERVAL '{count} milliseconds'"


def duration(length):
    for unit, size in (("d", DAY), ("h", HOUR), ("s", SECOND)):
        if length % size == 0:
            return f"{length // size}{unit}"
    return f"{length}ms"


def features():
    """All features in the plan's order: name, window, aggregate, column."""
    for index, window in enumerate(WINDOWS):
        for aggregate in window.aggregates:
            name, _, column = aggregate.partition(" ")
            yield f"W{index}_{aggregate.replace(' ', '_')}", window, name, column


def pipeline():
    lines = [
        "pipeline: compare",
        "input:",
        "  id: ID",
        "  event_time: { column: MILLIS, format: milliseconds }",
        "  columns:",
        "    { ID: long, CUSTOMER_ID: long, MERCHANT: string, AMOUNT: decimal(2), ITEMS: long, CHANNEL: string }",
        f"  label: {{ column: FRAUD, delay: {duration(LABEL_DELAY)} }}",
        "entities:",
        "  customer: CUSTOMER_ID",
        "  merchant: MERCHANT",
        "  customer_at_merchant: [CUSTOMER_ID, MERCHANT]",
        "features:",
    ]
    for feature, window, aggregate, column in features():
        length = "forever" if window.length is None else duration(window.length)
        keys = [f"name: {feature}", f"entity: {window.entity}", f"window: {length}", f"aggregate: {aggregate}"]
        keys += [f"of: {column}"] if column else []
        keys += [f"delay: {duration(window.delay)}"] if window.delay else []
        keys += [f'where: "{window.where}"'] if window.where else []
        keys += [] if window.current else ["include_current: false"]
        keys += ["basis: label_arrival"] if window.arrival else []
        keys += [f"half_life: {duration(HALF_LIFE)}"] if aggregate.startswith("decayed") else []
        if aggregate == "smoothed_label_rate":
            keys += [f"prior: {PRIOR}", f"strength: {STRENGTH}", "over: all"]
        keys += [f"if_empty: {EMPTY}"] if has_empty(aggregate) else []
        lines.append(f"  - {{ {', '.join(keys)} }}")
    return "\n".join(lines) + "\n"


def has_empty(aggregate):
    return aggregate.startswith("since") or aggregate in ("mean", "variance", "min", "max", "first", "last", "previous")


def expression(window, aggregate, column):
    """DuckDB's expression for one aggregate over the named window `w`."""
    conditions = [f"({window.where})"] if window.where else []
    if aggregate in ("since_first_fraud", "since_last_fraud"):
        conditions.append("FRAUD = 1")
    over = (f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else "") + " OVER w"
    weight = f"pow(2.0, (MILLIS - {START}) / {HALF_LIFE}.0)"
    until_end = f"pow(2.0, ({START} + {window.delay} - MILLIS) / {HALF_LIFE}.0)"
    value = {
        "count": f"count(*){over}",
        "sum": f"sum({column}){over}",
        "mean": f"avg({column}){over}",
        "variance": f"var_pop({column}){over}",
        "min": f"min({column}){over}",
        "max": f"max({column}){over}",
        "first": f"arg_min({column}, MILLIS){over}" if conditions else f"first_value({column}){over}",
        "last": f"arg_max({column}, MILLIS){over}" if conditions else f"last_value({column}){over}",
        "distinct": f"count(DISTINCT {column}){over}",
        "decayed_count": f"sum({weight}){over} * {until_end}",
        "decayed_sum": f"sum({column} * {weight}){over} * {until_end}",
        "previous": f"arg_max({column}, MILLIS){over}",
        "since_previous": f"(MILLIS - max(MILLIS){over}) / 1000.0",
        "since_first_fraud": f"(MILLIS - min(MILLIS){over}) / 1000.0",
        "since_last_fraud": f"(MILLIS - max(MILLIS){over}) / 1000.0",
        "label_count": f"sum(FRAUD){over}",
        "label_rate": f"avg(FRAUD){over}",
        "known_label_rate": f"avg(FRAUD){over}",
        "smoothed_label_rate":
            f"(coalesce(sum(FRAUD){over}, 0) + {PRIOR * STRENGTH}::DOUBLE) / (count(*){over} + {STRENGTH}::DOUBLE)",
    }[aggregate]
    return f"coalesce(({value})::DOUBLE, {EMPTY if has_empty(aggregate) else 0})"


def transactions(rows, seed):
    """Columns of `rows` transactions in order of time, times unique for each customer and each merchant."""
    random = np.random.default_rng(seed)
    base = rows - rows // 5 + rows // 100
    customers, merchants = max(rows // 50, 2), max(rows // 500, 2)
    customer = (customers * random.random(base) ** 3).astype(np.int64)
    merchant = (customer * 7 + random.geometric(0.3, base)) % merchants
    at = START + random.integers(0, 60 * DAY, base)
    steps = sorted({step for window in WINDOWS for step in (window.length, window.delay) if step})
    steps = np.array(steps + [window.length + window.delay for window in WINDOWS if window.length])
    follows = random.integers(0, base, rows // 5)
    after = random.choice(steps, len(follows)) + random.integers(-1, 2, len(follows))
    customer, merchant = np.append(customer, customer[follows]), np.append(merchant, merchant[follows])
    at = np.append(at, at[follows] + after)
    kept = np.ones(len(at), dtype=bool)
    for key in (customer, merchant):
        order = np.lexsort((key, at))
        same = (np.diff(at[order]) == 0) & (np.diff(key[order]) == 0)
        kept[order[1:][same]] = False
    order = np.flatnonzero(kept)
    order = order[np.argsort(at[order], kind="stable")][:rows]
    cents = np.rint(np.exp(random.normal(8.5, 1.2, len(order)))).astype(np.int64)
    cents = np.where(random.random(len(order)) < 0.1, 999, cents)
    cents = np.where(random.random(len(order)) < 0.03, -cents, cents)
    items = random.integers(0, 20, len(order))
    channel = random.integers(0, 3, len(order))
    fraud = (random.random(len(order)) < 0.05).astype(np.int64)
    return customer[order], merchant[order], at[order], cents, items, channel, fraud


def write(path, columns):
    with open(path, "w") as file:
        file.write("ID,MILLIS,CUSTOMER_ID,MERCHANT,AMOUNT,ITEMS,CHANNEL,FRAUD\n")
        rows = zip(*(column.tolist() for column in columns))
        for index, (customer, merchant, at, cents, items, channel, fraud) in enumerate(rows):
            amount = f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
            name = ("web", "shop", "phone")[channel]
            file.write(f"{index},{at},{customer},m{merchant},{amount},{items},{name},{fraud}\n")


def example(database, window, feature, ours, theirs, wrong):
    """Prints the row with the fewest events in its frame among those that disagree, and these events."""
    sql = (
        "SELECT ID, count(*) OVER w AS n, min(MILLIS) OVER w AS a, max(MILLIS) OVER w AS b "
        f"FROM tx WINDOW w AS ({window.frame()})")
    ids = ", ".join(str(index) for index in np.flatnonzero(wrong)[:1000])
    found = database.execute(f"SELECT * FROM ({sql}) WHERE ID IN ({ids}) ORDER BY n, ID LIMIT 1").fetchall()
    row, _, first, last = found[0]
    print(f"{feature}: {wrong.sum():,} rows disagree; where {window.where}; {window.frame()}")
    print(f"  row {row}: tidemark {float(ours[row])!r}, DuckDB {float(theirs[row])!r}; the row and the frame's events:")
    same = " AND ".join(f"{key} = (SELECT {key} FROM tx WHERE ID = {row})" for key in KEYS[window.entity].split(", "))
    within = f"MILLIS BETWEEN {first} AND {last}" if first is not None else "FALSE"
    events = f"SELECT * EXCLUDE (t) FROM tx WHERE ID = {row} OR ({same} AND {within}) ORDER BY ID LIMIT 12"
    for values in database.execute(events).fetchall():
        print("    " + ", ".join(str(value) for value in values))


def numbers(column):
    """A column without a value is not a number, and so disagrees."""
    return np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan)


def compare(database, rows):
    """Prints the table; whether all agree."""
    table = {}
    disagreeing = 0
    for window in WINDOWS:
        own = [feature for feature in features() if feature[1] is window]
        select = ", ".join(f"{expression(window, aggregate, column)} AS {name}" for name, _, aggregate, column in own)
        theirs = database.sql(f"SELECT ID, {select} FROM tx WINDOW w AS ({window.frame()}) ORDER BY ID").fetchnumpy()
        names = ", ".join(name for name, *_ in own)
        ours = database.sql(f"SELECT transaction_id, {names} FROM ours ORDER BY transaction_id").fetchnumpy()
        assert np.array_equal(ours["transaction_id"], np.arange(rows)), "not the same transactions"
        for name, _, aggregate, _ in own:
            a, b = numbers(ours[name]), numbers(theirs[name])
            exact = aggregate in EXACT
            difference = np.abs(a - b) / (1 if exact else np.maximum(np.maximum(np.abs(a), np.abs(b)), 0.01))
            wrong = ~(difference <= (0 if exact else TOLERANCE))
            line = table.setdefault(aggregate, [0, 0, 0, 0.0, 0])
            line[0] += 1
            line[1] += rows
            line[2] += int((b != (EMPTY if has_empty(aggregate) else 0)).sum())
            line[3] = max(line[3], float(np.max(difference)))
            line[4] += int(wrong.sum())
            if wrong.any():
                disagreeing += 1
                example(database, window, name, a, b, wrong)
    print(f"{'aggregate':<22}{'features':>9}{'values':>13}{'not default':>13}"
          f"{'largest difference':>20}{'disagree':>11}")
    for aggregate, (count, values, filled, largest, wrong) in table.items():
        print(f"{aggregate:<22}{count:>9}{values:>13,}{filled:>13,}{largest:>20.2g}{wrong:>11,}")
    return disagreeing == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tidemark")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        table, specification, log, vectors = (folder / name for name in ("tx.csv", "compare.yaml", "log", "ours.csv"))
        write(table, transactions(options.rows, options.seed))
        specification.write_text(pipeline())
        common = ["--pipeline", specification, "--log", log, "--quiet"]
        subprocess.run([options.program, "import", table, *common], check=True)
        subprocess.run([options.program, "features", "--output", vectors, *common], check=True)
        print(f"features after {time.monotonic() - started:.0f} s", flush=True)
        database = duckdb.connect()
        database.execute(
            "CREATE TABLE tx AS SELECT *, make_timestamp(MILLIS * 1000) AS t "
            "FROM read_csv(?, types = {'AMOUNT': 'DECIMAL(18, 2)'})", [str(table)])
        database.execute("CREATE TABLE ours AS SELECT * FROM read_csv(?)", [str(vectors)])
        vectors.unlink()
        agrees = compare(database, options.rows)
    print(f"{options.rows:,} transactions, seed {options.seed}, DuckDB {duckdb.__version__}: "
          f"{'all agree' if agrees else 'DISAGREE'}, {time.monotonic() - started:.0f} s")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
