"""Composition root of the orchestrator: the home that a run works in, and the lease that it holds while it lasts."""

import datetime as dt
import json
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.custody import take_custody
from pipelines import flows
from pipelines.domain.policy import Policy
from pipelines.machine.limits import ProcessLimits, use_limits
from pipelines.settings import Settings, load_policy
from pipelines.store.home import Home

ITEMS = "evenstock/items"


def restricted_to(items: Iterable[str]) -> dict[str, str]:
    """Tags of a run whose plan is restricted to `items`; of none, those of a plan of everything."""
    named = sorted(items)
    return {ITEMS: json.dumps(named)} if named else {}


class EvenstockHome(dg.ConfigurableResource):
    """Where all state lives and what a run is a function of besides its partition. Holding it holds the writer's lease."""

    home: str
    seed: int = 0
    ledger_url: str = ""
    duckdb_memory: str = "2GB"
    duckdb_temp: str = "8GB"
    duckdb_threads: int = 2
    solver_megabytes: int = 0
    solver_grace_seconds: float = 30.0
    drop_seconds: float = 60.0
    is_rebuild: bool = False

    @classmethod
    def from_settings(cls, settings: Settings, is_rebuild: bool = False) -> "EvenstockHome":
        """The resource of the environment's settings."""
        return cls(
            home=str(settings.home),
            seed=settings.seed,
            ledger_url=settings.ledger_url,
            duckdb_memory=settings.duckdb_memory,
            duckdb_temp=settings.duckdb_temp,
            duckdb_threads=settings.duckdb_threads,
            solver_megabytes=settings.solver_megabytes,
            solver_grace_seconds=settings.solver_grace_seconds,
            drop_seconds=settings.drop_seconds,
            is_rebuild=is_rebuild,
        )

    @property
    def folders(self) -> Home:
        """The folders under the home."""
        return Home(Path(self.home))

    @property
    def policy(self) -> Policy:
        """What people decided, read anew by every run."""
        return load_policy(self.folders)

    def run_of(self, context: dg.AssetExecutionContext) -> flows.Run:
        """The run that a step belongs to."""
        as_of = dt.date.fromisoformat(context.partition_key)
        attempt, items = context.run.run_id[:8], tuple(json.loads(context.run.tags.get(ITEMS, "[]")))
        return flows.Run(self.folders, as_of, self.policy, self.seed, attempt, self.ledger_url, self.is_rebuild, items)

    def store_environment(self, store: Path) -> dict[str, str]:
        """Environment of the dbt process that builds `store`."""
        from pipelines.store.warehouse import DBT_ENV

        limits = {"MEMORY": self.duckdb_memory, "TEMP": self.duckdb_temp, "THREADS": str(self.duckdb_threads)}
        return {**DBT_ENV(store), **{f"EVENSTOCK_STORE_{name}": value for name, value in limits.items()}}

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Any, None, None]:
        """Hold the lease for as long as the run executes, and leave data health behind; raises `Busy` if someone else holds it."""
        solver = self.solver_megabytes, self.solver_grace_seconds
        use_limits(ProcessLimits(self.duckdb_memory, self.duckdb_temp, self.duckdb_threads, *solver))
        with take_custody(self.folders, context.dagster_run, context.instance, context.log):
            yield self
