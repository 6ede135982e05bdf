"""Dirt for the twin: spoils a clean drop folder as real senders do, says what it did, and puts the clean files back afterwards.

Whether anybody notices is the business of landing, contracts and gates. The world itself knows nothing of it.
"""

import csv
import datetime as dt
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.domain.errors import UsageError, did_you_mean
from pipelines.extracts.contracts.contract import load_contract
from pipelines.twin.luck import stream

MANIFEST = "manifest.json"
CLEAN_FOLDER = ".clean"
STOCK = "wms_stock"
LEVELS = {"light": 0.1, "heavy": 0.4}
LATE_FEEDS = ("wms_stock", "wms_movements", "erp_sales_orders")
DUPLICATED_FEEDS = ("wms_movements", "wms_shipments", "erp_sales_orders", "wms_stock")
PARTIAL_FEEDS = ("wms_stock", "wms_movements", "wms_shipments", "erp_sales_orders")
MALFORMED_FEEDS = ("wms_stock", "wms_movements", "wms_shipments", "erp_sales_orders", "erp_items")
MALFORMED_WORDS = ("n/a", "{},0", "{}O", "1{}e2", "#REF!", "{} pcs", "")
Rows = list[list[str]]


@dataclass(frozen=True)
class Dirt:
    """Shares of days, 0 to 1, on which each kind of dirt befalls the drop; with nothing given all is clean.

    late: a file comes a day late. duplicate: a file's rows come twice. partial: a file ends early. malformed: cells that are no
    numbers. unit_mix_up: a location counts in dozens. phantom_stock: the snapshot has units that the world has not.
    """

    late: float = 0.0
    duplicate: float = 0.0
    partial: float = 0.0
    malformed: float = 0.0
    unit_mix_up: float = 0.0
    phantom_stock: float = 0.0

    def __post_init__(self) -> None:
        for kind in KINDS:
            share = getattr(self, kind)
            if not 0.0 <= share <= 1.0:
                raise UsageError(f"dirt {kind}: a share of days is 0 to 1, found {share}")

    def __bool__(self) -> bool:
        return any(getattr(self, kind) for kind in KINDS)


KINDS = tuple(entry.name for entry in fields(Dirt))


def read_dirt(text: str) -> Dirt:
    """Dirt from words: a level (light, heavy), or kinds, each with a share if wanted. Raises `UsageError` for any other word.

    >>> read_dirt("light").late, read_dirt("late,partial=0.5")
    (0.1, Dirt(late=0.4, duplicate=0.0, partial=0.5, malformed=0.0, unit_mix_up=0.0, phantom_stock=0.0))
    >>> bool(read_dirt(""))
    False
    """
    dirt = Dirt()
    for word in filter(None, (part.strip().lower().replace("-", "_") for part in text.split(","))):
        kind, _, share = word.partition("=")
        if kind in LEVELS and not share:
            dirt = Dirt(**dict.fromkeys(KINDS, LEVELS[kind]))
        elif kind in KINDS:
            dirt = replace(dirt, **{kind: _share(share, kind) if share else LEVELS["heavy"]})
        else:
            raise UsageError(f"unknown dirt {word!r}{did_you_mean(kind, [*LEVELS, *KINDS])}")
    return dirt


def _share(text: str, kind: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"dirt {kind}: {text!r} is no share of days; give 0 to 1, as in {kind}=0.5") from error


@dataclass(frozen=True)
class Spoiled:
    """What was done to one file of a day: the kind, the feed, words for people and the item-locations that the file now gets wrong."""

    date: dt.date
    kind: str
    feed: str
    said: str
    pairs: frozenset[tuple[str, str]] = field(default_factory=frozenset)


@dataclass
class _File:
    """A feed's file as cells."""

    header: list[str]
    rows: Rows

    def at(self, name: str) -> int:
        return self.header.index(name)

    def pair(self, row: list[str]) -> tuple[str, str]:
        return row[self.at("location_id")], row[self.at("item_id")]


def spoil_drop(drop: Path, dirt: Dirt, seed: int) -> list[Spoiled]:
    """Spoil the drop folder of one day and say what was done; the clean folder is kept aside for `clean_drop`.

    Draws depend on (seed, kind, date) alone: the world's own luck is not touched, and one kind's share changes no other kind. A feed is
    spoiled once a day at most.
    """
    drop = Path(drop)
    date, done = dt.date.fromisoformat(drop.name), list[Spoiled]()
    for kind in KINDS:
        luck = stream(seed, "dirt", kind, date)
        if luck.random() >= getattr(dirt, kind):
            continue
        if not done:
            _keep_clean(drop)
        spoiled = _SPOILERS[kind](drop, luck, {entry.feed for entry in done})
        done += [replace(spoiled, date=date)] if spoiled else []
    return done


def clean_drop(drop: Path) -> bool:
    """Put the clean files of a spoiled day back, as a sender does who noticed; False if the day was not spoiled."""
    kept = Path(drop).parent / CLEAN_FOLDER / Path(drop).name
    if not kept.is_dir():
        return False
    shutil.rmtree(drop)
    kept.rename(drop)
    return True


def _keep_clean(drop: Path) -> None:
    kept = drop.parent / CLEAN_FOLDER / drop.name
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(drop, kept)


def _late(drop: Path, luck: np.random.Generator, taken: set[str]) -> Spoiled | None:
    feed = _choose(drop, luck, LATE_FEEDS, taken)
    if feed is None:
        return None
    (drop / f"{feed}.csv").unlink()
    _change_manifest(drop, feed, None)
    return Spoiled(dt.date.min, "late", feed, "does not come today")


def _duplicate(drop: Path, luck: np.random.Generator, taken: set[str]) -> Spoiled | None:
    """All or some rows once more at the end, as a sender does who tries again."""
    feed = _choose(drop, luck, DUPLICATED_FEEDS, taken)
    if feed is None:
        return None
    file = _read(drop, feed)
    again = file.rows[-int(luck.integers(1, len(file.rows) + 1)) :]
    file.rows = file.rows + again
    _write(drop, feed, file)
    return Spoiled(dt.date.min, "duplicate", feed, f"{len(again)} rows come twice")


def _partial(drop: Path, luck: np.random.Generator, taken: set[str]) -> Spoiled | None:
    """The file ends early: on the way, so that the manifest still tells of the whole, or at its source, which knows no better."""
    feed = _choose(drop, luck, PARTIAL_FEEDS, taken)
    if feed is None:
        return None
    file, share = _read(drop, feed), float(luck.uniform(0.1, 0.9))
    keep = max(1, int(len(file.rows) * share))
    pairs = frozenset(file.pair(row) for row in file.rows[keep:])
    if luck.random() < 0.5:
        data = (drop / f"{feed}.csv").read_bytes()
        (drop / f"{feed}.csv").write_bytes(data[: int(len(data) * share)])
        return Spoiled(dt.date.min, "partial", feed, f"cut after {share:.0%} of its bytes", pairs)
    file.rows = file.rows[:keep]
    _write(drop, feed, file)
    return Spoiled(dt.date.min, "partial", feed, f"written with {keep} rows only", pairs)


def _malformed(drop: Path, luck: np.random.Generator, taken: set[str]) -> Spoiled | None:
    feed = _choose(drop, luck, MALFORMED_FEEDS, taken)
    if feed is None:
        return None
    file, contract = _read(drop, feed), load_contract(feed)
    numbers = [file.at(column.name) for column in contract.columns if column.type == "integer" and not column.nullable]
    count = int(luck.integers(1, max(2, len(file.rows) // 20)))
    rows = luck.choice(len(file.rows), size=min(count, len(file.rows)), replace=False)
    for row in rows:
        at = int(luck.choice(numbers))
        file.rows[row][at] = str(luck.choice(MALFORMED_WORDS)).format(file.rows[row][at])
    pairs = frozenset(file.pair(file.rows[row]) for row in rows) if "location_id" in file.header else frozenset()
    _write(drop, feed, file)
    return Spoiled(dt.date.min, "malformed", feed, f"{len(rows)} rows with cells that are no numbers", pairs)


def _unit_mix_up(drop: Path, luck: np.random.Generator, taken: set[str]) -> Spoiled | None:
    """One location counts in dozens."""
    file = _stock_of(drop, taken)
    if file is None:
        return None
    where = str(luck.choice(sorted({row[file.at("location_id")] for row in file.rows})))
    return _restate(
        drop, file, "unit_mix_up", f"{where} counts in dozens", [r for r in file.rows if file.pair(r)[0] == where], lambda n: n // 12
    )


def _phantom_stock(drop: Path, luck: np.random.Generator, taken: set[str]) -> Spoiled | None:
    """The snapshot has a few units more than there are, at a few item-locations."""
    file = _stock_of(drop, taken)
    if file is None:
        return None
    count = int(luck.integers(1, max(2, len(file.rows) // 100) + 1))
    rows = [file.rows[row] for row in sorted(luck.choice(len(file.rows), size=count, replace=False))]
    return _restate(
        drop,
        file,
        "phantom_stock",
        f"{count} item-locations have units that are not there",
        rows,
        lambda units: units + int(luck.integers(3, 40)),
    )


def _restate(drop: Path, file: _File, kind: str, said: str, rows: Rows, change: Callable[[int], int]) -> Spoiled | None:
    """Other on_hand in some rows; reserved and blocked units stay within it."""
    names, pairs = ("on_hand", "reserved", "blocked"), set()
    for row in rows:
        before = [int(row[file.at(name)]) for name in names]
        on_hand = change(before[0])
        after = [on_hand, min(before[1], on_hand), min(before[2], on_hand - min(before[1], on_hand))]
        if after != before:
            pairs.add(file.pair(row))
            for name, value in zip(names, after, strict=True):
                row[file.at(name)] = str(value)
    if not pairs:
        return None
    _write(drop, STOCK, file)
    return Spoiled(dt.date.min, kind, STOCK, said, frozenset(pairs))


def _stock_of(drop: Path, taken: set[str]) -> _File | None:
    return None if STOCK in taken or not (drop / f"{STOCK}.csv").is_file() else _read(drop, STOCK)


def _choose(drop: Path, luck: np.random.Generator, feeds: tuple[str, ...], taken: set[str]) -> str | None:
    """A feed of the drop that has rows and is not spoiled yet."""
    able = [feed for feed in feeds if feed not in taken and (drop / f"{feed}.csv").is_file() and _read(drop, feed).rows]
    return str(luck.choice(able)) if able else None


def _read(drop: Path, feed: str) -> _File:
    with (drop / f"{feed}.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    return _File(header, rows)


def _write(drop: Path, feed: str, file: _File) -> None:
    """Write a dirty file whose sender vouches for it: the manifest tells of these very bytes."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([file.header, *file.rows])
    data = out.getvalue().encode("utf-8")
    (drop / f"{feed}.csv").write_bytes(data)
    control = load_contract(feed).control_sum_column
    sums = {control: sum(_whole(row[file.at(control)]) for row in file.rows)} if control else {}
    figures = {"rows": len(file.rows), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "sums": sums}
    _change_manifest(drop, feed, figures)


def _whole(cell: str) -> int:
    """A plain whole number; what is none cannot count."""
    body = cell.removeprefix("-")
    return int(cell) if body.isascii() and body.isdigit() and (body == "0" or body[0] != "0") else 0


def _change_manifest(drop: Path, feed: str, figures: dict[str, Any] | None) -> None:
    """Give a feed's entry other figures, or take it out."""
    body = json.loads((drop / MANIFEST).read_text(encoding="utf-8"))
    changed = [entry | (figures or {}) if entry["feed"] == feed else entry for entry in body["files"]]
    body["files"] = [entry for entry in changed if figures is not None or entry["feed"] != feed]
    (drop / MANIFEST).write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


_SPOILERS: dict[str, Callable[[Path, np.random.Generator, set[str]], Spoiled | None]] = {
    "late": _late,
    "duplicate": _duplicate,
    "partial": _partial,
    "malformed": _malformed,
    "unit_mix_up": _unit_mix_up,
    "phantom_stock": _phantom_stock,
}
