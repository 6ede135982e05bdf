"""What a sender's query gets wrong: rows filtered, paged, joined, grouped and numbered otherwise. Every cell stays a fair one."""

from collections.abc import Callable

from tests.faults.mutations.calendar_faults import moment
from tests.faults.mutations.numerals import number
from tests.faults.mutations.sheet import Case, Cells, operator

RowChange = Callable[[Case], Cells | None]


def rows_operator(kind: str, name: str) -> Callable[[RowChange], RowChange]:
    """Register a change that gives the file other rows."""

    def keep(change: RowChange) -> RowChange:
        def apply(case: Case) -> bytes | None:
            rows = change(case)
            return None if rows is None else case.sheet.with_rows(rows).data()

        operator(kind, name)(apply)
        return change

    return keep


def at_of(case: Case, *names: str) -> int | None:
    """The position of the first of the columns that the feed has."""
    column = case.column_named(*names)
    return None if column is None else case.sheet.at(column.name)


def documents(case: Case) -> int | None:
    return at_of(case, "order_id", "po_id", "transfer_id", "reference_id", "reference")


def moments(case: Case) -> int | None:
    stamps = [column.name for column in case.columns("timestamp") if column.name == (case.contract.date_column or column.name)]
    return case.sheet.at(stamps[0]) if stamps else None


def quantities(case: Case) -> list[int]:
    return [case.sheet.at(column.name) for column in case.columns("integer") if column.unit == "units"]


def new_id(case: Case, row: list[str], suffix: str = "-2") -> list[str] | None:
    """The row under an event, shipment, receipt or order number of its own; None where the feed numbers nothing."""
    name = case.contract.key[0]
    if case.contract.kind != "event" or name in ("location_id", "item_id"):
        return None
    at = case.sheet.at(name)
    return [*row[:at], row[at] + suffix, *row[at + 1 :]]


def _keep(kind: str, name: str, holds: Callable[[list[str], Case], bool | None]) -> None:
    """Register a filter; a row of which it says None is kept."""

    @rows_operator(kind, name)
    def filtered(case: Case) -> Cells | None:
        kept = [row for row in case.sheet.rows if holds(row, case) is not False]
        return kept if kept and len(kept) < len(case.sheet.rows) else None


def _hour_of(row: list[str], case: Case) -> int | None:
    at = moments(case)
    found = moment(row[at]) if at is not None else None
    return found.hour if found else None


_keep("file", "nothing after six in the evening", lambda row, case: None if (hour := _hour_of(row, case)) is None else hour < 18)
_keep("file", "nothing before nine in the morning", lambda row, case: None if (hour := _hour_of(row, case)) is None else hour >= 9)
_keep("file", "rows with a negative number left out", lambda row, case: not any(cell.startswith("-") for cell in row))
_keep("file", "rows with an empty cell left out", lambda row, case: all(row))
_keep("file", "rows with a zero left out", lambda row, case: all(row[at] != "0" for at in quantities(case)))
_keep(
    "file",
    "only round quantities",
    lambda row, case: all((number(row[at]) or 0) % 2 == 0 for at in quantities(case)) if quantities(case) else None,
)
_keep(
    "file",
    "small quantities left out",
    lambda row, case: any((number(row[at]) or 0) > 1 for at in quantities(case)) if quantities(case) else None,
)


@rows_operator("file", "a filter left on")
def _filtered(case: Case) -> Cells | None:
    """One value of a column of few words is left out, or alone is kept."""
    places = [case.sheet.at(column.name) for column in case.columns("enum", "boolean", "free")]
    places = [at for at in places if 2 <= len({row[at] for row in case.sheet.rows}) <= 12]
    if not places:
        return None
    at = case.rng.choice(places)
    word, inside = case.rng.choice(sorted({row[at] for row in case.sheet.rows})), case.rng.random() < 0.4
    return [row for row in case.sheet.rows if (row[at] == word) is inside]


@rows_operator("file", "a page missing")
def _page_missing(case: Case) -> Cells | None:
    rows, size = case.sheet.rows, case.rng.choice([10, 25, 50])
    if len(rows) <= size:
        return None
    start = case.rng.randrange(0, len(rows) - size + 1)
    return [*rows[:start], *rows[start + size :]]


@rows_operator("file", "a page of the rows before")
def _page_again(case: Case) -> Cells | None:
    """One page came twice and took the place of the next."""
    rows, size = case.sheet.rows, case.rng.choice([5, 10, 25])
    if len(rows) < 2 * size:
        return None
    start = case.rng.randrange(0, len(rows) - 2 * size + 1)
    return [*rows[: start + size], *rows[start : start + size], *rows[start + 2 * size :]]


@rows_operator("file", "an item missing")
def _item_missing(case: Case) -> Cells | None:
    at = at_of(case, "item_id")
    if at is None:
        return None
    item = case.rng.choice(case.sheet.rows)[at]
    return [row for row in case.sheet.rows if row[at] != item] or None


@rows_operator("file", "a document missing")
def _document_missing(case: Case) -> Cells | None:
    at = documents(case)
    if at is None:
        return None
    name = case.rng.choice(case.sheet.rows)[at]
    return [row for row in case.sheet.rows if row[at] != name] or None


@rows_operator("file", "first line of each document")
def _first_lines(case: Case) -> Cells | None:
    at = documents(case)
    firsts = list({row[at]: row for row in reversed(case.sheet.rows)}.values())[::-1] if at is not None else []
    return firsts if firsts and len(firsts) < len(case.sheet.rows) else None


@rows_operator("file", "newest row of each pair")
def _newest_of_pair(case: Case) -> Cells | None:
    """`DISTINCT ON` a key that is too short: the last row of each item-location stays."""
    place, item = at_of(case, "location_id", "origin"), at_of(case, "item_id")
    if place is None or item is None:
        return None
    kept = list({(row[place], row[item]): row for row in case.sheet.rows}.values())
    return kept if len(kept) < len(case.sheet.rows) else None
