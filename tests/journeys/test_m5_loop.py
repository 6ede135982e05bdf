"""The loop on real demand: samples of M5 in ten warehouses, for a week here and for twelve weeks in the soak."""

import pandas as pd
import pytest

from dagster_project.closed_loop import run_closed_loop
from pipelines.settings import load_settings
from pipelines.store.publication import current, verify


def test_a_week_of_m5(real_data, parsed_dbt, tmp_path):
    """Two nights and the week between them, under a policy that approves every lane: trucks go, and no unit is lost on the way."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "policy.yaml").write_text("approval: {max_donor_share: 1.0, max_line_cost_usd: 100000.0}\n")
    settings = load_settings(home=home, real_data=real_data)
    report = run_closed_loop(settings, demand="m5", items=120, days=7, seed=0)
    assert (report.locations, report.items, len(report.nights)) == (10, 120, 2)
    assert report.with_transfers["transfer_units"] > 0
    assert all(night.figures["status"] in ("OPTIMAL", "FEASIBLE") for night in report.nights)
    assert report.with_transfers["demand_units"] == report.without_transfers["demand_units"] > 0
    assert report.refused_dispatches == []
    publication = current(settings.folders.published)
    assert publication.as_of == report.last_day and verify(publication.path) == []
    assert publication.manifest["marts"]["dim_location"]["rows"] == 10
    assert_units_agree(settings.folders.published, report.twin)


@pytest.mark.soak
def test_m5_twelve_weeks(real_data, parsed_dbt, tmp_path):
    """Sixty items in ten warehouses for 84 days without a hand: thirteen plans, every unit of the world in the marts, a cheaper world."""
    settings = load_settings(home=tmp_path / "home", real_data=real_data)
    report = run_closed_loop(settings, demand="m5", items=60, days=84, seed=0)
    assert len(report.nights) == 13 and report.refused_dispatches == []
    assert_units_agree(settings.folders.published, report.twin)
    assert report.with_transfers["transfer_units"] > 0
    assert report.with_transfers["total_cost_usd"] < report.without_transfers["total_cost_usd"]


def assert_units_agree(published, twin):
    """Item by item, what the marts hold on hand and in transit is what the world holds."""
    rows = pd.read_parquet(current(published).path / "marts" / "fct_plan_inputs.parquet")
    units = rows.groupby("item_id")[["on_hand_units", "in_transit_in_units"]].sum()
    for of, item in enumerate(twin.demand.item_ids):
        held = (twin.stock.on_hand[:, of].sum(), twin.stock.in_transit[:, of].sum())
        assert tuple(units.loc[item]) == held, item
