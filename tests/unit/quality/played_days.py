"""Days of simulated worlds as typed partitions, as the lake would give them, and a history that grows day by day."""

import datetime as dt
from dataclasses import dataclass, field

import pandas as pd

from pipelines.domain.policy import GatePolicy
from pipelines.extracts.contracts.contract import load_contract
from pipelines.twin.demand import DemandTable
from pipelines.twin.extracts import _snapshots
from pipelines.twin.simulate import Twin
from pipelines.twin.world import World
from quality.habits.history import History
from quality.judging.gates import GateVerdict, judge_against_past, run_gate, verdict

START = dt.date(2025, 1, 6)
TYPES = {"integer": "Int64", "text": "str", "boolean": "bool"}


def typed(feed: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A frame of canonical text as an accepted partition: types of the contract, source lines, sorted by key."""
    columns = {}
    for column in load_contract(feed).columns:
        values = frame[column.name]
        if column.type in ("date", "timestamp"):
            values = pd.to_datetime(values).astype("datetime64[us]")
        elif column.type in TYPES:
            values = values.astype(object).where(values.notna(), None).astype(TYPES[column.type])
        else:
            values = pd.to_numeric(values).astype(float)
        columns[column.name] = values
    made = pd.DataFrame(columns).assign(_source_line=range(2, len(frame) + 2))
    whole = {name: "int64" for name in made if made[name].dtype == "Int64" and not made[name].isna().any()}
    return made.astype(whole).sort_values([*load_contract(feed).key], ignore_index=True)


@dataclass
class Days:
    """A world's days: partitions by date and feed, and what a gate knows of the days before."""

    partitions: dict[dt.date, dict[str, pd.DataFrame]] = field(default_factory=dict)
    verdicts: dict[tuple[dt.date, str], GateVerdict] = field(default_factory=dict)

    @property
    def dates(self) -> list[dt.date]:
        return sorted(self.partitions)

    def before(self, day: dt.date) -> list[dt.date]:
        return [date for date in self.dates if date < day]

    def history(self, day: dt.date, feed: str) -> History:
        """What the gate of a feed compares a day with."""
        earlier = [self.partitions[date][feed] for date in self.before(day) if len(self.partitions[date][feed])]
        said = [self.verdicts[date, feed] for date in self.before(day) if (date, feed) in self.verdicts]
        items = self.partitions[day]["erp_items"]
        packs = items[["item_id"]].assign(pack_units=items["units_per_pack"].astype(float), pallet_units=float("nan"))
        return History(
            before=earlier[-1] if earlier else pd.DataFrame(),
            recent=pd.concat(earlier[-28:], ignore_index=True) if earlier else pd.DataFrame(),
            fingerprints={v.business_date.isoformat(): v.fingerprint for v in said},
            changed_rows=tuple(v.changed_rows for v in said if v.changed_rows >= 0),
            packs=packs,
        )

    def compare(self, day: dt.date, feed: str, frame: pd.DataFrame, policy: GatePolicy | None = None) -> GateVerdict:
        """The verdict of the checks against the past alone, on rows in place of the day's own."""
        checks, failing, marks = judge_against_past(load_contract(feed), frame, day, policy or GatePolicy(), self.history(day, feed))
        return verdict(feed, day, checks, len(frame), 0, policy, failing=failing, **marks)

    def judge(self, day: dt.date, feed: str, frame: pd.DataFrame | None = None, policy: GatePolicy | None = None) -> GateVerdict:
        """The verdict on a partition, or on `frame` in its place; the verdict on the day's own is remembered."""
        rows = self.partitions[day][feed] if frame is None else frame
        known = {name: set(self.partitions[day][name][load_contract(name).key[0]]) for name in ("erp_items", "erp_locations")}
        said = run_gate(
            load_contract(feed), rows, business_date=day, rows_in=len(rows), rows_quarantined=0,
            trailing_counts=[len(self.partitions[date][feed]) for date in self.before(day)][-28:], known_keys=known,
            policy=policy or GatePolicy(), history=self.history(day, feed),
        )  # fmt: skip
        if frame is None:
            self.verdicts[day, feed] = said
        return said


def play(world: World, demand: DemandTable, warm_up: int, days: int, seed: int = 0, order_every: int = 3) -> Days:
    """Days after a warm-up; every few days the network is given some transfers to carry out."""
    twin, made = Twin(world, demand, seed), Days()
    twin.warm_up(warm_up)
    for number in range(days):
        released = make_orders(twin, number) if number % order_every == 0 else []
        events = twin.play_day(released)
        frames = _snapshots(world, events.date) | events.frames
        made.partitions[events.date] = {feed: typed(feed, frame) for feed, frame in frames.items()}
    return made


def make_orders(twin: Twin, number: int) -> list[dict]:
    """One transfer per lane of the first origin, for a few items."""
    names, items = list(twin.world.locations["location_id"]), list(twin.world.items["item_id"])
    origin, packs = names[number % len(names)], twin.world.items["units_per_pack"].astype(int).tolist()
    return [
        {
            "format": "evenstock-dispatch/1", "transfer_id": f"T{number}-{place}", "origin": origin, "destination": place, "mode": "road",
            "ship_date": twin.next_date.isoformat(), "idempotency_key": f"T{number}-{place}",
            "lines": [
                {"line_id": f"L{number}{place}{k}", "item_id": items[k], "units": 2 * packs[k]} for k in range(number % 7, len(items), 7)
            ],
        }
        for place in names if place != origin
    ]  # fmt: skip
