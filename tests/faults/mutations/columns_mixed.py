"""Columns put together wrongly: copied, shuffled, pasted from another day, sorted apart from their keys, filled with defaults."""

from tests.faults.mutations.figures import part_of
from tests.faults.mutations.sheet import Case, Sheet, kind_of, operator


@operator("mixed", "a column copied over another")
def _copied(case: Case) -> bytes | None:
    columns = [c for c in case.contract.columns if c.name in case.sheet.header]
    pairs = [(a, b) for a in columns for b in columns if a is not b and kind_of(a) == kind_of(b) and b.name not in case.contract.key]
    for a, b in case.rng.sample(pairs, len(pairs)):
        one, other, done = case.sheet.at(a.name), case.sheet.at(b.name), 0
        for row in part_of(case):
            if row[one] != row[other]:
                row[other], done = row[one], done + 1
        if done:
            return case.sheet.data()
    return None


@operator("mixed", "a column shuffled")
def _shuffled(case: Case) -> bytes | None:
    at, rows = case.rng.randrange(len(case.sheet.header)), part_of(case)
    values = case.rng.sample([row[at] for row in rows], len(rows))
    for row, value in zip(rows, values, strict=True):
        row[at] = value
    return case.sheet.data()


@operator("mixed", "a column in reverse")
def _reversed(case: Case) -> bytes | None:
    at, rows = case.rng.randrange(len(case.sheet.header)), case.sheet.rows
    for row, value in zip(rows, [row[at] for row in rows][::-1], strict=True):
        row[at] = value
    return case.sheet.data()


@operator("mixed", "the last columns slipped by a row")
def _block_slipped(case: Case) -> bytes | None:
    """Pasted beside each other, one row off."""
    rows = case.sheet.rows
    cut = case.rng.randrange(1, len(case.sheet.header))
    tails = [row[cut:] for row in rows]
    tails = [*tails[1:], tails[0]]
    return case.sheet.with_rows([[*row[:cut], *tail] for row, tail in zip(rows, tails, strict=True)]).data()


@operator("mixed", "keys sorted, values not")
def _keys_sorted(case: Case) -> bytes | None:
    rows = case.sheet.rows
    keys = [case.sheet.at(name) for name in case.contract.key]
    sorted_keys = sorted([row[at] for at in keys] for row in case.rng.sample(rows, len(rows)))
    if case.rng.random() < 0.5:
        sorted_keys.reverse()
    for row, values in zip(rows, sorted_keys, strict=True):
        for at, value in zip(keys, values, strict=True):
            row[at] = value
    return case.sheet.data()


@operator("mixed", "yesterday's column pasted beside today's")
def _pasted(case: Case) -> bytes | None:
    """A column of yesterday's file by row number, however the rows have moved since."""
    old = case.yesterday.get(case.feed)
    if old is None:
        return None
    before, rows = Sheet.read(old).rows, case.sheet.rows
    at = case.rng.randrange(len(case.sheet.header))
    for row, past in zip(rows, before, strict=False):
        row[at] = past[at]
    return case.sheet.data()


@operator("mixed", "columns in another order from the middle on")
def _second_half(case: Case) -> bytes | None:
    """Two exports under one header: in the second two columns of a kind stand the other way round."""
    columns = [c for c in case.contract.columns if c.name in case.sheet.header]
    pairs = [(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :] if kind_of(a) == kind_of(b)]
    rows = case.sheet.rows[len(case.sheet.rows) // 2 :]
    for a, b in case.rng.sample(pairs, len(pairs)):
        one, two = case.sheet.at(a.name), case.sheet.at(b.name)
        if any(row[one] != row[two] for row in rows):
            for row in rows:
                row[one], row[two] = row[two], row[one]
            return case.sheet.data()
    return None


@operator("mixed", "words mapped wrongly")
def _words_mapped(case: Case) -> bytes | None:
    """A code table gone wrong: one word of a list becomes another throughout."""
    columns = [c for c in case.columns("enum") if c.name in case.sheet.header]
    for column in case.rng.sample(columns, len(columns)):
        at = case.sheet.at(column.name)
        word = case.rng.choice(case.sheet.rows)[at]
        other = case.rng.choice([each for each in column.enum if each != word] or [""])
        if word and other:
            for row in case.sheet.rows:
                row[at] = other if row[at] == word else row[at]
            return case.sheet.data()
    return None


@operator("mixed", "a default for empty cells")
def _defaults(case: Case) -> bytes | None:
    """Empty cells filled with what a program takes for nothing."""
    columns = [c for c in case.contract.columns if c.nullable and any(not row[case.sheet.at(c.name)] for row in case.sheet.rows)]
    if not columns:
        return None
    column = case.rng.choice(columns)
    words = {"date": ["1900-01-01", "2099-12-31", case.day.isoformat()], "timestamp": [f"{case.day}T00:00:00"], "free": ["none", "UNKNOWN"],
             "id": ["0", "NONE", "DEFAULT"], "enum": list(column.enum) or [""], "boolean": ["false"]}  # fmt: skip
    at, filler = case.sheet.at(column.name), case.rng.choice(words.get(kind_of(column), ["0", "1"]))
    for row in case.sheet.rows:
        row[at] = row[at] or filler
    return case.sheet.data()


@operator("mixed", "a value lost where it is optional")
def _optional_lost(case: Case) -> bytes | None:
    columns = [c for c in case.contract.columns if c.nullable and any(row[case.sheet.at(c.name)] for row in case.sheet.rows)]
    if not columns:
        return None
    at, rows = case.sheet.at(case.rng.choice(columns).name), part_of(case)
    if not any(row[at] for row in rows):
        rows = case.sheet.rows
    for row in rows:
        row[at] = ""
    return case.sheet.data()
