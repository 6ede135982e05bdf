"""The stand-alone forecast on all of M5: twelve-level error at four rolling origins of 28 days, CPU time and memory; `run()` returns rows.

Parameters were chosen on origins before the ones reported here (as of 2015-09-13 to 2015-12-06). Asserts nothing.
"""

import datetime as dt
import importlib.util
import os
import resource
import tempfile
import time
from pathlib import Path
from statistics import mean

import pandas as pd

AS_OF = dt.date(2016, 4, 24)
HORIZON_DAYS, ORIGINS = 28, 4


def run(every: int = 1, origins: int = ORIGINS) -> list[dict]:
    """Rows {method, as_of, measure, value} for core, and for ml where LightGBM is installed; `every` n-th item. Empty without real data."""
    from pipelines.domain.demand import Frequency
    from pipelines.flows.forecast_files import ForecastInputs, ForecastMethod, backtest_files

    if not os.environ.get("EVENSTOCK_REAL_DATA"):
        return []
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        demand, items, locations = write_files(Path(os.environ["EVENSTOCK_REAL_DATA"]), Path(folder), every)
        files = ForecastInputs(demand, AS_OF, Frequency.D, items, locations)
        for method in ("core", "ml") if importlib.util.find_spec("lightgbm") else ("core",):
            started = time.process_time()
            document = backtest_files(files, HORIZON_DAYS, origins, HORIZON_DAYS, ForecastMethod(method), lambda said, share: None)
            rows += accuracy_rows(method, document)
            rows.append(_row(method, "all", "CPU seconds an origin", (time.process_time() - started) / origins))
            rows.append(_row(method, "all", "peak MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    return rows


def write_files(real_data: Path, folder: Path, every: int) -> tuple[Path, Path, Path]:
    """M5 as the files of the stand-alone forecast: demand, items by category and department, locations by region."""
    frame = pd.read_parquet(real_data / "m5" / "units_daily.parquet").rename(columns={"store_id": "location_id"})
    names = pd.Series(sorted(frame["item_id"].unique()))[::every]
    frame = frame[frame["item_id"].isin(set(names))]
    places = pd.Series(sorted(frame["location_id"].unique()))
    groups = {"category": names.str.split("_").str[0], "department": names.str.rsplit("_", n=1).str[0]}
    made = {
        "demand": frame[["location_id", "item_id", "date", "units"]],
        "items": pd.DataFrame({"item_id": names} | groups),
        "locations": pd.DataFrame({"location_id": places, "region": places.str.split("_").str[0]}),
    }
    for name, table in made.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder / "demand.parquet", folder / "items.parquet", folder / "locations.parquet"


def accuracy_rows(method: str, document: dict) -> list[dict]:
    """Errors over those of seasonal naive, by origin and on average: of the twelve levels, and of item x location."""
    found: dict[str, list[float]] = {}
    rows = []
    for origin in document["origins"]:
        ours, naive = origin["wrmsse"]["evenstock"], origin["wrmsse"]["seasonal naive"]
        ratios = {"12 levels / seasonal naive": ours["mean"] / naive["mean"]}
        ratios["item x store / seasonal naive"] = ours["location x item"] / naive["location x item"]
        for measure, value in {**ratios, "12 levels": ours["mean"]}.items():
            found.setdefault(measure, []).append(value)
            rows.append(_row(method, origin["as_of"], measure, value))
    return rows + [_row(method, "mean", measure, mean(values)) for measure, values in found.items()]


def _row(method: str, as_of: str, measure: str, value: float) -> dict:
    return {"method": method, "as_of": as_of, "measure": measure, "value": round(value, 4)}
