"""Keys, words and free text gone wrong: what spreadsheets, copy and paste, and other systems' habits do to them."""

from collections.abc import Callable

from tests.faults.mutations.sheet import Case, cell_operator, operator

HOMOGLYPHS = str.maketrans("AEOPCTKMHBaeopc", "АЕОРСТКМНВаеорс")


def _ids(case: Case) -> list:
    return case.columns("id")


def _texts(case: Case) -> list:
    return case.columns("id", "free", "enum")


def _free(case: Case) -> list:
    return case.columns("free")


def _change(kind: str, name: str, pick: Callable[[Case], list], write: Callable[[str, Case], str | None]) -> None:
    cell_operator(kind, name, pick)(lambda cell, _column, case: write(cell, case))


def _spread_wide(cell: str, case: Case) -> str:
    place = case.rng.randrange(1, len(cell) + 1)
    return cell[:place] + case.rng.choice("\u200b\u200d\u2060\ufeff\u00ad") + cell[place:]


_change("key", "leading zeros lost", _ids, lambda cell, _: cell.lstrip("0") or "0" if cell.isdigit() else None)
_change("key", "leading zeros added", _ids, lambda cell, _: "00" + cell if cell.isdigit() else None)
_change("key", "case changed", _texts, lambda cell, _: cell.swapcase())
_change("key", "excel exponent", _ids, lambda cell, _: f"{float(cell):.2E}" if cell.replace("E", "").isdigit() else None)
_change("key", "excel date", _ids, lambda cell, _: "01-Mar" if any(letter.isdigit() for letter in cell) else None)
_change("key", "float id", _ids, lambda cell, _: cell + ".0" if cell.isdigit() else None)
_change("key", "id truncated", _ids, lambda cell, case: cell[: case.rng.randrange(1, len(cell))] if len(cell) > 1 else None)
_change("key", "id lengthened", _ids, lambda cell, case: cell + case.rng.choice(["1", "X", "-", "_old"]))
_change("key", "letters and digits confused", _ids, lambda cell, _: cell.translate(str.maketrans("0O1I5S", "O0I1S5")))
_change(
    "key",
    "dash changed",
    _texts,
    lambda cell, case: cell.replace("-", case.rng.choice("–—‑_")).replace("_", "-") if set(cell) & set("-_") else None,
)
_change("key", "characters transposed", _ids, lambda cell, _: cell[:-2] + cell[-1] + cell[-2] if len(cell) > 1 else None)
_change("key", "padded text", _texts, lambda cell, case: case.rng.choice([" {}", "{} ", "{}\t", "\t{}"]).format(cell))
_change("key", "quoted inside", _texts, lambda cell, case: case.rng.choice(["'{}'", '"{}"', "`{}`"]).format(cell))
_change("key", "path before an id", _ids, lambda cell, case: case.rng.choice(["SKU:", "../", "[1]", "#"]) + cell)
_change("key", "several in one cell", _ids, lambda cell, _: f"{cell};{cell}")
_change("encoding", "cyrillic homoglyphs", _texts, lambda cell, _: cell.translate(HOMOGLYPHS))
_change("encoding", "zero-width character", _texts, _spread_wide)
_change(
    "encoding",
    "non-breaking space around text",
    _texts,
    lambda cell, case: case.rng.choice(["\u00a0{}", "{}\u00a0", "{}\u3000"]).format(cell),
)
_change("encoding", "smart quotes", _texts, lambda cell, case: case.rng.choice(["“{}”", "‘{}’", "«{}»"]).format(cell))
_change(
    "encoding",
    "full-width letters",
    _texts,
    lambda cell, _: "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in cell),
)
_change("encoding", "direction mark", _texts, lambda cell, case: case.rng.choice("\u202e\u200f\u2067\u061c") + cell)
_change("encoding", "replacement character", _texts, lambda cell, _: cell[:-1] + "\ufffd")
_change("encoding", "NUL in a cell", _texts, lambda cell, _: cell + "\0")
_change("encoding", "control character in a cell", _texts, lambda cell, case: cell[:1] + case.rng.choice("\x01\x07\x1b\x7f\x85") + cell[1:])
_change("encoding", "double-encoded cell", _free, lambda cell, _: None if cell.isascii() else cell.encode().decode("latin-1"))
_change("encoding", "HTML entities", _free, lambda cell, _: cell.replace(" ", "&nbsp;") if " " in cell else None)
_change("key", "newline in a cell", _texts, lambda cell, case: cell + case.rng.choice(["\n", "\r\n", "\nx"]))
_change("key", "backslash escapes", _free, lambda cell, _: cell.replace(" ", "\\ ") + "\\n" if " " in cell else None)
_change("key", "null word in text", _texts, lambda cell, case: case.rng.choice(["NULL", "None", "nan", "N/A", "#N/A", "(null)", "-"]))
_change("key", "text too long", _texts, lambda cell, case: cell * case.rng.choice([200, 2000]))
_change("key", "text blanked", _texts, lambda cell, case: "")


@cell_operator("key", "id of another row", lambda case: [c for c in case.columns("id") if _refers(case, c.name)])
def _id_of_another(cell, column, case):
    at = case.sheet.at(column.name)
    return case.rng.choice(case.sheet.rows)[at] or None


def _refers(case: Case, name: str) -> bool:
    return name in case.contract.key or any(reference.column == name for reference in case.contract.references)


@cell_operator("key", "other word of the list", lambda case: case.columns("enum"))
def _other_word(cell, column, case):
    return case.rng.choice([word for word in column.enum if word != cell])


@cell_operator("key", "unknown word", lambda case: case.columns("enum", "boolean"))
def _unknown_word(cell, column, case):
    return case.rng.choice(["X", "unknown", "1", "0", cell.upper(), cell[:1], cell + "s"])


@cell_operator("key", "boolean flipped", lambda case: case.columns("boolean"))
def _flipped(cell, column, case):
    return {"true": "false", "false": "true"}.get(cell)


@operator("key", "key given to another row")
def _key_taken(case: Case) -> bytes | None:
    if len(case.sheet.rows) < 2:
        return None
    one, two = case.rng.sample(case.sheet.rows, 2)
    for name in case.contract.key:
        two[case.sheet.at(name)] = one[case.sheet.at(name)]
    return case.sheet.data()


@operator("key", "two cells of a column exchanged")
def _exchanged(case: Case) -> bytes | None:
    for name in case.rng.sample(case.sheet.header, len(case.sheet.header)):
        at = case.sheet.at(name)
        one, two = case.rng.choice(case.sheet.rows), case.rng.choice(case.sheet.rows)
        if one[at] != two[at]:
            one[at], two[at] = two[at], one[at]
            return case.sheet.data()
    return None
