"""docs/contracts.md, generated from the contracts: `python -m pipelines.extracts.contract_page docs/contracts.md`."""

import sys
from pathlib import Path

from pipelines.extracts.contracts.contract import EARLIEST_YEAR, FREE_TEXT_MAX_CHARS, LATEST_YEAR, Column, FeedContract, load_contracts
from pipelines.extracts.contracts.text_rules import REASONS
from pipelines.extracts.reading.records import MAX_FILE_BYTES, MAX_LINE_BYTES

_INTRO = f"""# Data contracts

Generated from `pipelines/extracts/contracts/*.yaml` by `python -m pipelines.extracts.contract_page docs/contracts.md`; do not edit.

## The canonical file

UTF-8 (a byte order mark is fine), comma, one header line, RFC 4180 quotes, LF or CRLF, at most {MAX_LINE_BYTES // 1024} KiB a line and
{MAX_FILE_BYTES // 1024**3} GiB a file. Dates are `YYYY-MM-DD`, local times `YYYY-MM-DDTHH:MM:SS`, years {EARLIEST_YEAR} to {LATEST_YEAR};
decimals take a point, booleans are `true` or `false`, an empty field is null. Identifiers are text: `007`, `1E5` and `NA` stay as they are.
Free text has at most {FREE_TEXT_MAX_CHARS} characters. Columns stand in any order and may go by an alias; an unknown one is ignored
with a warning, a missing or doubled one refuses the file. A header without rows is refused unless the feed may be empty.

## The drop folder

One folder per business date with `<feed>.csv` files and `manifest.json`, format `evenstock-extract/1`: `source_system`, `business_date` and
per file `feed`, `file`, `rows`, `bytes`, `sha256` and `sums` of numeric columns. A drop whose bytes, rows or sums differ is refused whole.
The newest version of a feed and date is in force. A drop that comes again changes nothing, also after a correction; `evenstock land` brings
older bytes back as a new version. Files of other systems, drops without a manifest and late data: [how extracts arrive](arrival.md).
"""


def contract_page() -> str:
    """Markdown of all contracts and of every reason for which a row is quarantined."""
    feeds = load_contracts()
    reasons = "\n".join(f"| `{name}` | {text} |" for name, text in REASONS.items())
    quarantine = (
        "## Why a row is quarantined\n\nEvery row is either accepted or quarantined with reason, file, line, column, value and raw text. "
        "The name of a rule between columns, listed with its feed, is a reason as well.\n\n| reason | meaning |\n|---|---|\n" + reasons
    )
    index = "## Feeds\n\n| feed | grain | kind |\n|---|---|---|\n" + "\n".join(
        f"| [{f}](#{f}) | {c.grain} | {c.kind} |" for f, c in feeds.items()
    )
    return "\n\n".join([_INTRO.rstrip(), quarantine, index, *map(_feed_section, feeds.values())]) + "\n"


def _feed_section(contract: FeedContract) -> str:
    facts = [f"Grain: {contract.grain}. Key: {_code(contract.key)}. Kind: {contract.kind}."]
    facts += [f"Own day of a row: `{contract.date_column}`."] if contract.date_column else []
    facts += [f"Control sum: `{contract.control_sum_column}`."] if contract.control_sum_column else []
    quiet = "A file without rows says that the day was quiet; no file blocks where most days have rows."
    facts += [quiet if contract.expected_daily else "A file without rows is accepted."] if contract.may_be_empty else []
    facts += [f"`{reference.column}` is a key of {reference.feed}." for reference in contract.references]
    table = "| column | type | null | allowed | unit | aliases | meaning |\n|---|---|---|---|---|---|---|\n"
    rows = "\n".join(map(_column_row, contract.columns))
    rules = "".join(f"\n- `{rule.name}`: {rule.says}" for rule in contract.rules)
    return f"### {contract.feed}\n\n{contract.description} {' '.join(facts)}\n\n{table}{rows}" + (f"\n\nRules:\n{rules}" if rules else "")


def _column_row(column: Column) -> str:
    null = "yes" if column.nullable else "no"
    cells = (f"`{column.name}`", column.type, null, _allowed(column), column.unit or "", _code(column.aliases), column.description)
    return "| " + " | ".join(cells) + " |"


def _allowed(column: Column) -> str:
    if column.enum:
        return _code(column.enum)
    if column.pattern:
        return f"`{column.pattern}`"
    limits = [f"{word} {limit:f}" for word, limit in (("from", column.minimum), ("to", column.maximum)) if limit is not None]
    return " ".join(limits)


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(contract_page(), encoding="utf-8")
