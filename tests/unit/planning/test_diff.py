"""Differences between two plans."""

import pandas as pd

from pipelines.planning.diff import DIFF_COLUMNS, diff_plans


def lines(**units):
    return pd.DataFrame(
        [{"item_id": item, "lane_id": "A>B:road", "units": n, "net_usd": 1.5 * n} for item, n in units.items()],
        columns=["item_id", "lane_id", "units", "net_usd"],
    )


def test_added_dropped_and_changed_lines_are_told_and_equal_ones_are_not():
    found = diff_plans(lines(same=6, less=12, gone=6), lines(same=6, less=6, new=18))
    assert found.to_dict("records") == [
        dict(zip(DIFF_COLUMNS, row, strict=True))
        for row in [
            ("gone", "A>B:road", "dropped", 6, 0, 9.0, 0.0),
            ("less", "A>B:road", "changed", 12, 6, 18.0, 9.0),
            ("new", "A>B:road", "added", 0, 18, 0.0, 27.0),
        ]
    ]


def test_a_plan_against_itself_and_empty_plans():
    assert len(diff_plans(lines(a=6), lines(a=6))) == 0
    assert diff_plans(lines(), lines(a=6))["change"].tolist() == ["added"]
    assert diff_plans(lines(a=6), lines())["change"].tolist() == ["dropped"]
    assert list(diff_plans(lines(), lines()).columns) == DIFF_COLUMNS
