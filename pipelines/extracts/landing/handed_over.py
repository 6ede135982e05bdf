"""A file that somebody hands over by its path: its business date, and what the manifest beside it says. Landing it is `landing_zone`'s."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipelines.domain.errors import UsageError
from pipelines.domain.iso_date import read_iso_date
from pipelines.extracts.landing.kept_layouts import FoundLayout
from pipelines.extracts.landing.landing_zone import Delivery, announced_deliveries
from pipelines.extracts.landing.manifest import MANIFEST_NAME, read_manifest

_DATE_IN_NAME = re.compile(r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")


def hand_over(
    path: Path,
    feed: str,
    business_date: datetime.date | None = None,
    layout: FoundLayout | None = None,
    companions: Mapping[str, Path] | None = None,
    layout_folders: tuple[Path, ...] = (),
) -> tuple[Delivery, datetime.date]:
    """A file as a delivery of its feed and date. Where a manifest beside it announces it, that gives what the caller does not, and its
    figures are held against the file when it lands, for whatever date.

    Raises `UsageError` if nothing names the date, or the caller names another feed or layout than the manifest; `InputRefused` for a
    wrong manifest.
    """
    given = Delivery(feed, path, layout, dict(companions or {}))
    told = _beside(path, layout_folders)
    date = business_date or (told[1] if told else date_in_name(path.name))
    if date is None:
        raise UsageError(f"{path}: no business date in its name or a manifest beside it; give --business-date YYYY-MM-DD")
    if told is None:
        return given, date
    announced = told[0]
    names = [found.layout.name if found else "" for found in (announced.layout, layout)]
    said = {"feed": (announced.feed, feed), "layout": (names[0], names[1] if names[0] else "")}
    for what, (theirs, ours) in said.items():
        if ours and theirs != ours:
            hint = "say the same, or land a copy that lies elsewhere"
            raise UsageError(f"{path.parent / MANIFEST_NAME} says {what} {theirs}, not {ours}; {hint}")
    return replace(announced, layout=layout or announced.layout, companions=given.companions or announced.companions), date


def infer_business_date(path: Path, layout_folders: tuple[Path, ...] = ()) -> datetime.date | None:
    """The date in the manifest beside (or inside) `path`, else the only date YYYY-MM-DD in its name, else None."""
    path = Path(path)
    if path.is_dir() and (path / MANIFEST_NAME).is_file():
        return read_manifest(path, layout_folders).business_date
    told = _beside(path, layout_folders)
    return told[1] if told else date_in_name(path.name)


def date_in_name(name: str) -> datetime.date | None:
    """The only date YYYY-MM-DD in a file's name, else None.

    >>> date_in_name("stock_2026-02-03_final.csv"), date_in_name("stock_2026-02-30.csv")
    (datetime.date(2026, 2, 3), None)
    """
    dates = set(_DATE_IN_NAME.findall(name))
    return read_iso_date(dates.pop()) if len(dates) == 1 else None


def _beside(path: Path, layout_folders: tuple[Path, ...]) -> tuple[Delivery, datetime.date] | None:
    """What the manifest in a file's folder announces of it, and for which date; None if it announces no file of that name."""
    if not (path.parent / MANIFEST_NAME).is_file():
        return None
    announced = read_manifest(path.parent, layout_folders)
    found = [delivery for delivery in announced_deliveries(announced) if delivery.path.name == path.name]
    return (replace(found[0], path=path), announced.business_date) if found else None
