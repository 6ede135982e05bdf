"""Writes the static page of the marts: `python -m dagster_project.mart_docs site/`. One file that needs no server and no internet.

It builds the dbt models on an empty store so that types and lineage are real; figures of a run are not part of it.
"""

import datetime as dt
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from dagster_project.dbt_bridge import PROJECT_DIR, dbt_environment
from pipelines.domain.errors import EvenstockError
from pipelines.domain.policy import Policy
from pipelines.machine.temporary import scratch_folder
from pipelines.machine.writing import write_bytes
from pipelines.store.warehouse import DBT_ENV, RunParameters, create_store

PAGE = "marts.html"


def write_mart_docs(folder: Path) -> Path:
    """Build every model on an empty store and write dbt's static documentation to `folder`/marts.html.

    Raises `EvenstockError` with dbt's own words when a model does not build.
    """
    with scratch_folder() as scratch:
        store, target = scratch / "store.duckdb", scratch / "target"
        create_store(store, {}, empty_run(), {})
        environment = dbt_environment(target, DBT_ENV(store)) | {"DBT_LOG_FORMAT": "text"}
        for command in (["run"], ["docs", "generate", "--static"]):
            _call_dbt(command, environment)
        return write_bytes("export.file", folder / PAGE, (target / "static_index.html").read_bytes())


def empty_run() -> RunParameters:
    """Parameters of a run on no data, under the default policy."""
    policy = Policy()
    service, finance = asdict(policy.service), asdict(policy.finance)
    return RunParameters(
        as_of=dt.date(2020, 1, 1),
        run_id="documentation",
        window_days=policy.kpi.window_days,
        slow_moving_days=policy.kpi.slow_moving_days,
        **finance,
        service_a=service["target_a_share"],
        service_b=service["target_b_share"],
        service_c=service["target_c_share"],
        review_period_days=service["review_period_days"],
        supplier_lead_time_days=service["default_supplier_lead_time_days"],
    )


def _call_dbt(command: list[str], environment: dict[str, str]) -> None:
    dbt = str(Path(sys.executable).with_name("dbt"))
    done = subprocess.run([dbt, "--quiet", *command], cwd=PROJECT_DIR, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise EvenstockError(f"dbt {' '.join(command)} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    print(f"wrote {write_mart_docs(Path(sys.argv[1] if len(sys.argv) > 1 else 'site').absolute())}")
