"""The quick road of checking accepts nothing that SQL would not, casts to the same values, and takes what is plainly valid."""

import datetime
import itertools
import random

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from pipelines.extracts.checking.key_order import key_order
from pipelines.extracts.checking.plain_cells import arrow_type, prove
from pipelines.extracts.checking.plain_rows import PlainRows, take
from pipelines.extracts.contracts import text_rules
from pipelines.extracts.contracts.contract import Column, load_contract, load_contracts

PIECES = ["", "-", "+", "0", "1", "9", "12", "007", ".", ".5", "5.", ",", " ", "e3", "E5", "x", "A", "_", "/", ":", "\n", "\t", "\r", "\0"]
PIECES += ["ä", "Z", "\u00a0", "\u0665", "\ufeff", "\u200b", "nan", "inf", "Infinity", "0x1F", "NULL", "true", "false", "TRUE"]
PIECES += ["9" * 17, "9" * 18, "9" * 19]
DAYS = ["2026-01-05", "2024-02-29", "2023-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "1989-12-31", "1990-01-01", "2100-12-31"]
DAYS += ["2101-01-01", "0001-01-01", "9999-12-31", "2026-1-5", "26-01-05", "2026/01/05", "2026-01-5 ", " 026-01-05", "20260105"]
DAYS += ["2026-W02-1", "-026-01-05", "2026-01-0x"]
CLOCKS = ["00:00:00", "23:59:59", "24:00:00", "12:60:00", "12:00:60", "09:30", "09:30:00.5", "9:30:00", "09-30-00", "09:30:0Z", "09+01:00"]
NUMBERS = [f"{whole}{rest}" for whole in ("0", "3", "00", "9" * 14, "9" * 12) for rest in ("", ".0", ".10", ".12345", ".1234567", "..1")]
TEXTS = [*PIECES, *("".join(pair) for pair in itertools.product(PIECES, repeat=2)), *DAYS, *NUMBERS, *(f"-{n}" for n in NUMBERS)]
TEXTS += [f"{day}{mark}{clock}" for day in DAYS for mark in "T t" for clock in CLOCKS]
TEXTS += ["x" * 40, "x" * 41, "x" * 500, "x" * 501, "a b", " a", "a ", "a  b"]
TEXTS = list(dict.fromkeys(TEXTS))
COLUMNS = {
    f"{column.type} {column.pattern or column.enum or ''} {column.minimum} {column.maximum} {column.nullable}": column
    for contract in load_contracts().values()
    for column in contract.columns
}
COLUMNS |= {f"{kind} without limits": Column("x", kind, nullable=True) for kind in ("integer", "double", "decimal(18,4)", "decimal(18,6)")}


def judged(column, texts):
    """What SQL accepts, and the values that it casts to."""
    with duckdb.connect() as connection:
        connection.register("batch", pa.table({column.name: pa.array(texts), "n": range(len(texts))}))
        query = f"SELECT n, {text_rules.typed(column)} AS v FROM batch WHERE {text_rules.is_valid(column)} ORDER BY n"
        table = connection.execute(query).to_arrow_table()
    return dict(zip(table["n"].to_pylist(), table["v"].cast(arrow_type(column)).to_pylist(), strict=True))


@pytest.mark.parametrize("name", COLUMNS)
def test_it_proves_nothing_that_sql_refuses_and_casts_alike(name):
    column = COLUMNS[name]
    accepted, rng = judged(column, TEXTS), random.Random(7)
    order = rng.sample(range(len(TEXTS)), len(TEXTS))
    parts = [order[start : start + 25] for start in range(0, len(order), 25)]  # a day that does not exist spoils its own part only
    for part in [*parts, *([n] for n in order[:100])]:
        chosen = part + rng.choices([*accepted] or [0], k=5)
        (typed,), mask = prove(pa.record_batch({column.name: [TEXTS[n] for n in chosen]}), (column,))
        assert typed.to_pylist() == [accepted[n] for n, proven in zip(chosen, mask, strict=True) if proven]


@pytest.mark.parametrize("name", COLUMNS)
def test_it_takes_valid_ascii_without_asking_sql(name):
    column = COLUMNS[name]
    accepted = [n for n in judged(column, TEXTS) if TEXTS[n].isascii()]
    (typed,), mask = prove(pa.record_batch({column.name: pa.array([TEXTS[n] for n in accepted], pa.string())}), (column,))
    assert mask.all()
    assert typed.type == arrow_type(column)


def test_one_bad_cell_costs_its_row_only():
    contract = load_contract("wms_stock")
    row = ["2026-01-05", "CA_1", "I1", "", "10", "2", "1", ""]
    for place, column in enumerate(contract.columns):
        rows = [list(row) for _ in range(100)]
        rows[50][place] = "\t"
        batch = pa.record_batch({c.name: [r[i] for r in rows] for i, c in enumerate(contract.columns)})
        typed, mask = prove(batch, contract.columns)
        assert np.flatnonzero(~mask).tolist() == [50], column.name
        assert {len(values) for values in typed} == {99}


def test_slices_of_a_batch_are_read_at_their_own_place():
    contract = load_contract("wms_stock")
    rows = [[f"2026-01-{d:02}", "CA_1", f"I{d}", "", str(-d), "0", "0", ""] for d in range(1, 29)]
    batch = pa.record_batch({c.name: [r[i] for r in rows] for i, c in enumerate(contract.columns)})
    column = contract.column("date")
    for start in range(0, 28, 5):
        (typed,), mask = prove(batch.slice(start, 5), (column,))
        assert typed.to_pylist() == [datetime.date(2026, 1, d) for d in range(1, 29)][start : start + 5]
        assert mask.all()


@pytest.mark.parametrize("seed", range(5))
def test_rows_come_back_by_key_with_nulls_first_and_repeats_marked(seed):
    contract, rng = load_contract("wms_stock"), random.Random(seed)
    day = datetime.date(2026, 1, 5)
    rows = [
        (day, rng.choice("AB"), rng.choice("XYZ"), rng.choice([None, "", "L1", "L2"][:: 2 if seed == 0 else 1]))
        for _ in range(rng.choice([0, 1, 2, 60]))
    ]
    plain = PlainRows(contract)
    for start in range(0, len(rows), 7):
        part = rows[start : start + 7]
        keys = {name: [row[i] for row in part] for i, name in enumerate(contract.key)}
        rest = {"on_hand": [1] * len(part), "reserved": [0] * len(part), "blocked": [0] * len(part), "expiry_date": [None] * len(part)}
        plain.add(pa.table(keys | rest | {"_line": range(start + 2, start + 2 + len(part))}))
    table, doubled = plain.in_order(duckdb.connect())
    found = list(zip(*(table[name].to_pylist() for name in (*contract.key, "_line")), strict=True))
    expected = sorted(((*row, n + 2) for n, row in enumerate(rows)), key=lambda r: (r[:3], r[3] is not None, r[3] or "", r[4]))
    assert found == expected
    assert doubled.tolist() == [rows.count(row[:4]) > 1 for row in found]


WORDS = ["", "A", "AA", "AB", "B", "ab", "A1", "A10", "A2", "Ä", "x" * 21, "x" * 21 + "y", "x" * 40, "\u00ff", "0", "00"]


LIKE_NUMBERS = [
    ["K0x1F", "K0x0A", "K0009"],
    ["K-1", "K+1", "K01", "K 1", "K-0"],
    [f"{n:018}" for n in (0, 9, 10**17)],
    ["é01", "é10", "è02"],
]


@pytest.mark.parametrize("values", [["ab", "cd", "ef"], ["ab", "c", ""], ["ab", None, "cd"], ["", ""], [], ["é", "ü", "ab"], [1, 2, None]])
def test_values_are_taken_as_they_are(values):
    rng = random.Random(0)
    whole = pa.array(["zz", *values, "zz"] if values and isinstance(values[0], str) else values)
    array = whole.slice(1, len(values)) if len(whole) > len(values) else whole
    order = pa.array(rng.choices(range(len(values)), k=7) if values else [], pa.int32())
    taken = take(array, order)
    taken.validate(full=True)
    assert taken.to_pylist() == [values[n] for n in order.to_pylist()]


@pytest.mark.parametrize("seed", range(24))
def test_the_order_of_keys_is_that_of_sql(seed):
    rng = random.Random(seed)
    rows = rng.choice([1, 2, 50, 400])
    texts = [[w for w in WORDS if len(w) < 22], WORDS, ["ORD-0001", "ORD-0002", "ORD-0010"], ["same"], *LIKE_NUMBERS][seed % 8]
    nulls = [None] if seed % 3 else []
    table = pa.table(
        {
            "text": pa.array(rng.choices([*texts, *nulls], k=rows), pa.string()),
            "number": pa.array(rng.choices([-5, 0, 7, 10**18, -(10**18), *nulls], k=rows), pa.int64()),
            "day": pa.array(rng.choices([datetime.date(1990, 1, 1), datetime.date(2026, 1, 5), *nulls], k=rows), pa.date32()),
            "time": pa.array(rng.choices([datetime.datetime(2026, 1, 5, 9), datetime.datetime(2026, 1, 5, 8), *nulls], k=rows)),
            "share": pa.array(rng.choices([0.5, 0.25], k=rows)),
        }
    )
    table = table.set_column(3, "time", table["time"].cast(pa.timestamp("us")))
    names = rng.sample(table.column_names, rng.randrange(1, 6))
    with duckdb.connect() as connection:
        connection.register("t", table.append_column("n", pa.array(range(rows))))
        by = ", ".join(f"{name} NULLS FIRST" for name in names)
        expected = [n for (n,) in connection.execute(f"SELECT n FROM t ORDER BY {by}, n").fetchall()]
        assert key_order(connection, table.select(names)).to_pylist() == expected


def test_rows_already_in_order_are_not_moved():
    contract = load_contract("wms_stock")
    day, plain = datetime.date(2026, 1, 5), PlainRows(contract)
    for first in (0, 10, 20):
        items = [f"I{n:02}" for n in range(first, first + 10)]
        rest = {"lot_id": [None] * 10, "on_hand": [1] * 10, "reserved": [0] * 10, "blocked": [0] * 10, "expiry_date": [None] * 10}
        plain.add(
            pa.table({"date": [day] * 10, "location_id": ["A"] * 10, "item_id": items, **rest, "_line": range(first + 2, first + 12)})
        )
    table, doubled = plain.in_order(duckdb.connect())
    assert table["date"].num_chunks == 3
    assert (table["_line"].to_pylist(), doubled.any()) == (list(range(2, 32)), False)
