"""Figures in another unit: cases for eaches, dozens, a scaled column, another currency."""

from decimal import Decimal

from tests.faults.mutations.numerals import number, plain
from tests.faults.mutations.sheet import Case, kind_of, operator
from tests.faults.mutations.whole_files import one_place


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
    found, item = one_place(case), case.column_named("item_id")
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
