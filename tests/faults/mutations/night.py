"""A clean night for mutations to happen in: a small world whose gates have memory, with ids and texts that invite mistakes."""

import datetime as dt
import functools
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import flows
from pipelines.domain.policy import Policy
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.lake import partitions
from pipelines.extracts.lake.partitions import current_files
from pipelines.flows import gate_inputs, intake, known
from pipelines.machine import writing
from pipelines.store.home import Home
from pipelines.twin.demand import DemandTable, generate_demand
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.simulate import Twin
from pipelines.twin.world import World, build_generated_world
from quality.judging import night as judging
from quality.judging.judge import judge_feed
from quality.judging.night import judge_night
from quality.verdicts import GateVerdict
from tests.faults.mutations.memory import remembering
from tests.faults.mutations.sheet import Case, Sheet

START = dt.date(2026, 1, 5)
WARM_UP_DAYS = 28
DAYS = 6
ODD_IDS = ("007", "0071", "1E5", "2E10", "100045", "AB-100", "MAR1", "5-11")
ODD_TEXTS = ("Käsebrett, groß", "Crème brûlée set", 'Plug 3/4" brass', "Jalapeño – 12 pcs")


@dataclass
class CleanNight:
    """A home in which every feed of `day` has landed clean, been gated and reconciled; `truth` holds the accepted rows by feed."""

    home: Home
    day: dt.date
    policy: Policy
    files: dict[str, bytes]
    yesterday: dict[str, bytes]
    manifest: dict[str, Any]
    truth: dict[str, pa.Table]
    packs: dict[str, int]

    @property
    def feeds(self) -> list[str]:
        """Feeds that have rows on the day."""
        return [feed for feed in flows.FEEDS if self.files.get(feed, b"").count(b"\n") > 1]

    @functools.cached_property
    def keys(self) -> dict[str, set[str]]:
        """The locations and items that exist."""
        return {feed: set(self.truth[feed][load_contract(feed).key[0]].to_pylist()) for feed in ("erp_locations", "erp_items")}

    def case(self, feed: str, rng: Any) -> Case:
        others = {name: data for name, data in self.files.items() if name != feed}
        sheet = Sheet.read(self.files[feed])
        return Case(load_contract(feed), sheet, self.day, rng, self.yesterday, others, self.packs)

    def entry(self, feed: str) -> dict[str, Any]:
        """The manifest's entry of a clean file."""
        return next(dict(entry) for entry in self.manifest["files"] if entry["feed"] == feed)

    @contextmanager
    def without(self, feed: str) -> Iterator[None]:
        """The night as if the feed had not landed yet; afterwards as before."""
        places = [self.home.landing / feed, self.home.lake / feed, self.home.quarantine / feed]
        aside = self.home.root / "aside"
        shutil.rmtree(aside, ignore_errors=True)
        moved = [path for place in places if place.is_dir() for path in place.glob(f"{self.day}*")]
        shutil.copytree(self.home.gates / self.day.isoformat(), self.home.root / "gates_aside", dirs_exist_ok=True)
        for path in moved:
            kept = aside / path.relative_to(self.home.root)
            kept.parent.mkdir(parents=True, exist_ok=True)
            path.rename(kept)
        try:
            yield
        finally:
            for place in places:
                for path in place.glob(f"{self.day}*"):
                    path.unlink()
            for path in moved:
                (aside / path.relative_to(self.home.root)).rename(path)
            shutil.rmtree(self.home.gates / self.day.isoformat())
            (self.home.root / "gates_aside").rename(self.home.gates / self.day.isoformat())


def make_night(root: Path, seed: int = 0, locations: int = 4, items: int = 60) -> CleanNight:
    """Play a world with transfers on the road, land every day, and leave the last one as the clean night."""
    home, policy = Home(root), Policy()
    demand = _odd_ids(generate_demand(locations, items, WARM_UP_DAYS + DAYS, seed, START))
    world = _odd_texts(build_generated_world(demand, seed))
    twin = Twin(world, demand, seed)
    history = [twin.play_day(_dispatches(home, twin, world, demand) if day > WARM_UP_DAYS - 9 else []) for day in range(WARM_UP_DAYS)]
    drops = [write_history_drop(history, world, home.inbox)]
    drops += [write_drop(twin.play_day(_dispatches(home, twin, world, demand)), world, home.inbox) for _ in range(DAYS)]
    _send_all_masters(drops[0], drops[-1])
    for drop in drops:
        run_gates(home, dt.date.fromisoformat(drop.name), policy)
    day = dt.date.fromisoformat(drops[-1].name)
    files, yesterday = ({path.stem: path.read_bytes() for path in drop.glob("*.csv")} for drop in (drops[-1], drops[-2]))
    truth = {feed: accepted_rows(home, feed, day) for feed in flows.FEEDS if feed in files}
    items_frame = world.items
    packs = dict(zip(items_frame["item_id"], items_frame["units_per_pack"].astype(int), strict=True))
    return CleanNight(home, day, policy, files, yesterday, json.loads((drops[-1] / "manifest.json").read_text()), truth, packs)


def _send_all_masters(first: Path, last: Path) -> None:
    """Let the last drop hold every file that the first one had: feeds that come seldom come on the clean night, too."""
    known, manifest = json.loads((first / "manifest.json").read_text()), json.loads((last / "manifest.json").read_text())
    for entry in known["files"]:
        if not (last / entry["file"]).exists():
            shutil.copy(first / entry["file"], last / entry["file"])
            manifest["files"].append(entry)
    (last / "manifest.json").write_text(json.dumps(manifest))


@contextmanager
def quick_reading() -> Iterator[None]:
    """No fsync; what clean days hold is read and counted once, and checks of unchanged frames remembered: how often decides nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "sync", lambda *_: None)
        read, count = partitions.read_frame, intake.count_trailing_rows
        patch.setattr(partitions, "read_frame", functools.lru_cache(maxsize=400)(read))
        patch.setattr(intake, "count_trailing_rows", functools.lru_cache(maxsize=400)(count))
        patch.setattr(gate_inputs, "read_past", functools.lru_cache(maxsize=400)(gate_inputs.read_past))
        patch.setattr(judging, "read_dispatched", functools.lru_cache(maxsize=40)(judging.read_dispatched))
        patch.setattr(known, "_join", functools.lru_cache(maxsize=400)(known._join))
        with remembering():
            yield


def run_gates(home: Home, day: dt.date, policy: Policy) -> None:
    """Land, ingest, gate and reconcile one day as a night does; everything must pass, and nothing be frozen."""
    flows.land_inbox(home, day)
    for feed in flows.FEEDS:
        verdict = gate(home, feed, day, policy)
        assert verdict.passed, (day, feed, verdict.failures)
    said, frozen = judge_night(home, day, policy)
    assert said.passed and not frozen["pairs"], (day, said.failures, frozen["pairs"][:3])


def gate(home: Home, feed: str, day: dt.date, policy: Policy) -> GateVerdict:
    """Ingest a feed and judge its partition; the verdict is kept."""
    result = flows.ingest_feed(home, feed, day)
    verdict = judge_feed(flows.read_gate_inputs(home, feed, day, result, policy), day, policy.gate)
    flows.save_verdict(home, day, feed, result.lake_sha256 if result else "", verdict.to_json())
    return verdict


def accepted_rows(home: Home, feed: str, day: dt.date) -> pa.Table:
    """The accepted rows of a feed and date without lineage."""
    file = current_files(home.lake, feed, day)[-1]
    assert file.business_date == day
    return pq.read_table(file.path, columns=[column.name for column in load_contract(feed).columns])


def _odd_ids(demand: DemandTable) -> DemandTable:
    """Some items get ids that spreadsheets and casts spoil, and so do the events about them."""
    names = tuple(sorted([*ODD_IDS, *demand.item_ids[len(ODD_IDS) :]]))
    renamed = dict(zip(demand.item_ids, names, strict=True))
    events = tuple(replace(event, scope_id=renamed.get(event.scope_id, event.scope_id)) for event in demand.events)
    return replace(demand, item_ids=names, events=events)


def _odd_texts(world: World) -> World:
    items = world.items.copy()
    for at, text in enumerate(ODD_TEXTS):
        items.loc[at * 3, "description"] = text
    return replace(world, items=items)


def _dispatches(home: Home, twin: Twin, world: World, demand: DemandTable) -> list[dict[str, Any]]:
    """Two transfer orders a day over two lanes, three lines each, sent through the outbox the evening before."""
    import numpy as np

    tag = twin.next_date.isoformat()
    orders = []
    for number, lane in enumerate(world.lanes.iloc[[twin.day % 3, 5 + twin.day % 4]].to_dict("records")):
        origin = demand.location_ids.index(lane["origin"])
        rich = np.argsort(-twin.stock.on_hand[origin], kind="stable")[number * 3 : number * 3 + 3]
        lines = [{"line_id": f"L-{tag}-{number}{i}", "item_id": demand.item_ids[of], "units": 2} for i, of in enumerate(rich)]
        orders.append(_order(f"T-{tag}-{number}", lane, tag, lines))
    folder = home.outbox / (twin.next_date - dt.timedelta(days=1)).isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    for order in orders:
        (folder / f"{order['transfer_id']}.json").write_text(json.dumps(order))
    return orders


def _order(name: str, lane: dict[str, Any], tag: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    ends = {key: lane[key] for key in ("origin", "destination", "mode")}
    return {"format": "evenstock-dispatch/1", "transfer_id": name, "idempotency_key": name, "ship_date": tag, **ends, "lines": lines}
