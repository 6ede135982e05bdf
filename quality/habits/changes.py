"""Master data against the snapshot before: which rows came, went or changed, cell by cell. Nobody learns of a wrong tariff otherwise.

A few changed rows are daily business and warn by name; a column that changes for many rows at once blocks until somebody says it is meant.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from pipelines.extracts.contracts.contract import FeedContract, load_contract
from quality.verdicts import MAX_NAMED, GateCheck

MANY_SHARE = 0.2
MANY_ROWS = 3
# Time alone moves these on through the words of their contract, in that order; never back.
BY_THE_CLOCK = {"erp_items": {"lifecycle"}}
RULE = "master_changes"
# Key, value before and value now.
Cell = tuple[tuple[object, ...], object, object]


def check_masters(frames: Mapping[str, pd.DataFrame], before: Mapping[str, pd.DataFrame]) -> list[GateCheck]:
    """One check per master feed (a snapshot without a date of its own) that has rows today and in an earlier snapshot."""
    masters = [feed for feed in sorted(frames) if load_contract(feed).kind == "snapshot" and not load_contract(feed).date_column]
    return [check_master(load_contract(feed), before[feed], frames[feed]) for feed in masters if feed in before]


def check_master(contract: FeedContract, before: pd.DataFrame, frame: pd.DataFrame) -> GateCheck:
    """Rows of today against the snapshot before, by key.

    Warns with a text per row or cell that changed. Blocks if more than 20 % of the rows that both know, and at least 3, changed in one
    column; if more than 20 % of the rows before (at least 3) are gone; or if there is more than 200 to name. A stage of life that moves
    on is no change, one that goes back is.
    """
    expected = "the rows of the snapshot before; set gate.severity master_changes: warn if a large change is meant"
    columns = [column.name for column in contract.columns]
    if before[columns].equals(frame[columns]):
        return GateCheck(f"{RULE}:{contract.feed}", True, "warn", "0 rows gone, 0 new, 0 cells changed", expected)
    old, new = (_by_key(contract, each) for each in (before, frame))
    gone, came = old.index.difference(new.index), new.index.difference(old.index)
    both = old.index.intersection(new.index)
    old, new = old.loc[both], new.loc[both]
    said = [f"{_name(contract, key)}: gone" for key in gone] + [f"{_name(contract, key)}: new" for key in came]
    many = ["rows gone"] if _is_many(len(gone), len(before)) else []
    for column in sorted(old.columns):
        cells = _changed(old[column], new[column])
        if column in BY_THE_CLOCK.get(contract.feed, ()):
            cells = _gone_back(cells, contract.column(column).enum)
        changed = [f"{_name(contract, key)}: {column} {_text(a)} -> {_text(b)}" for key, a, b in cells]
        many += [column] if _is_many(len(changed), len(both)) else []
        said += changed
    severity = "block" if many or len(said) > MAX_NAMED else "warn"
    observed = f"{len(gone)} rows gone, {len(came)} new, {len(said) - len(gone) - len(came)} cells changed"
    observed += f"; for more than {MANY_SHARE:.0%}: {', '.join(many)}" if many else ""
    return GateCheck(f"{RULE}:{contract.feed}", not said, severity, observed, expected, tuple(said[:MAX_NAMED]))


def _by_key(contract: FeedContract, frame: pd.DataFrame) -> pd.DataFrame:
    key = list(contract.key)
    values = frame[[column.name for column in contract.columns]].astype(object).where(frame.notna(), None)
    values.index = pd.Index([tuple(row) for row in values[key].itertuples(index=False)], tupleize_cols=False)
    return values.drop(columns=key)


def _changed(old: pd.Series, new: pd.Series) -> Iterator[Cell]:
    """Key, value before and value now of the rows in which they differ; the rows are aligned."""
    for key, a, b in zip(old.index, old, new, strict=True):
        if a != b and not (a is None and b is None):
            yield key, a, b


def _gone_back(cells: Iterable[Cell], stages: Sequence[str]) -> Iterator[Cell]:
    """The changes that lead from a stage to an earlier one."""
    order = {stage: number for number, stage in enumerate(stages)}
    return (cell for cell in cells if order.get(str(cell[2]), -1) < order.get(str(cell[1]), -1))


def _is_many(rows: int, of: int) -> bool:
    return rows >= MANY_ROWS and rows > MANY_SHARE * of


def _name(contract: FeedContract, key: tuple[object, ...]) -> str:
    return ", ".join(f"{name}={_text(value)}" for name, value in zip(contract.key, key, strict=True))


def _text(value: object) -> str:
    return "nothing" if value is None else str(value)[:80]
