"""What changed between two plans, line by line. Why it changed is for the explanation of each plan."""

import pandas as pd

DIFF_COLUMNS = ["item_id", "lane_id", "change", "units_before", "units_after", "net_usd_before", "net_usd_after"]


def diff_plans(lines_a: pd.DataFrame, lines_b: pd.DataFrame) -> pd.DataFrame:
    """Lines that plan B adds, drops or changes against plan A; lines of equal units are left out. Sorted by lane and item.

    Both frames are plan lines; a line is the same line when item and lane are the same, whatever its plan date. Absent units and money
    count as 0.

    >>> a = pd.DataFrame({"item_id": ["S"], "lane_id": ["A>B:road"], "units": [6], "net_usd": [4.0]})
    >>> diff_plans(a, a.assign(units=12, net_usd=7.0))[["change", "units_before", "units_after"]].values.tolist()
    [['changed', 6, 12]]
    """
    key, kept = ["item_id", "lane_id"], ["item_id", "lane_id", "units", "net_usd"]
    both = lines_a[kept].merge(lines_b[kept], on=key, how="outer", suffixes=("_before", "_after"), indicator="side")
    both["change"] = both["side"].astype(str).map({"left_only": "dropped", "right_only": "added", "both": "changed"})
    for name in ("units_before", "units_after"):
        both[name] = both[name].fillna(0).astype("int64")
    for name in ("net_usd_before", "net_usd_after"):
        both[name] = both[name].fillna(0.0).astype(float)
    moved = both[(both["change"] != "changed") | (both["units_before"] != both["units_after"])]
    return moved.sort_values(["lane_id", "item_id"])[DIFF_COLUMNS].reset_index(drop=True)
