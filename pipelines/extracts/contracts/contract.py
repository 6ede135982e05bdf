"""Contracts of the feeds as typed values, read from contracts/<feed>.yaml.

What a contract means for text is in `text_rules`, for a landed partition in `quality.expectations.suites`.
"""

import functools
import hashlib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.domain.errors import UsageError, did_you_mean

CONTRACTS_DIR = Path(__file__).parent
FREE_TEXT_MAX_CHARS = 500
EARLIEST_YEAR = 1990
LATEST_YEAR = 2100
TYPES = ("text", "integer", "decimal(18,4)", "decimal(18,6)", "double", "date", "timestamp", "boolean")


@dataclass(frozen=True)
class Column:
    """One column. `pattern` must match the whole text, `minimum` and `maximum` are inclusive, `aliases` are other header names."""

    name: str
    type: str
    nullable: bool = False
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    unit: str | None = None
    description: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def decimals(self) -> int | None:
        """Decimal places of a decimal column, else None."""
        return int(self.type[-2]) if self.type.startswith("decimal") else None

    @property
    def sql_type(self) -> str:
        """DuckDB type after the cast."""
        plain = {"text": "VARCHAR", "integer": "BIGINT"}
        return plain.get(self.type, self.type.upper())


@dataclass(frozen=True)
class Reference:
    """Every value of `column` is a key of `feed`."""

    column: str
    feed: str


@dataclass(frozen=True)
class RowRule:
    """A condition between columns of one row; `holds` is SQL over the typed columns, NULL counts as holding."""

    name: str
    columns: tuple[str, ...]
    holds: str
    says: str


@dataclass(frozen=True)
class FeedContract:
    """What one feed promises. `date_column` carries the event's or snapshot's own day.

    `may_be_empty` allows a file of zero rows, and no file at all unless the feed is `expected_daily`: then a sender says with a
    header alone that the day was quiet, and a missing file blocks if most days before had rows.
    """

    feed: str
    grain: str
    kind: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    references: tuple[Reference, ...]
    description: str
    control_sum_column: str | None
    rules: tuple[RowRule, ...] = ()
    date_column: str | None = None
    may_be_empty: bool = False
    expected_daily: bool = False
    digest: str = ""

    def column(self, name: str) -> Column:
        """The column of that name; `UsageError` with the nearest name otherwise."""
        for column in self.columns:
            if column.name == name:
                return column
        raise UsageError(f"{self.feed} has no column {name!r}{did_you_mean(name, [c.name for c in self.columns])}")


@functools.cache
def load_contract(feed: str) -> FeedContract:
    """The contract of one feed. Raises `UsageError` with a did-you-mean for an unknown feed.

    >>> load_contract("wms_stock").key
    ('date', 'location_id', 'item_id', 'lot_id')
    """
    known = sorted(path.stem for path in CONTRACTS_DIR.glob("*.yaml"))
    if feed not in known:
        raise UsageError(f"unknown feed {feed!r}{did_you_mean(feed, known)}")
    return read_contract((CONTRACTS_DIR / f"{feed}.yaml").read_text(encoding="utf-8"), f"{feed}.yaml")


def load_contracts() -> dict[str, FeedContract]:
    """All contracts by feed, in alphabetical order."""
    return {path.stem: load_contract(path.stem) for path in sorted(CONTRACTS_DIR.glob("*.yaml"))}


def read_contract(text: str, source: str) -> FeedContract:
    """Parse one declaration. Raises `UsageError` naming `source` for anything it does not know or that contradicts itself."""
    import yaml

    try:
        body = yaml.safe_load(text)
        columns = tuple(_column(entry) for entry in body.pop("columns"))
        rules = tuple(RowRule(r["name"], tuple(r["columns"]), r["holds"], r["says"]) for r in body.pop("rules", []))
        references = tuple(Reference(column, feed) for column, feed in body.pop("references", {}).items())
        key, control = tuple(body.pop("key")), body.pop("control_sum_column", None)
        digest = hashlib.sha256(text.encode()).hexdigest()
        contract = FeedContract(
            key=key, columns=columns, rules=rules, references=references, control_sum_column=control, digest=digest, **body
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{source}: not a contract: {error}") from error
    _check_contract(contract, source)
    return contract


def _column(entry: dict[str, Any]) -> Column:
    values = dict(entry)
    for name in ("enum", "aliases"):
        values[name] = tuple(values.get(name, ()))
    for name in ("minimum", "maximum"):
        values[name] = Decimal(str(values[name])) if name in values else None
    return Column(**values)


def _check_contract(contract: FeedContract, source: str) -> None:
    names = [column.name for column in contract.columns]
    spellings = [name for column in contract.columns for name in (column.name, *column.aliases)]
    used = [*contract.key, *(r.column for r in contract.references), *(name for rule in contract.rules for name in rule.columns)]
    used += [name for name in (contract.control_sum_column, contract.date_column) if name]
    problems = [f"unknown column {name!r}" for name in used if name not in names]
    problems += [f"unknown type {column.type!r} of {column.name}" for column in contract.columns if column.type not in TYPES]
    if len(set(spellings)) != len(spellings):
        problems.append("two columns share a name or an alias")
    if contract.kind not in ("snapshot", "event"):
        problems.append(f"kind is snapshot or event, found {contract.kind!r}")
    if contract.expected_daily and not contract.may_be_empty:
        problems.append("expected_daily is about days without rows, which may_be_empty must allow")
    if problems:
        raise UsageError(f"{source}: {'; '.join(problems)}")
