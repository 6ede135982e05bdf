"""Whole files gone wrong: of another day, of another feed, or in part."""

from tests.faults.mutations.sheet import Case, Sheet, operator


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


def one_place(case: Case) -> tuple[int, str] | None:
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
    found = one_place(case)
    return case.sheet.with_rows([row for row in case.sheet.rows if row[found[0]] != found[1]]).data() if found else None


@operator("file", "a location in part")
def _location_in_part(case: Case) -> bytes | None:
    found = one_place(case)
    if not found:
        return None
    mine = [row for row in case.sheet.rows if row[found[0]] == found[1]]
    gone = {id(row) for row in mine[len(mine) // 2 :]}
    return case.sheet.with_rows([row for row in case.sheet.rows if id(row) not in gone]).data()


@operator("file", "a location twice under another name")
def _location_renamed(case: Case) -> bytes | None:
    found, at = one_place(case), _place(case)
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
    found, old = one_place(case), case.yesterday.get(case.feed)
    if not found or old is None:
        return None
    before = case.day.fromordinal(case.day.toordinal() - 1)
    stale = [row for row in Sheet.read(old).rows if row[found[0]] == found[1]]
    fresh = [row for row in case.sheet.rows if row[found[0]] != found[1]]
    dated = [[cell.replace(before.isoformat(), case.day.isoformat()) for cell in row] for row in stale]
    return case.sheet.with_rows([*fresh, *dated]).data()
