"""What earlier nights forecast and which triggers they told, kept under the home once they are published and never changed.

Which of them a night judges, and how, is decided in `forecasting.horizons`.
"""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import InputRefused
from pipelines.flows.run import Run
from pipelines.machine.reading import file_sha256
from pipelines.machine.writing import write_bytes
from pipelines.store.home import Home

if TYPE_CHECKING:
    import pandas as pd

HORIZONS, TRIGGERS = "forecast_horizons", "triggers"
# What of a work folder is kept, with what its name ends in.
KEPT = {HORIZONS: "", TRIGGERS: "-triggers"}
# The oldest forecast that a night may judge: the longest slot before the longest horizon.
OLDEST_DAYS = 56


def name_past_forecasts(run: Run) -> dict[str, str]:
    """The forecasts that this night judges, by their date: the run proposed last for it and the sha256 of what it said."""
    from pipelines.forecasting.horizons import origins_due

    proposed = run.ledger.last_runs(run.as_of - dt.timedelta(days=OLDEST_DAYS), run.as_of - dt.timedelta(days=1))
    files = {day: forecast_file(run.home, day, run_id) for day, run_id in proposed.items()}
    kept = {day: path for day, path in files.items() if path.is_file()}
    return {day.isoformat(): f"{kept[day].stem}:{file_sha256(kept[day])}" for day, _ in sorted(set(origins_due(kept, run.as_of)))}


def read_past_forecasts(run: Run) -> "pd.DataFrame":
    """The rows of those forecasts whose horizons are judged, with `forecast_as_of` and `forecast_run_id`; as named when the run began."""
    import pandas as pd

    from pipelines.forecasting.horizons import SAID, origins_due

    named = {dt.date.fromisoformat(day): text for day, text in run.work.read_json("provenance").get("forecasts", {}).items()}
    frames = [pd.DataFrame(columns=["forecast_as_of", "forecast_run_id", *SAID])] if not named else []
    for day, horizon in origins_due(named, run.as_of):
        run_id = named[day].partition(":")[0]
        rows = pd.read_parquet(forecast_file(run.home, day, run_id), filters=[("horizon_days", "==", horizon)])
        frames.append(rows.assign(forecast_as_of=day, forecast_run_id=run_id))
    return pd.concat(frames, ignore_index=True)


def name_past_triggers(run: Run) -> dict[str, str]:
    """The triggers that this night carries on, those of the newest night before: its date, and its run with their sha256."""
    proposed = run.ledger.last_runs(run.as_of - dt.timedelta(days=OLDEST_DAYS), run.as_of - dt.timedelta(days=1))
    for day in sorted(proposed, reverse=True)[:1]:
        file = forecast_file(run.home, day, proposed[day], TRIGGERS)
        if file.is_file():
            return {day.isoformat(): f"{proposed[day]}:{file_sha256(file)}"}
    return {}


def read_past_triggers(run: Run) -> "pd.DataFrame":
    """Those triggers, as named when the run began."""
    import pandas as pd

    from pipelines.forecasting.triggers import COLUMNS

    for day, text in run.work.read_json("provenance").get("triggers", {}).items():
        return pd.read_parquet(forecast_file(run.home, dt.date.fromisoformat(day), text.partition(":")[0], TRIGGERS))
    return pd.DataFrame(columns=COLUMNS)


def keep_forecast(run: Run) -> None:
    """Keep what this run forecast and the triggers that it told; the same run says the same again."""
    for part in KEPT:
        target = forecast_file(run.home, run.as_of, run.work.run_id, part)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes("forecasts.kept", target, (run.work.folder / f"{part}.parquet").read_bytes())


def copy_past_forecasts(live: Home, target: Home, named: Mapping[str, str], part: str = HORIZONS) -> None:
    """Bring the forecasts or triggers that a past run read to another home. Raises `InputRefused` for one that is gone or changed."""
    for day, text in named.items():
        run_id, _, sha256 = text.partition(":")
        date = dt.date.fromisoformat(day)
        source, copy = forecast_file(live, date, run_id, part), forecast_file(target, date, run_id, part)
        if not source.is_file() or file_sha256(source) != sha256:
            raise InputRefused(
                f"{source}: the forecast of that date is not there as it was judged, so the run cannot be made again; "
                "restore a backup that holds it"
            )
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_bytes("forecasts.kept", copy, source.read_bytes())


def forecast_file(home: Home, as_of: dt.date, run_id: str, part: str = HORIZONS) -> Path:
    """Where a part of what a run forecast is kept."""
    return home.forecasts / as_of.isoformat() / f"{run_id}{KEPT[part]}.parquet"
