"""The ladder of what can be done about each imbalance: inbound, transfer, reorder, markdown, hold, costed side by side.

Every option is money against holding, that is doing nothing, until the next supply; on the mean path, undiscounted. No option is chosen.
"""

import numpy as np
import pandas as pd

from pipelines.domain.policy import Policy
from pipelines.planning.line_facts import PlanView

SHORT_FROM_UNITS = 0.5
WEEKS_OF_YEAR = 52.0
OPTIONS = ("inbound", "transfer", "reorder", "markdown", "hold")
DISPOSITION_COLUMNS = [
    *("location_id", "item_id", "imbalance", "imbalance_units", "option", "option_units", "value_usd", "cost_usd", "net_usd", "is_best"),
]


def dispositions(view: PlanView, lines: pd.DataFrame) -> pd.DataFrame:
    """One row per imbalance and option, columns `DISPOSITION_COLUMNS`, sorted by location, item and ladder.

    A shortage is what the mean path loses before the next supply; a surplus is what is left at its lowest beyond `surplus_cover_weeks` of
    demand, or at the end of sale of what is phased out. `option_units` of them are put right by the option; net_usd = value - cost; the
    best option has the highest net, the first of the ladder among equals. `lines` are the plan's lines: a transfer is what the plan does.
    """
    policy, rows = view.case.context.policy, view.case.context.rows
    short = rows[(rows["lost_units"] >= SHORT_FROM_UNITS) & ~rows["is_closed"]]
    kept = np.where(rows["is_phased_out"], 0.0, policy.disposition.surplus_cover_weeks * rows["weekly_mean_units"])
    left = rows["floor_units"] - kept
    over = rows.assign(surplus_units=left)[(left >= rows["units_per_pack"]).to_numpy()]
    tables = [*_for_shortages(short, lines, policy), *_for_surplus(over, lines, policy)]
    frame = pd.concat([table for table in tables if len(table)]) if any(map(len, tables)) else pd.DataFrame(columns=DISPOSITION_COLUMNS)
    numbers = ["imbalance_units", "option_units", "value_usd", "cost_usd"]
    frame[numbers] = frame[numbers].astype(float).round(6) + 0.0
    frame["net_usd"] = (frame["value_usd"] - frame["cost_usd"]).round(6) + 0.0
    frame["rung"] = frame["option"].map({option: n for n, option in enumerate(OPTIONS)}).astype("int64")
    frame = frame.sort_values(["location_id", "item_id", "rung"]).reset_index(drop=True)
    best = frame.sort_values(["net_usd", "rung"], ascending=[False, True]).groupby(["location_id", "item_id"]).head(1).index
    return frame.assign(is_best=frame.index.isin(best))[DISPOSITION_COLUMNS]


def _option(
    rows: pd.DataFrame, imbalance: str, size: str, option: str, units: pd.Series, value: pd.Series, cost: pd.Series
) -> pd.DataFrame:
    table = rows[["location_id", "item_id"]].assign(imbalance=imbalance, imbalance_units=rows[size], option=option)
    return table.assign(option_units=units, value_usd=value, cost_usd=cost)


def _moved(rows: pd.DataFrame, lines: pd.DataFrame, place: str, names: tuple[str, ...]) -> pd.DataFrame:
    """Sums of the plan's lines at one end of them, per row, 0 where there are none."""
    sums = lines.groupby(["item_id", place])[list(names)].sum() if len(lines) else pd.DataFrame(columns=list(names), dtype=float)
    index = pd.MultiIndex.from_frame(rows[["item_id", "location_id"]])
    found = sums.reindex(index) if len(lines) else pd.DataFrame(0.0, index=index, columns=list(names))
    return found.fillna(0.0).astype(float).set_index(rows.index)


def _for_shortages(rows: pd.DataFrame, lines: pd.DataFrame, policy: Policy) -> list[pd.DataFrame]:
    """Expedite what is on its way, transfer, order today, or lose the sales. Markdown is no answer to a shortage."""
    value, none = rows["unit_value_usd"], pd.Series(0.0, index=rows.index)
    coming = rows["expedite_saves_units"]
    moved = _moved(rows, lines, "destination", ("units", "benefit_usd", "cost_usd"))
    sooner = rows["reorder_saves_units"]
    expedite = policy.disposition.expedite_cost_usd_per_unit
    return [
        _option(rows, "shortage", "lost_units", "inbound", coming, value * coming, expedite * rows["late_supply_units"] * (coming > 0)),
        _option(rows, "shortage", "lost_units", "transfer", moved["units"], moved["benefit_usd"], moved["cost_usd"]),
        _option(rows, "shortage", "lost_units", "reorder", sooner, value * sooner, policy.disposition.order_cost_usd * (sooner > 0)),
        _option(rows, "shortage", "lost_units", "hold", none, none, none),
    ]


def _for_surplus(rows: pd.DataFrame, lines: pd.DataFrame, policy: Policy) -> list[pd.DataFrame]:
    """Cancel what is on its way, transfer, mark down, or hold. Ordering is no answer to a surplus.

    Holding a unit costs unit cost x yearly rate for half the time that the surplus takes to sell, a year at most: every option is credited
    with what it saves of that. A unit marked down gives up its discount; one that nobody would buy in a year is sold for its discounted
    price.
    """
    finance, units = policy.finance, rows["surplus_units"]
    rate = finance.capital_rate + finance.insurance_rate + finance.obsolescence_rate
    weeks = np.minimum(units / rows["weekly_mean_units"].clip(lower=1e-9), WEEKS_OF_YEAR)
    held = rows["unit_cost_usd"] * rate * weeks / WEEKS_OF_YEAR / 2.0
    price, discount = rows["unit_cost_usd"] + rows["unit_margin_usd"], policy.disposition.markdown_share
    unsold = (units - rows["weekly_mean_units"] * WEEKS_OF_YEAR).clip(lower=0.0)
    cancelled = np.minimum(rows["supply_units"], units)
    sent = _moved(rows, lines, "origin", ("units", "net_usd"))
    none = pd.Series(0.0, index=rows.index)
    regained = unsold * price * (1.0 - discount)
    return [
        _option(rows, "surplus", "surplus_units", "inbound", cancelled, held * cancelled, none),
        _option(rows, "surplus", "surplus_units", "transfer", sent["units"], sent["net_usd"] + held * sent["units"], none),
        _option(rows, "surplus", "surplus_units", "markdown", units, held * units + regained, discount * price * (units - unsold)),
        _option(rows, "surplus", "surplus_units", "hold", none, none, none),
    ]
