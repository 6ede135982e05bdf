"""Demand tables: what customers want, per day, location and item; generated from a seed or read from a file of the user's own.

Real M5 demand is read in `m5.py` and offered here too. What the stock then lets customers have is decided in `simulate.py`.
"""

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.contracts.contract import EARLIEST_YEAR, LATEST_YEAR
from pipelines.twin.luck import stream

if TYPE_CHECKING:
    import pyarrow as pa

REGIONS = ("EAST", "WEST", "NORTH", "SOUTH", "CENTRAL")
CATEGORIES = ("TOOLS", "GARDEN", "KITCHEN", "TOYS", "PAPER")
FILE_COLUMNS = ("location_id", "item_id", "date", "units")
LAUNCH_GRACE_DAYS = 28
MAX_FILE_DAYS = 3_700
YEAR_DAYS = 365.25
MIN_SEASON_AMPLITUDE = 0.15
ID_PATTERNS = {"location_id": re.compile(r"[A-Za-z0-9_.\-]{1,40}"), "item_id": re.compile(r"[A-Za-z0-9_./\-]{1,60}")}


@dataclass(frozen=True)
class DemandEvent:
    """What lifts demand from `first` to `last` and is known ahead, in the words of erp_events; `uplift_share` is None where unknown."""

    kind: str
    scope: str
    scope_id: str
    first: dt.date
    last: dt.date
    uplift_share: float | None = None

    @property
    def event_id(self) -> str:
        """Names the event: one of a kind begins on a day for one thing."""
        return f"{self.kind}:{self.scope_id}:{self.first.isoformat()}"


@dataclass(frozen=True)
class DemandTable:
    """True demand: `units[d, l, i]` whole units wanted on day `start + d` at location l of item i; ids sorted.

    `events` are behind the units; nothing is drawn from them.
    """

    location_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    start: dt.date
    units: NDArray[np.int32]
    events: tuple[DemandEvent, ...] = ()

    @property
    def days(self) -> int:
        """Number of days covered."""
        return int(self.units.shape[0])

    def date_of(self, day: int) -> dt.date:
        """Calendar date of a day index."""
        return self.start + dt.timedelta(days=day)

    def launch_days(self) -> NDArray[np.int64]:
        """Day index from which each item is sold, shape (I,): its first demand where that is later than 28 days in, else 0."""
        wanted = self.units.sum(axis=1) > 0
        first = np.where(wanted.any(axis=0), wanted.argmax(axis=0), 0)
        return np.where(first > LAUNCH_GRACE_DAYS, first, 0).astype(np.int64)


def generate_demand(locations: int, items: int, days: int, seed: int, start: dt.date) -> DemandTable:
    """Draw synthetic demand: weekday and yearly season, intermittent items, regional taste, slow drift, launches, NB noise.

    `locations`, `items` and `days` are counts. The mean of a cell is level x taste x season x drift; units are negative binomial with
    variance `m + m^2 / k`. About 45 % of the items have a mean below 0.8 units a day and location, one in ten starts mid-history.
    Raises `UsageError` for counts below one.
    """
    if min(locations, items, days) < 1:
        raise UsageError(f"demand needs at least one location, item and day; asked for {locations}, {items} and {days}")
    regions = min(len(REGIONS), max(2, -(-locations // 4))) if locations > 1 else 1
    region_of = np.arange(locations) * regions // locations
    location_ids = _name_locations(region_of)
    item_ids = [f"{CATEGORIES[i % len(CATEGORIES)]}-{i + 1:04d}" for i in range(items)]
    means, amplitude, phase = _mean_demand(region_of, items, days, seed, start)
    luck = stream(seed, "demand_noise")
    dispersion = stream(seed, "demand_dispersion").uniform(1.0, 6.0, size=items)
    units = luck.poisson(luck.gamma(np.broadcast_to(dispersion, means.shape), means / dispersion)).astype(np.int32)
    events = [event for i, item in enumerate(item_ids) for event in _high_seasons(item, float(amplitude[i]), float(phase[i]), start, days)]
    return _sorted_table(location_ids, item_ids, start, units, tuple(events))


def _name_locations(region_of: NDArray[np.int64]) -> list[str]:
    seen: dict[int, int] = {}
    names = []
    for region in region_of.tolist():
        seen[region] = seen.get(region, 0) + 1
        names.append(f"{REGIONS[region]}_{seen[region]}")
    return names


def _mean_demand(
    region_of: NDArray[np.int64], items: int, days: int, seed: int, start: dt.date
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean units per day, shape (days, L, I), and amplitude and phase of each item's season."""
    locations = len(region_of)
    luck = stream(seed, "demand_level")
    intermittent = luck.random(items) < 0.45
    level = np.where(intermittent, luck.uniform(0.06, 0.7, items), np.exp(luck.normal(1.0, 0.7, items)).clip(0.8, 20.0))
    taste = np.exp(luck.normal(0.0, 0.55, (region_of.max() + 1, items)))[region_of] * np.exp(luck.normal(0.0, 0.3, (locations, items)))
    day = np.arange(days)
    weekday_profile = np.array([0.86, 0.84, 0.9, 0.98, 1.18, 1.3, 0.94])
    weekday = weekday_profile[(start.weekday() + day) % 7]
    amplitude, phase = luck.uniform(0.0, 0.35, items), luck.uniform(0.0, 2 * np.pi, items)
    year = 1 + amplitude * np.sin(2 * np.pi * (day[:, None] + start.timetuple().tm_yday) / YEAR_DAYS + phase)
    means = level * taste * weekday[:, None, None] * year[:, None, :] * _drift(locations, items, days, seed) * _launch(items, days, seed)
    return means, amplitude, phase


def _high_seasons(item_id: str, amplitude: float, phase: float, start: dt.date, days: int) -> list[DemandEvent]:
    """The quarter of each year around the peak of `1 + a sin`, where it stands out: its mean is `a 2 sqrt(2) / pi` above the year's.

    A feed has no word for a season, so that each is told as the holiday it lasts.
    """
    if amplitude < MIN_SEASON_AMPLITUDE:
        return []
    peak = (np.pi / 2 - phase) / (2 * np.pi) * YEAR_DAYS - start.timetuple().tm_yday
    uplift = round(amplitude * 2 * np.sqrt(2) / np.pi, 4)
    length = round(YEAR_DAYS / 4)
    firsts = [round(peak + year * YEAR_DAYS - YEAR_DAYS / 8) for year in range(-1, int(days / YEAR_DAYS) + 3)]
    begins = [start + dt.timedelta(days=first) for first in firsts if -length < first < days]
    return [DemandEvent("holiday", "item", item_id, first, first + dt.timedelta(days=length - 1), uplift) for first in begins]


def _drift(locations: int, items: int, days: int, seed: int) -> NDArray[np.float64]:
    """Slow change of level per item-location: exp of a weekly AR(1) with coefficient 0.97, standing at 0.35."""
    weeks = -(-days // 7)
    steps = stream(seed, "demand_drift").normal(0.0, 0.35 * np.sqrt(1 - 0.97**2), (weeks, locations, items))
    log_level = np.zeros_like(steps)
    for week in range(1, weeks):
        log_level[week] = 0.97 * log_level[week - 1] + steps[week]
    return np.repeat(np.exp(log_level), 7, axis=0)[:days]


def _launch(items: int, days: int, seed: int) -> NDArray[np.float64]:
    """1 where an item is on sale, shape (days, 1, items); launches fall between 30 and 75 % of the history."""
    luck = stream(seed, "demand_launch")
    chosen = luck.random(items) < 0.1
    launch_day = np.where(chosen, (luck.uniform(0.3, 0.75, items) * days).astype(int), 0)
    return (np.arange(days)[:, None] >= launch_day).astype(float)[:, None, :]


def _sorted_table(
    location_ids: list[str], item_ids: list[str], start: dt.date, units: NDArray[np.int32], events: tuple[DemandEvent, ...]
) -> DemandTable:
    by_location, by_item = np.argsort(location_ids, kind="stable"), np.argsort(item_ids, kind="stable")
    ordered = np.ascontiguousarray(units[:, by_location][:, :, by_item])
    return DemandTable(tuple(location_ids[i] for i in by_location), tuple(item_ids[i] for i in by_item), start, ordered, events)


def read_demand_file(path: Path) -> DemandTable:
    """Read a user's demand from Parquet with columns `location_id, item_id, date, units`; a missing date counts as no demand.

    Text may be dictionary-encoded. Units are numbers, dates lie in 1990..2100, and there are two locations or more. Raises
    `InputRefused` naming the file, the column, the first offending row (counted from 1) and the remedy.
    """
    path = Path(path)
    frame = _read_columns(path)
    for name in ("location_id", "item_id"):
        good = {value for value in frame[name].unique() if isinstance(value, str) and ID_PATTERNS[name].fullmatch(value)}
        _refuse_rows(path, name, ~frame[name].isin(good).to_numpy(), frame[name], f"use text ids that match {ID_PATTERNS[name].pattern}")
    dates = _parse_dates(path, frame["date"])
    units = pd.to_numeric(frame["units"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    whole = np.isfinite(units) & (units >= 0) & (units == np.floor(units)) & (units <= 1_000_000)
    _refuse_rows(path, "units", ~whole, frame["units"], "give whole units between 0 and 1000000, returns netted out")
    keys = pd.DataFrame({"location_id": frame["location_id"].astype(str), "item_id": frame["item_id"].astype(str), "date": dates})
    _refuse_rows(path, "date", keys.duplicated().to_numpy(), frame["date"], "give one row per location, item and date; add duplicates up")
    locations, items = sorted(keys["location_id"].unique()), sorted(keys["item_id"].unique())
    if len(locations) < 2:
        raise InputRefused(f"{path}: column location_id names {locations[0]} alone; give two locations or more, or nothing can be moved")
    first, span = dates.min(), (dates.max() - dates.min()).days + 1
    if span > MAX_FILE_DAYS:
        raise InputRefused(f"{path}: column date spans {span} days, more than {MAX_FILE_DAYS}; cut the history or correct the odd date")
    table = np.zeros((span, len(locations), len(items)), dtype=np.int32)
    day = (dates - first).dt.days.to_numpy()
    at_location = keys["location_id"].map({name: i for i, name in enumerate(locations)}).to_numpy()
    at_item = keys["item_id"].map({name: i for i, name in enumerate(items)}).to_numpy()
    table[day, at_location, at_item] = units.astype(np.int32)
    return DemandTable(tuple(locations), tuple(items), first.date(), table)


def _read_columns(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputRefused(f"{path}: no such file; give a Parquet file with columns {', '.join(FILE_COLUMNS)}")
    try:
        schema = pq.read_schema(path)
        _refuse_columns(path, schema)
        table = _decode(pq.read_table(path, columns=list(FILE_COLUMNS)))
    except (pa.ArrowException, OSError) as error:
        raise InputRefused(f"{path}: not a readable Parquet file ({error}); write it with any Parquet writer") from error
    if not table.num_rows:
        raise InputRefused(f"{path}: no rows; give at least one row of {', '.join(FILE_COLUMNS)}")
    kind = table.schema.field("units").type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise InputRefused(f"{path}: column units holds {kind}, not numbers; give whole units between 0 and 1000000")
    return table.to_pandas()


def _refuse_columns(path: Path, schema: "pa.Schema") -> None:
    """Raise `InputRefused` for a column that is missing, comes twice, or holds no single values, such as lists."""
    import pyarrow.types as kinds

    plain = (kinds.is_string, kinds.is_large_string, kinds.is_string_view, kinds.is_boolean, kinds.is_integer, kinds.is_floating)
    plain += (kinds.is_decimal, kinds.is_date, kinds.is_timestamp, kinds.is_null)
    for name in FILE_COLUMNS:
        if schema.names.count(name) != 1:
            said = "comes twice" if name in schema.names else "is missing"
            raise InputRefused(f"{path}: column {name} {said} (found: {', '.join(schema.names)}); rename, drop or add columns")
        kind = schema.field(name).type
        inner = kind.value_type if kinds.is_dictionary(kind) else kind
        if not any(is_kind(inner) for is_kind in plain):
            raise InputRefused(f"{path}: column {name} holds {kind}, not one text, date or number a row; write it as such")


def _decode(table: "pa.Table") -> "pa.Table":
    """Dictionary-encoded columns as plain ones."""
    import pyarrow as pa

    for index, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(index, column.name, table[column.name].cast(column.type.value_type))
    return table


def _parse_dates(path: Path, column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        raise InputRefused(f"{path}: column date, row 1: {column.iloc[0]!r} is a number; give dates or text YYYY-MM-DD")
    is_text = column.map(lambda value: isinstance(value, str)).to_numpy()
    shaped = ~is_text | column.astype(str).str.fullmatch(r"\d{4}-\d{2}-\d{2}").to_numpy(dtype=bool)
    dates = pd.to_datetime(column.where(shaped), errors="coerce")
    _refuse_rows(path, "date", dates.isna().to_numpy(), column, "give dates or text YYYY-MM-DD")
    outside = ~dates.dt.year.between(EARLIEST_YEAR, LATEST_YEAR).to_numpy(dtype=bool)
    _refuse_rows(path, "date", outside, column, f"give dates of the years {EARLIEST_YEAR} to {LATEST_YEAR}")
    return dates.dt.normalize()


def _refuse_rows(path: Path, column: str, bad: NDArray[np.bool_], values: pd.Series, remedy: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        found = values.iloc[row]
        raise InputRefused(f"{path}: column {column}, row {row + 1}: {str(found)[:80]!r} refused ({int(bad.sum())} rows like it); {remedy}")


def read_m5_demand(real_data_dir: Path, items: int, days: int, warmup_days: int, seed: int) -> DemandTable:
    """Ten M5 stores as ten warehouses; see `pipelines.twin.m5.read_m5_demand`."""
    from pipelines.twin import m5

    return m5.read_m5_demand(real_data_dir, items, days, warmup_days, seed)
