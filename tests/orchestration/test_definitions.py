"""The asset graph: loads, has no cycle, and the edges that keep a night in order are exactly these."""

import datetime as dt
import importlib
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.partitions.context import partition_loading_context

from dagster_project.dbt_bridge import _tell_warning
from dagster_project.definitions import build_defs
from pipelines import flows


@pytest.fixture(scope="module")
def defs(parsed_dbt, tmp_path_factory):
    return build_defs(home=tmp_path_factory.mktemp("defs") / "home")


@pytest.fixture(scope="module")
def graph(defs):
    return defs.resolve_asset_graph()


def parents(graph, name: str) -> set[str]:
    return {key.to_user_string() for key in graph.get(dg.AssetKey(name.split("/"))).parent_keys}


def test_definitions_are_loadable(defs):
    dg.Definitions.validate_loadable(defs)


LAKE = {f"lake/{feed}" for feed in flows.FEEDS}
FORECAST_FACTS = {"dim_item", "fct_demand_daily", "fct_events", "fct_plan_inputs", "fct_stock_daily"}
FACTS = {"dim_finance", "dim_item", "dim_lane", "dim_location", "fct_events", "fct_inbound", "fct_plan_inputs"}


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        *((f"lake/{feed}", {"landing/drop"}) for feed in flows.FEEDS),
        ("gate/reconciliation", LAKE),
        ("ledger/transfer_states", {"gate/reconciliation"}),
        ("lake/run_parameters", LAKE | {"ledger/transfer_states"}),
        ("lake/ledger_transfer_lines", LAKE | {"ledger/transfer_states"}),
        ("staging/stg_erp__items", {"lake/erp_items"}),
        ("staging/stg_tms__lanes", {"lake/tms_lanes"}),
        ("staging/stg_ledger__run_parameters", {"lake/run_parameters"}),
        ("staging/stg_ledger__transfer_lines", {"lake/ledger_transfer_lines"}),
        ("staging/stg_planning__plan_lines", {"lake/plan_lines"}),
        ("staging/stg_planning__forecast_summary", {"lake/forecast_summary"}),
        ("staging/stg_planning__dispositions", {"lake/dispositions"}),
        ("staging/stg_planning__alert_bands", {"lake/alert_bands"}),
        ("lake/alert_bands", LAKE | {"ledger/transfer_states"}),
        ("lake/dispositions", {f"marts/{name}" for name in FACTS} | {"lake/forecast_weekly", "lake/forecast_summary"}),
        ("staging/stg_planning__finished_horizons", {"lake/finished_horizons"}),
        ("staging/stg_planning__trigger_events", {"lake/trigger_events"}),
        ("marts/mart_forecast_accuracy", {"staging/stg_planning__forecast_summary", "staging/stg_planning__finished_horizons"}),
        (
            "feedback/learned_parameters",
            {"marts/dim_lane", "marts/dim_location", "marts/fct_stock_daily", "marts/fct_transfers", "feedback/learned_parameters"},
        ),
        ("lake/forecast_weekly", {f"marts/{name}" for name in FORECAST_FACTS} | {"feedback/learned_parameters"}),
        ("lake/plan_lines", {f"marts/{name}" for name in FACTS} | {"lake/forecast_weekly", "lake/forecast_summary"}),
        ("ledger/approvals", {"published/current"}),
        ("outbox/transfer_orders", {"ledger/approvals"}),
    ],
)
def test_edges(graph, asset, expected):
    assert parents(graph, asset) == expected


def test_publication_waits_for_every_mart_and_the_audited_plan(graph):
    marts = {key.to_user_string() for key in graph.get_all_asset_keys() if key.path[0] == "marts"}
    assert len(marts) > 20
    assert parents(graph, "published/current") == marts | {"lake/plan_lines"}


def test_every_stage_is_a_group(graph):
    groups = {graph.get(key).group_name for key in graph.get_all_asset_keys()}
    stages = {"landing", "ingest", "gate", "marts", "feedback", "forecast", "planning", "reporting", "publication", "approval"}
    assert groups == stages | {"execution", "health"}


def test_every_asset_says_what_it_is(graph):
    silent = [key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).description]
    assert silent == []


def test_every_feed_and_the_plan_have_a_blocking_check(graph):
    blocking = {(k.asset_key.to_user_string(), k.name) for k in graph.asset_check_keys if graph.get_check_spec(k).blocking}
    assert blocking == {(name, "gate") for name in LAKE | {"gate/reconciliation"}} | {("lake/plan_lines", "audit")}


def test_all_assets_share_the_business_date_as_partition(graph):
    kinds = {graph.get(key).partitions_def for key in graph.get_all_asset_keys()}
    assert len(kinds) == 1
    dates = kinds.pop()
    assert dates.get_first_partition_key() == "2011-01-01"
    with partition_loading_context(dt.datetime(2026, 3, 5, 9, 0, tzinfo=dt.UTC)):
        assert dates.get_last_partition_key() == "2026-03-05", "today's own extract can be planned on its evening"


def test_a_date_learns_from_what_the_date_before_had_learned(graph):
    learned = dg.AssetKey(["feedback", "learned_parameters"])
    mapping = graph.get_partition_mapping(learned, parent_asset_key=learned)
    assert mapping == dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


def test_the_schedule_runs_the_day_that_has_ended(defs):
    schedule = defs.resolve_schedule_def("every_night")
    moment = dt.datetime(2026, 3, 5, 2, 0, tzinfo=dt.UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=moment, repository_def=defs.get_repository_def())
        requests = schedule.evaluate_tick(context).run_requests
    assert [request.partition_key for request in requests] == ["2026-03-04"]
    assert schedule.job_name == "nightly"


def test_ingest_day_touches_neither_marts_nor_plan(defs):
    selected = {key.path[0] for key in defs.resolve_job_def("ingest_day").asset_layer.executable_asset_keys}
    assert selected == {"landing", "lake", "gate"}
    names = {key.path[-1] for key in defs.resolve_job_def("ingest_day").asset_layer.executable_asset_keys if key.path[0] == "lake"}
    assert names == set(flows.FEEDS)


def test_nightly_holds_every_asset_once(defs, graph):
    held = set(defs.resolve_job_def("nightly").asset_layer.executable_asset_keys)
    assert held | {dg.AssetKey(["health", "page"])} == set(graph.get_all_asset_keys())


def test_the_workspace_names_a_module_that_builds_the_definitions(parsed_dbt, tmp_path, monkeypatch, graph):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path))
    (entry,) = yaml.safe_load((Path(__file__).resolve().parents[2] / "workspace.yaml").read_text())["load_from"]
    monkeypatch.delitem(sys.modules, entry["python_module"]["module_name"], raising=False)
    named = getattr(importlib.import_module(entry["python_module"]["module_name"]), entry["python_module"]["attribute"])
    assert named.resolve_asset_graph().get_all_asset_keys() == graph.get_all_asset_keys()


def test_a_new_start_date_moves_the_first_partition(parsed_dbt, tmp_path):
    graph = build_defs(home=tmp_path / "home", start_date=dt.date(2024, 2, 1)).resolve_asset_graph()
    assert graph.get(dg.AssetKey(["landing", "drop"])).partitions_def.get_first_partition_key() == "2024-02-01"


def test_what_dbt_warns_of_is_a_line_of_the_run(capfd):
    found = {"status": "warn", "unique_id": "test.evenstock.orders_counted.1a2b", "dagster_dbt/failed_row_count": 3}
    for status in ("pass", "warn"):
        _tell_warning(dg.build_asset_context(), dg.AssetObservation(["marts", "fct_demand_daily"], metadata=found | {"status": status}))
    said = capfd.readouterr().err
    assert said.count("dbt test orders_counted warns about 3 rows (fct_demand_daily)") == 1
