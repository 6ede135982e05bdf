"""The stand-alone forecast: files in, forecast, files out, all of them or none. What is in the forecast is decided in `forecasting`."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.domain.demand import DemandRows, Frequency
from pipelines.domain.errors import InputRefused
from pipelines.machine.boundaries import crossing
from pipelines.machine.temporary import temporary_beside
from pipelines.machine.writing import move_into_place

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.domain.demand import KnownBeside
    from pipelines.forecasting.period_forecast import PeriodForecast

MAX_HORIZON = {Frequency.D: 728, Frequency.W: 104}
SERIES_PER_BATCH = 2048


@dataclass(frozen=True)
class ForecastInputs:
    """The files that a forecast is made from, and what is known by when."""

    demand: Path
    as_of: dt.date
    freq: Frequency
    items: Path | None = None
    locations: Path | None = None
    prices: Path | None = None
    events: Path | None = None
    ignore_future: bool = False


@dataclass(frozen=True)
class ForecastMethod:
    """How it is forecast: `core` or `ml`, the seed of the paths, the threads of LightGBM."""

    name: str = "core"
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True)
class ForecastOutputs:
    """Where results go: `out` always; `paths`, `estimates` where wanted."""

    out: Path
    paths: Path | None = None
    estimates: Path | None = None


def read_inputs(files: ForecastInputs) -> "tuple[DemandRows, KnownBeside]":
    """Demand and what is known beside it. Raises `InputRefused`."""
    from pipelines.extracts.demand.beside_demand import read_beside
    from pipelines.extracts.demand.demand_file import read_demand

    rows = read_demand(files.demand, files.as_of, files.freq, files.ignore_future)
    return rows, read_beside(rows, files.items, files.locations, files.prices, files.events)


def check_horizon(periods: int, freq: Frequency) -> int:
    """The horizon, or `InputRefused`."""
    if not 1 <= periods <= MAX_HORIZON[freq]:
        raise InputRefused(f"--horizon {periods}: must be 1 to {MAX_HORIZON[freq]} periods of {freq.value}; give another number")
    return periods


def forecast_files(files: ForecastInputs, horizon: int, how: ForecastMethod, wanted: ForecastOutputs) -> dict[str, int | str]:
    """Forecast every series of the demand file for `horizon` periods and write what is wanted; returns what to say.

    Every file appears whole under its name only after all of them are written. Raises `InputRefused`.
    """
    from pipelines.forecasting.period_forecast import forecast_periods

    rows, beside = read_inputs(files)
    made = forecast_periods(rows, beside, check_horizon(horizon, files.freq), how.name, how.seed, how.threads)
    tables = {wanted.out: _mean_batches(made, rows)}
    if wanted.paths:
        tables[wanted.paths] = _path_batches(made, rows)
    if wanted.estimates:
        tables[wanted.estimates] = _estimate_batches(made, rows)
    with ExitStack() as stack:
        done = [(stack.enter_context(temporary_beside(target)), target) for target in tables]
        for temporary, target in done:
            with crossing("export.file", target):
                write_batches(temporary, tables[target])
        for temporary, target in done:
            move_into_place("export.file", temporary, target)
    return {"series": len(rows.series_item), "periods": horizon, "first": str(rows.next_period), "method": made.method}


def backtest_files(
    files: ForecastInputs, horizon: int, origins: int, step: int, how: ForecastMethod, tell: Callable[[str, float], None]
) -> dict[str, Any]:
    """Backtest the forecast on a demand file at `origins` past dates `step` periods apart; returns the report's document.

    Raises `InputRefused`.
    """
    from pipelines.forecasting.rolling_origins import Backtest, run_backtest

    rows, beside = read_inputs(files)
    return run_backtest(rows, beside, Backtest(check_horizon(horizon, files.freq), origins, step, how.name, how.seed, how.threads), tell)


def write_batches(path: Path, batches: "Iterator[pa.RecordBatch]") -> None:
    """Batches of one schema as zstd Parquet, one row group each; the same batches give the same bytes."""
    import pyarrow.parquet as pq

    first = next(batches)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def _batches(made: "PeriodForecast") -> Iterator[slice]:
    total = len(made.mean_units)
    return (slice(start, min(start + SERIES_PER_BATCH, total)) for start in range(0, total, SERIES_PER_BATCH))


def _mean_batches(made: "PeriodForecast", rows: DemandRows) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    for part in _batches(made):
        count = part.stop - part.start
        columns = _keys(rows, part, len(made.starts))
        columns["date"] = pa.array(np.tile(made.starts, count))
        columns["mean"] = pa.array(made.mean_units[part].ravel())
        for name, values in made.quantiles(part).items():
            columns[name] = pa.array(values.ravel())
        yield pa.RecordBatch.from_pydict(columns)


def _path_batches(made: "PeriodForecast", rows: DemandRows) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    for part in _batches(made):
        units = made.paths(part)
        series, paths, weeks = units.shape
        columns = _keys(rows, part, paths * weeks)
        columns["path"] = pa.array(np.tile(np.repeat(np.arange(paths, dtype=np.int32), weeks), series))
        columns["week"] = pa.array(np.tile(np.arange(1, weeks + 1, dtype=np.int32), series * paths))
        columns["units"] = pa.array(units.ravel().astype(np.float64))
        yield pa.RecordBatch.from_pydict(columns)


def _estimate_batches(made: "PeriodForecast", rows: DemandRows) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    from pipelines.forecasting.completion import METHODS

    for part in _batches(made):
        frame = made.estimates(part)
        known = frame.pop("is_known")
        columns = {name: column.filter(pa.array(known.ravel())) for name, column in _keys(rows, part, known.shape[1]).items()}
        columns["date"] = pa.array(np.tile(made.history_starts, len(known))[known.ravel()])
        method = pa.DictionaryArray.from_arrays(pa.array(frame.pop("method")[known]), pa.array(METHODS)).dictionary_decode()
        columns |= {name: pa.array(values[known]) for name, values in frame.items()} | {"method": method}
        yield pa.RecordBatch.from_pydict(columns)


def _keys(rows: DemandRows, part: slice, times: int) -> "dict[str, pa.Array]":
    """Ids of the series of a batch, each repeated, in the type that they came in."""
    import pyarrow as pa

    found = {}
    for name, ids, position in (
        ("location_id", rows.location_ids, rows.series_location),
        ("item_id", rows.item_ids, rows.series_item),
    ):
        kind = pa.int64() if ids.dtype.kind in "iu" else pa.string()
        found[name] = pa.array(ids.tolist(), kind).take(pa.array(np.repeat(position[part], times)))
    return found
