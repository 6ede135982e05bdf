"""What a run was made of, as the ledger keeps it, so that the run can be made again from landed files and the ledger alone."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pipelines.flows.last_plan import last_prices
from pipelines.flows.run import Run

if TYPE_CHECKING:
    from pipelines.extracts.lake.partitions import LakeFile
    from pipelines.store.publication import Publication

FORMAT = "evenstock-provenance/1"
Ranges = list[list[Any]]


def describe_inputs(run: Run, known: Mapping[str, Any], files: "Mapping[str, list[LakeFile]]") -> dict[str, Any]:
    """All that the run id is a digest of (`known`), with what it takes to read the same again.

    `partitions` lists the landed versions by feed, `marks` says how far the ledger had come, `policy_values` what the policy said,
    `price_values` the prices of the plan before if a large problem may start from them: that plan goes with its publication.
    """
    versions = {feed: pack_versions({file.business_date: file.version for file in found}) for feed, found in files.items() if found}
    more = {"partitions": versions, "marks": run.ledger.marks(), "policy_values": run.policy.to_values()}
    if prices := last_prices(run):
        more["price_values"] = prices
    return {**known, **more, "format": FORMAT}


def describe_outputs(publication: "Publication") -> dict[str, Any]:
    """The sha256 of every file of a publication that is the same whenever the run is made again."""
    manifest = hashlib.sha256((publication.path / "manifest.json").read_bytes()).hexdigest()
    files = {name: entry["sha256"] for name, entry in publication.manifest["files"].items()}
    return {"files": files | {"manifest.json": manifest}}


def digest_known(known: Mapping[str, Any]) -> str:
    """The run id: first 16 hex of sha256 over the canonical JSON of everything the run is a function of."""
    return hashlib.sha256(json.dumps(known, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def pack_versions(versions: Mapping[dt.date, int]) -> Ranges:
    """Versions by date as [first, last, version] of days in a row.

    >>> pack_versions({dt.date(2026, 1, 5): 1, dt.date(2026, 1, 6): 1, dt.date(2026, 1, 7): 2, dt.date(2026, 1, 9): 2})
    [['2026-01-05', '2026-01-06', 1], ['2026-01-07', '2026-01-07', 2], ['2026-01-09', '2026-01-09', 2]]
    """
    ranges: list[list[Any]] = []
    for day in sorted(versions):
        if ranges and ranges[-1][2] == versions[day] and ranges[-1][1] == day - dt.timedelta(days=1):
            ranges[-1][1] = day
        else:
            ranges.append([day, day, versions[day]])
    return [[first.isoformat(), last.isoformat(), version] for first, last, version in ranges]


def unpack_versions(ranges: Iterable[Iterable[Any]]) -> dict[dt.date, int]:
    """What `pack_versions` packed.

    >>> unpack_versions([["2026-01-05", "2026-01-06", 3]])
    {datetime.date(2026, 1, 5): 3, datetime.date(2026, 1, 6): 3}
    """
    found = {}
    for first_text, last_text, version in ranges:
        first, last = dt.date.fromisoformat(first_text), dt.date.fromisoformat(last_text)
        found |= {first + dt.timedelta(days=n): version for n in range((last - first).days + 1)}
    return found
