"""Whole files gone wrong: of another day, of another feed, in part, in another unit, with columns or rows mixed up."""

import csv
import io
from decimal import Decimal

from tests.faults.mutations.numerals import number, plain
from tests.faults.mutations.sheet import Case, Sheet, kind_of, operator


@operator("file", "yesterday's file again")
def _yesterday(case: Case) -> bytes | None:
    return case.yesterday.get(case.feed)


@operator("file", "yesterday's file under today's date")
def _redated(case: Case) -> bytes | None:
    """Yesterday's rows with yesterday's date replaced by today's wherever it stands."""
    old = case.yesterday.get(case.feed)
    if old is None:
        return None
    before = case.day.fromordinal(case.day.toordinal() - 1)
    return old.replace(before.isoformat().encode(), case.day.isoformat().encode())


@operator("file", "another feed's file")
def _other_feed(case: Case) -> bytes | None:
    return case.others[case.rng.choice(sorted(case.others))] if case.others else None


@operator("file", "another feed's rows under this header")
def _other_rows(case: Case) -> bytes | None:
    other = Sheet.read(case.others[case.rng.choice(sorted(case.others))])
    width = len(case.sheet.header)
    return case.sheet.with_rows([(row + [""] * width)[:width] for row in other.rows]).data()


@operator("file", "empty file")
def _empty(case: Case) -> bytes:
    return case.rng.choice([b"", b"\n", b"\xef\xbb\xbf", b"  \n\n"])


@operator("file", "header only")
def _header_only(case: Case) -> bytes:
    return case.sheet.with_rows([]).data()


@operator("file", "rows of two days")
def _two_days(case: Case) -> bytes | None:
    old = case.yesterday.get(case.feed)
    return case.sheet.with_rows([*Sheet.read(old).rows, *case.sheet.rows]).data() if old else None


@operator("file", "all rows twice")
def _twice(case: Case) -> bytes:
    return case.sheet.with_rows([row for row in case.sheet.rows for _ in range(2)]).data()


def _place(case: Case) -> int | None:
    column = case.column_named("location_id", "origin")
    return None if column is None else case.sheet.at(column.name)


def _one_place(case: Case) -> tuple[int, str] | None:
    at = _place(case)
    places = sorted({row[at] for row in case.sheet.rows}) if at is not None else []
    return (at, case.rng.choice(places)) if at is not None and len(places) > 1 else None


@operator("file", "half of the locations missing")
def _half(case: Case) -> bytes | None:
    at = _place(case)
    if at is None:
        return None
    places = sorted({row[at] for row in case.sheet.rows})
    kept = set(case.rng.sample(places, max(1, len(places) // 2)))
    return case.sheet.with_rows([row for row in case.sheet.rows if row[at] in kept]).data()


@operator("file", "a location missing")
def _location_missing(case: Case) -> bytes | None:
    found = _one_place(case)
    return case.sheet.with_rows([row for row in case.sheet.rows if row[found[0]] != found[1]]).data() if found else None


@operator("file", "a location in part")
def _location_in_part(case: Case) -> bytes | None:
    found = _one_place(case)
    if not found:
        return None
    mine = [row for row in case.sheet.rows if row[found[0]] == found[1]]
    gone = {id(row) for row in mine[len(mine) // 2 :]}
    return case.sheet.with_rows([row for row in case.sheet.rows if id(row) not in gone]).data()


@operator("file", "a location twice under another name")
def _location_renamed(case: Case) -> bytes | None:
    found, at = _one_place(case), _place(case)
    if not found or at is None:
        return None
    other = case.rng.choice(sorted({row[at] for row in case.sheet.rows} - {found[1]}))
    for row in case.sheet.rows:
        row[at] = other if row[at] == found[1] else row[at]
    return case.sheet.data()


@operator("file", "two locations exchanged")
def _locations_exchanged(case: Case) -> bytes | None:
    at = _place(case)
    places = sorted({row[at] for row in case.sheet.rows}) if at is not None else []
    if at is None or len(places) < 2:
        return None
    one, two = case.rng.sample(places, 2)
    for row in case.sheet.rows:
        row[at] = {one: two, two: one}.get(row[at], row[at])
    return case.sheet.data()


@operator("file", "a location of yesterday")
def _stale_location(case: Case) -> bytes | None:
    """One location's rows are yesterday's, dated today."""
    found, old = _one_place(case), case.yesterday.get(case.feed)
    if not found or old is None:
        return None
    before = case.day.fromordinal(case.day.toordinal() - 1)
    stale = [row for row in Sheet.read(old).rows if row[found[0]] == found[1]]
    fresh = [row for row in case.sheet.rows if row[found[0]] != found[1]]
    dated = [[cell.replace(before.isoformat(), case.day.isoformat()) for cell in row] for row in stale]
    return case.sheet.with_rows([*fresh, *dated]).data()


def _scaled(rows: list[list[str]], at: int, write: object) -> int:
    done = 0
    for row in rows:
        value = number(row[at])
        new = write(value, row) if value is not None else None  # type: ignore[operator]
        if new is not None and plain(new) != row[at]:
            row[at], done = plain(new), done + 1
    return done


def _quantities(case: Case) -> list[int]:
    return [case.sheet.at(c.name) for c in case.columns("integer") if c.unit == "units"]


@operator("unit", "eaches as cases in a location")
def _cases(case: Case) -> bytes | None:
    found, item = _one_place(case), case.column_named("item_id")
    quantities = _quantities(case)
    if not found or item is None or not quantities:
        return None
    of = case.sheet.at(item.name)
    mine = [row for row in case.sheet.rows if row[found[0]] == found[1]]
    done = [_scaled(mine, at, lambda value, row: Decimal(int(value / case.packs.get(row[of], 1)))) for at in quantities]
    return case.sheet.data() if any(done) else None


@operator("unit", "cases as eaches for an item")
def _eaches(case: Case) -> bytes | None:
    item, quantities = case.column_named("item_id"), _quantities(case)
    packed = sorted(name for name, pack in case.packs.items() if pack > 1)
    if item is None or not quantities or not packed:
        return None
    of, chosen = case.sheet.at(item.name), case.rng.choice(packed)
    mine = [row for row in case.sheet.rows if row[of] == chosen]
    done = [_scaled(mine, at, lambda value, _: value * case.packs[chosen]) for at in quantities]
    return case.sheet.data() if any(done) else None


@operator("unit", "one quantity of all rows in dozens")
def _dozens(case: Case) -> bytes | None:
    quantities = _quantities(case)
    if not quantities:
        return None
    _scaled(case.sheet.rows, case.rng.choice(quantities), lambda value, _: Decimal(int(value / 12)))
    return case.sheet.data()


@operator("unit", "a column scaled")
def _column_scaled(case: Case) -> bytes | None:
    numbers = [c for c in case.numbers() if c.name not in case.contract.key]
    if not numbers:
        return None
    factor = case.rng.choice(
        [Decimal("0.001"), Decimal("0.01"), Decimal("0.1"), Decimal(10), Decimal(100), Decimal(1000), Decimal("0.45359237")]
    )
    column = case.rng.choice(numbers)
    places = {"integer": 0, "decimal": column.decimals or 0}.get(kind_of(column), 6)
    done = _scaled(case.sheet.rows, case.sheet.at(column.name), lambda value, _: round(value * factor, places))
    return case.sheet.data() if done else None


@operator("unit", "currency of one row's country")
def _currency(case: Case) -> bytes | None:
    prices = [case.sheet.at(c.name) for c in case.columns("decimal") if (c.unit or "").startswith("USD")]
    if not prices:
        return None
    row = case.rng.choice(case.sheet.rows)
    done = _scaled([row], case.rng.choice(prices), lambda value, _: round(value * Decimal("149.5"), 4))
    return case.sheet.data() if done else None


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
