"""docs/layouts.md, generated from the schema of layouts: `python -m pipelines.extracts.layout_page docs/layouts.md`."""

import sys
from pathlib import Path

from pipelines.extracts.layouts.layout import LAYOUTS_DIR, layout_names, load_layout
from pipelines.extracts.layouts.layout_document import MAX_LAYOUT_BYTES
from pipelines.extracts.layouts.layout_keys import COLUMN, CONDITION, FILE, GROUP, LOOKUP, SPELLINGS, TOP, VALUES, Schema
from pipelines.extracts.layouts.layout_schema import KIND_WORDS
from pipelines.extracts.mapping.mapping_stages import REASONS

_INTRO = f"""# Layouts

Generated from `pipelines/extracts/layouts/schema.json` by `python -m pipelines.extracts.layout_page
docs/layouts.md`; do not edit. [A tutorial](layout-tutorial.md) writes one step by step; [the
contracts](contracts.md) say what a feed must hold.

A layout is one YAML file that says how a source's file becomes one canonical feed. It is called
`<layout>.yaml`, has at most {MAX_LAYOUT_BYTES // 1024} KiB, and declares everything: nothing in a file is
guessed. `true`, `false` and plain numbers are what they look like, everything else is text (`NO`, `007`,
`NULL` and `2026-01-05` too). Anchors, aliases, tags and doubled keys are refused. Editors complete and check
a layout that starts with `# yaml-language-server: $schema=<path of schema.json>`.

A row goes this way: *left out* if a condition of `where` does not hold, *quarantined* if a cell cannot be
mapped or breaks the contract, else *accepted*, or *merged* into another by `group`. Rows in = accepted +
quarantined + left out + merged, for every file. A quarantined row shows the source's line, column and text.
"""
_COLUMNS_INTRO = """A column is the name of a source column, a number, or a mapping that has exactly one of `from`, `value`,
`sum`, `join` and `first`. The short form `business_date` is the date that the file lands for. A source column
may be a list of spellings, of which the first that the header has counts; names are compared without regard
to case. `lookup.<name>.<column>` is a column of a companion file, `sign.<column>` is `+`, `-` or `0`, the
sign of the number in a column: both stand wherever a source column may.

What is said works in this order: white space and words of no value (`trim`, `empty`); `from`, `first`, `join`
or `sum`; `part`; `prefix`, `suffix`; `strip_zeros`; `replace`; `codes`; then for numbers the dialect,
`multiply`, `multiply_by`, `unit`, `divide_by`, `sign`, `round`, for dates and times their formats and the time
zone, `add_days`; at last `when` and `default`. All arithmetic is exact. What no key speaks about stays as it is
and meets the contract. Besides these keys a column may have any key of `values`, for itself alone.
"""
_NUMBERS = """Any key about numbers declares a dialect. Then a number must be written in it to the letter: with `decimal:
","` and no `thousands`, `1.234` is quarantined and never 1.234; with `thousands: "."`, `12.34` is. A whole
number may then have a fraction of zeros, and no other.

Letters of a date format:

| letters | stand for |
|---|---|
| `YYYY`, `YY` | year; of two digits, 20YY |
| `MM`, `M`, `MON`, `MONTH` | month: 01, 1 or 01, Jan, January |
| `DD`, `D` | day: 01; 1 or 01 |
| `hh`, `h`, `mm`, `ss` | hour, minute, second |
| `f` | fractions of a second, dropped |
| `AM` or `PM` | either of the two, with hours 1 to 12 |
| `OFFSET` | `Z`, `+02:00` or `+0200`; without `to` the time stays as written |

Anything else, and what is between single quotes, stands for itself. A day or time that is kept as one number
has a format of one word:

| format | stands for | for example |
|---|---|---|
| `CYYDDD` | century since 1900, year, day of the year (JD Edwards) | `126031` is 2026-01-31 |
| `YYYYDDD`, `YYDDD` | year and day of the year | `2026031` |
| `EXCEL` | days since 1899-12-30, a fraction being the time of day | `46053.5` is noon of 2026-01-31 |
| `EPOCH`, `EPOCHMS` | seconds or milliseconds since 1970 in UTC; needs `to` | `1769860800` |
| `hmmss`, `hmm` | time of day whose leading zeros are lost | `93015` is 09:30:15, `5` is 00:00:05 |
| `sssss` | seconds since midnight | `34215` is 09:30:15 |
"""
_CONDITIONS_INTRO = "One condition, or a list of which all must hold; each has `column` and one other key.\n\n"
_GROUP_INTRO = """A sum that lacks a row is a wrong number that looks right. So if one row of a key is quarantined, all rows of
the key are; a row whose key is partly unknown spoils every key that it may belong to; a row that may belong
anywhere, such as one with too few fields, refuses the file. `one_row_per` names the columns that tell the
source's rows apart: a row that comes twice is added once, and one that comes twice with different values
spoils its sum. The contract's ranges and rules are those of the sum.
"""
_LOOKUP_INTRO = """A companion file lands beside the file and is written like it as far as its own keys do not say otherwise.
Each key may come once in it. A row whose key it lacks is quarantined wherever it needs it; an empty key looks
nothing up.
"""


def layout_page() -> str:
    """Markdown of all keys, of every reason for which a layout quarantines a row, and of the shipped layouts."""
    own = {key: schema for key, schema in COLUMN.items() if key not in VALUES}
    sections = [
        _INTRO,
        "## Keys of a layout\n\n" + _table(TOP),
        "## `file`\n\n" + _table(FILE),
        "## `values`\n\n" + _table(VALUES) + "\n\n" + _NUMBERS,
        "## `where` and `when`\n\n" + _CONDITIONS_INTRO + _table(CONDITION),
        "## `columns`\n\n" + _COLUMNS_INTRO + "\n" + _table(own),
        "## `lookups`\n\n" + _LOOKUP_INTRO + "\n" + _table({key: LOOKUP[key] for key in ("file", "on")}),
        "## `group`\n\n" + _GROUP_INTRO + "\n" + _table(GROUP),
        "## Why a layout quarantines a row\n\nBesides the reasons of the [contracts](contracts.md):\n\n| reason | meaning |\n|---|---|\n"
        + "\n".join(f"| `{name}` | {text} |" for name, text in REASONS.items()),
        "## Layouts that ship\n\n| layout | feed | what it reads |\n|---|---|---|\n" + "\n".join(map(_shipped, layout_names())),
    ]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _table(keys: dict[str, Schema]) -> str:
    kinds = {key: "format or list of them" if key in ("dates", "times") else _kind(schema) for key, schema in keys.items()}
    rows = (f"| `{key}` | {kinds[key]} | {schema.get('description', '')} |" for key, schema in keys.items())
    return "| key | holds | meaning |\n|---|---|---|\n" + "\n".join(rows)


def _kind(schema: Schema) -> str:
    if "enum" in schema:
        words = [str(word) for word in schema["enum"]] or ["the name of a feed"]
        return ", ".join(_code(word) if schema["enum"] else word for word in words)
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if schema.get("items") == SPELLINGS:
        return "list of source columns"
    if {key: schema.get(key) for key in SPELLINGS} == SPELLINGS:
        return "source column"
    return " or ".join(KIND_WORDS[kind].removeprefix("a ") for kind in kinds)


def _code(word: str) -> str:
    return {"": "empty", " ": "a space", "\u00a0": "a no-break space", "\u202f": "a narrow space"}.get(word, f"`{word}`")


def _shipped(name: str) -> str:
    layout = load_layout(name)
    return f"| [`{name}`](../pipelines/extracts/{LAYOUTS_DIR.name}/{name}.yaml) | {layout.feed} | {layout.description} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(layout_page(), encoding="utf-8")
