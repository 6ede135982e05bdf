"""Rows that a sender's query doubles, adds up, merges or gives to others: joins, pivots, aliases, lookups that are off."""

import datetime as dt
from decimal import Decimal

from tests.faults.mutations.numerals import number, plain
from tests.faults.mutations.selections import at_of, new_id, quantities, rows_operator
from tests.faults.mutations.sheet import Case, Cells, Sheet


@rows_operator("mixed", "rows posted twice under new numbers")
def _posted_twice(case: Case) -> Cells | None:
    """A message that was sent again got a number of its own."""
    again = [new_id(case, row) for row in case.rng.sample(case.sheet.rows, min(case.rng.choice([1, 1, 3, 10**6]), len(case.sheet.rows)))]
    return None if None in again else [*case.sheet.rows, *(row for row in again if row)]


@rows_operator("mixed", "a row cut into two")
def _cut_in_two(case: Case) -> Cells | None:
    rows, spots = case.sheet.rows, quantities(case)
    splits = [row for row in rows if spots and abs(number(row[spots[0]]) or 0) >= 2]
    if not splits:
        return None
    row = case.rng.choice(splits)
    other = new_id(case, row)
    if other is None:
        return None
    value = number(row[spots[0]]) or Decimal(0)
    other[spots[0]], row[spots[0]] = plain(Decimal(int(value / 2))), plain(value - int(value / 2))
    return [*rows, other]


@rows_operator("mixed", "summed by pivot")
def _pivoted(case: Case) -> Cells | None:
    """Rows of an item-location (and kind) become one: quantities added up, everything else the first row's."""
    place, item, spots = at_of(case, "location_id", "origin"), at_of(case, "item_id"), quantities(case)
    kind = at_of(case, "type", "state", "channel", "reference_type")
    if place is None or item is None or not spots:
        return None
    sums: dict[tuple[str, ...], list[str]] = {}
    for row in case.sheet.rows:
        key = (row[place], row[item], row[kind] if kind is not None else "")
        if key in sums:
            for at in spots:
                sums[key][at] = plain((number(sums[key][at]) or Decimal(0)) + (number(row[at]) or Decimal(0)))
        else:
            sums[key] = list(row)
    return list(sums.values()) if len(sums) < len(case.sheet.rows) else None


@rows_operator("mixed", "subtotals among the rows")
def _subtotals(case: Case) -> Cells | None:
    """A row per location with the sum of its quantities, under the last row's item."""
    place, spots = at_of(case, "location_id", "origin"), quantities(case)
    if place is None or not spots:
        return None
    rows: Cells = []
    for name in dict.fromkeys(row[place] for row in case.sheet.rows):
        mine = [row for row in case.sheet.rows if row[place] == name]
        total = new_id(case, mine[-1], "T") or list(mine[-1])
        for at in spots:
            total[at] = plain(sum((number(row[at]) or Decimal(0) for row in mine), Decimal(0)))
        rows += [*mine, total]
    return rows


@rows_operator("mixed", "half a join")
def _half_join(case: Case) -> Cells | None:
    """A column looked up elsewhere stays empty, or takes one value, for the items or places that the lookup lacks."""
    at = at_of(case, "item_id", "location_id", "origin")
    names = [c.name for c in case.contract.columns if c.name not in case.contract.key and c.name not in ("item_id", "location_id")]
    if at is None or not names:
        return None
    keys, column = sorted({row[at] for row in case.sheet.rows}), case.sheet.at(case.rng.choice(names))
    lacking = set(case.rng.sample(keys, max(1, len(keys) // case.rng.choice([2, 8]))))
    filler = case.rng.choice(["", case.sheet.rows[0][column]])
    changed = [row for row in case.sheet.rows if row[at] in lacking and row[column] != filler]
    for row in changed:
        row[column] = filler
    return case.sheet.rows if changed else None


@rows_operator("mixed", "a join that doubled")
def _doubling_join(case: Case) -> Cells | None:
    """Rows of one item stand twice, with another lot or number each, quantities and all."""
    at, lot = at_of(case, "item_id"), at_of(case, "lot_id")
    if at is None:
        return None
    item, twins = case.rng.choice(case.sheet.rows)[at], []
    for row in case.sheet.rows:
        twin = new_id(case, row, "-B") if row[at] == item else None
        if row[at] == item and twin is None and lot is not None:
            twin = [*row[:lot], (row[lot] or "LOT") + "-B", *row[lot + 1 :]]
        twins += [twin] if twin else []
    return [*case.sheet.rows, *twins] if twins else None


@rows_operator("mixed", "an item's rows under an alias as well")
def _alias_rows(case: Case) -> Cells | None:
    """An old or local code of an item has its rows a second time; now and then the alias is another item that exists."""
    at = at_of(case, "item_id")
    if at is None:
        return None
    items = sorted({row[at] for row in case.sheet.rows})
    item = case.rng.choice(items)
    others = [name for name in items if name != item]
    alias = case.rng.choice([f"{item}-A", f"ALT{item}", *(case.rng.sample(others, 1) if others else [])])
    twins = []
    for row in case.sheet.rows:
        if row[at] == item:
            twin = new_id(case, row, "-A") or list(row)
            twin[at] = alias
            twins.append(twin)
    return [*case.sheet.rows, *twins]


@rows_operator("mixed", "two items under one code")
def _items_merged(case: Case) -> Cells | None:
    at = at_of(case, "item_id")
    items = sorted({row[at] for row in case.sheet.rows}) if at is not None else []
    if at is None or len(items) < 2:
        return None
    one, two = case.rng.sample(items, 2)
    for row in case.sheet.rows:
        row[at] = one if row[at] == two else row[at]
    return case.sheet.rows


@rows_operator("mixed", "two items exchanged")
def _items_exchanged(case: Case) -> Cells | None:
    at, place = at_of(case, "item_id"), at_of(case, "location_id", "origin")
    items = sorted({row[at] for row in case.sheet.rows}) if at is not None else []
    if at is None or len(items) < 2:
        return None
    one, two = case.rng.sample(items, 2)
    where = case.rng.choice([None, *{row[place] for row in case.sheet.rows if row[at] in (one, two)}]) if place is not None else None
    for row in case.sheet.rows:
        if where is None or (place is not None and row[place] == where):
            row[at] = {one: two, two: one}.get(row[at], row[at])
    return case.sheet.rows


@rows_operator("mixed", "all codes moved to the next item")
def _codes_rotated(case: Case) -> Cells | None:
    """A lookup that is off by one: every item code becomes the next one in order."""
    at = at_of(case, *case.rng.sample(["item_id", "location_id", "origin"], 3))
    names = sorted({row[at] for row in case.sheet.rows}) if at is not None else []
    if at is None or len(names) < 2:
        return None
    after = dict(zip(names, [*names[1:], names[0]], strict=True))
    for row in case.sheet.rows:
        row[at] = after[row[at]]
    return case.sheet.rows


@rows_operator("file", "another warehouse's rows under this name")
def _wrong_warehouse(case: Case) -> Cells | None:
    """One location's rows are a copy of another's."""
    at = at_of(case, "location_id", "origin")
    places = sorted({row[at] for row in case.sheet.rows}) if at is not None else []
    if at is None or len(places) < 2:
        return None
    one, two = case.rng.sample(places, 2)
    copies = []
    for row in case.sheet.rows:
        if row[at] == two:
            copy = new_id(case, row, "-W") or list(row)
            copy[at] = one
            copies.append(copy)
    return [*(row for row in case.sheet.rows if row[at] != one), *copies]


@rows_operator("file", "stale rows of some items")
def _stale_items(case: Case) -> Cells | None:
    """A cache of yesterday for a handful of items: their rows are yesterday's under today's date."""
    at, old = at_of(case, "item_id", "location_id", "origin"), case.yesterday.get(case.feed)
    if at is None or old is None:
        return None
    names = sorted({row[at] for row in case.sheet.rows})
    stale = set(case.rng.sample(names, max(1, len(names) // 6)))
    before = (case.day - dt.timedelta(days=1)).isoformat()
    rows = [[cell.replace(before, case.day.isoformat()) for cell in row] for row in Sheet.read(old).rows if row[at] in stale]
    return [*(row for row in case.sheet.rows if row[at] not in stale), *rows]


@rows_operator("file", "old events mixed in")
def _old_events(case: Case) -> Cells | None:
    """Some of yesterday's events again, with today's date and numbers of their own."""
    old = case.yesterday.get(case.feed)
    if old is None or case.contract.kind != "event":
        return None
    before = (case.day - dt.timedelta(days=1)).isoformat()
    rows = Sheet.read(old).rows
    some = [new_id(case, row, "-R") for row in case.rng.sample(rows, min(len(rows), case.rng.choice([1, 4, 12])))]
    dated = [[cell.replace(before, case.day.isoformat()) for cell in row] for row in some if row]
    return [*case.sheet.rows, *dated] if dated else None


@rows_operator("mixed", "a test document left in")
def _test_document(case: Case) -> Cells | None:
    """A made-up event of a real item at a real place, well formed in every cell."""
    row = new_id(case, case.rng.choice(case.sheet.rows), case.rng.choice(["9", "-TEST", "1"]))
    if row is None:
        return None
    for at in quantities(case)[:1]:
        row[at] = row[at][:1].replace("-", "-").rstrip("0123456789") + case.rng.choice(["1", "999"])
    return [*case.sheet.rows, row]
