"""Columns and rows mixed up: every cell is one that the file could hold, in a place where it does not belong."""

import csv
import io
from decimal import Decimal

from tests.faults.mutations.numerals import number, plain
from tests.faults.mutations.sheet import Case, kind_of, operator


def _pairs_of_a_type(case: Case) -> list[tuple[int, int]]:
    columns = [c for c in case.contract.columns if c.name in case.sheet.header]
    pairs = [(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :] if kind_of(a) == kind_of(b)]
    places = [(case.sheet.at(a.name), case.sheet.at(b.name)) for a, b in pairs]
    return [(a, b) for a, b in places if any(row[a] != row[b] for row in case.sheet.rows)]


@operator("mixed", "two columns of one type exchanged")
def _columns_exchanged(case: Case) -> bytes | None:
    pairs = _pairs_of_a_type(case)
    if not pairs:
        return None
    a, b = case.rng.choice(pairs)
    for row in case.sheet.rows:
        row[a], row[b] = row[b], row[a]
    return case.sheet.data()


@operator("mixed", "two columns exchanged in one row")
def _cells_exchanged(case: Case) -> bytes | None:
    pairs = _pairs_of_a_type(case)
    if not pairs:
        return None
    a, b = case.rng.choice(pairs)
    row = case.rng.choice([row for row in case.sheet.rows if row[a] != row[b]])
    row[a], row[b] = row[b], row[a]
    return case.sheet.data()


@operator("mixed", "a column shifted by one row")
def _column_shifted(case: Case) -> bytes | None:
    rows = case.sheet.rows
    at = case.rng.choice([i for i in range(len(case.sheet.header)) if len({row[i] for row in rows}) > 1] or [0])
    values = [row[at] for row in rows]
    for row, value in zip(rows, [values[-1], *values[:-1]], strict=True):
        row[at] = value
    return case.sheet.data()


@operator("mixed", "a column sorted by itself")
def _column_sorted(case: Case) -> bytes | None:
    at = case.rng.randrange(len(case.sheet.header))
    for row, value in zip(case.sheet.rows, sorted(row[at] for row in case.sheet.rows), strict=True):
        row[at] = value
    return case.sheet.data()


@operator("mixed", "a column from a row on shifted")
def _tail_shifted(case: Case) -> bytes | None:
    rows, at = case.sheet.rows, case.rng.randrange(len(case.sheet.header))
    start = case.rng.randrange(len(rows))
    values = [row[at] for row in rows[start:]]
    for row, value in zip(rows[start:], [*values[1:], ""], strict=True):
        row[at] = value
    return case.sheet.data()


@operator("mixed", "halves of two rows")
def _halves(case: Case) -> bytes | None:
    if len(case.sheet.rows) < 2:
        return None
    one, two = case.rng.sample(case.sheet.rows, 2)
    cut = case.rng.randrange(1, len(one))
    one[cut:], two[cut:] = two[cut:], one[cut:]
    return case.sheet.data()


@operator("mixed", "a row's values from another row")
def _values_of_another(case: Case) -> bytes | None:
    """All cells outside the key are another row's."""
    if len(case.sheet.rows) < 2:
        return None
    one, two = case.rng.sample(case.sheet.rows, 2)
    keys = {case.sheet.at(name) for name in case.contract.key}
    one[:] = [mine if i in keys else other for i, (mine, other) in enumerate(zip(one, two, strict=True))]
    return case.sheet.data()


@operator("mixed", "a column filled down")
def _filled_down(case: Case) -> bytes | None:
    at = case.rng.randrange(len(case.sheet.header))
    start = case.rng.randrange(len(case.sheet.rows))
    for row in case.sheet.rows[start : start + 8]:
        row[at] = case.sheet.rows[start][at]
    return case.sheet.data()


@operator("mixed", "a column blanked")
def _column_blanked(case: Case) -> bytes | None:
    at = case.rng.randrange(len(case.sheet.header))
    for row in case.sheet.rows:
        row[at] = ""
    return case.sheet.data()


@operator("mixed", "a column of yesterday")
def _column_of_yesterday(case: Case) -> bytes | None:
    """Values of one column come from yesterday's row of the same key without its date."""
    old = case.yesterday.get(case.feed)
    names = [c.name for c in case.contract.columns if c.name not in case.contract.key]
    if old is None or not names:
        return None
    keys = [case.sheet.at(name) for name in case.contract.key if name != case.contract.date_column]
    before = {tuple(row[i] for i in keys): row for row in csv.reader(io.StringIO(old.decode()))}
    at, done = case.sheet.at(case.rng.choice(names)), 0
    for row in case.sheet.rows:
        known = before.get(tuple(row[i] for i in keys))
        if known and known[at] != row[at]:
            row[at], done = known[at], done + 1
    return case.sheet.data() if done else None


@operator("mixed", "doubled keys that differ")
def _doubled_keys(case: Case) -> bytes | None:
    numbers = [case.sheet.at(c.name) for c in case.numbers() if c.name not in case.contract.key]
    if not numbers:
        return None
    twin = list(case.rng.choice(case.sheet.rows))
    at = case.rng.choice(numbers)
    twin[at] = plain((number(twin[at]) or Decimal(0)) + 1)
    return case.sheet.with_rows([*case.sheet.rows, twin]).data()


@operator("mixed", "test rows left in")
def _test_rows(case: Case) -> bytes | None:
    ids = [case.sheet.at(c.name) for c in case.columns("id") if c.name in case.contract.key]
    if not ids:
        return None
    row = list(case.rng.choice(case.sheet.rows))
    row[ids[-1]] = "TEST"
    return case.sheet.with_rows([row, *case.sheet.rows]).data()
