"""The loop on real demand: a small sample of M5 in ten warehouses, for two weeks."""

from dagster_project.closed_loop import run_closed_loop
from pipelines.settings import load_settings
from pipelines.store.publication import current, verify


def test_two_weeks_of_m5(real_data, parsed_dbt, tmp_path):
    """The policy is bold, because eight items seldom pay for a truck."""
    settings = load_settings(home=tmp_path / "home", real_data=real_data)
    settings.home.mkdir()
    settings.folders.policy_file.write_text("planning: {gamma: 1.0, eta: 1.0}\n")
    report = run_closed_loop(settings, demand="m5", items=8, days=14, seed=0)
    assert (report.locations, report.items, len(report.nights)) == (10, 8, 3)
    assert all(night.figures["status"] in ("OPTIMAL", "FEASIBLE") for night in report.nights)
    assert report.with_transfers["demand_units"] == report.without_transfers["demand_units"] > 0
    assert report.with_transfers["transfer_units"] > 0 and report.refused_dispatches == []
    publication = current(settings.folders.published)
    assert publication.as_of == report.last_day and verify(publication.path) == []
    assert publication.manifest["marts"]["dim_location"]["rows"] == 10
