"""`evenstock land`: files handed in and kept as they are. Those that are only looked at are in checking.py."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.checking import parse_companions
from cli.dates import parse_date
from cli.screen import say
from pipelines.domain.errors import UsageError

if TYPE_CHECKING:
    from pipelines.extracts.landing.kept_layouts import FoundLayout
    from pipelines.extracts.landing.landed import LandedFile


def land(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Extracts of one feed.")],
    feed: Annotated[str, typer.Option("--feed", help="Name of the feed, such as wms_stock; a layout names its own.")] = "",
    business_date: Annotated[str | None, typer.Option("--business-date", metavar="D", help="YYYY-MM-DD; else read from the name.")] = None,
    layout: Annotated[str, typer.Option("--layout", metavar="NAME", help="Layout that reads the files, or its .yaml file.")] = "",
    companions: Annotated[
        list[str] | None, typer.Option("--with", metavar="NAME=FILE", help="A file that the layout looks things up in; repeat for more.")
    ] = None,
) -> None:
    """Keep files unchanged under their sha256 until the night of their business date: all of them, or none if one is refused.

    The newest version of a date is in force. Its own contents again change nothing, whatever their name, order or packing; those of an
    older version come back as a new one. A file that a manifest beside it announces is held against the manifest's figures.
    """
    from pipelines.extracts.landing.handed_over import hand_over
    from pipelines.extracts.landing.landed import list_landed
    from pipelines.extracts.landing.landing_zone import land_on_purpose
    from pipelines.settings import load_settings
    from pipelines.store.lease import hold_lease

    home, now = load_settings().folders, dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    folders = (home.layouts,) if home.layouts.is_dir() else ()
    feed, found = _reading(feed, layout, folders)
    beside = parse_companions(companions or [])
    given = parse_date(business_date, "--business-date") if business_date else None
    dated = [hand_over(file, feed, given, found, beside, folders) for file in files]
    with hold_lease(home.root, "evenstock land", now):
        before = {date: list_landed(home.landing, feed, date) for _, date in dated}
        for landed in land_on_purpose(home.landing, dated, arrived_at=now):
            _say_landed(landed, before[landed.business_date])


def _reading(feed: str, layout: str, folders: tuple[Path, ...]) -> "tuple[str, FoundLayout | None]":
    """The feed and the layout that reads its files; raises `UsageError` unless one of the two names the feed and both agree."""
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.landing.kept_layouts import find_layout

    found = find_layout(layout, folders) if layout else None
    if found and feed not in ("", found.layout.feed):
        raise UsageError(f"--layout {layout} is for {found.layout.feed}, not for {feed}; leave --feed away or name the right layout")
    if not feed and not found:
        raise UsageError("name the feed with --feed, or a layout with --layout; evenstock layout list shows them")
    return load_contract(found.layout.feed if found else feed).feed, found


def _say_landed(landed: "LandedFile", before: "list[LandedFile]") -> None:
    known = {file.version: file.identity for file in before}
    earlier = [version for version, identity in known.items() if identity == landed.identity]
    change = f"brings back version {earlier[-1]}" if earlier else "new"
    said = "the same contents, nothing changed" if landed.version in known else change
    by = f" by layout {landed.layout}" if landed.layout else ""
    which = f"{landed.feed} {landed.business_date} version {landed.version} is in force"
    say(f"{which} ({said}): {landed.bytes:,} bytes{by}, sha256 {landed.sha256[:12]}")
