"""Which item may move on which lane: donors and receivers joined over usable lanes, kept where the first pack can pay.

Works on item-location rows and lanes as frames. Curves are computed elsewhere; the choice among arcs is the solver's.
"""

import datetime as dt

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DAYS_PER_WEEK = 7.0
EVERY_DAY = "1234567"
NO_RECEIVER = ("discontinued",)


def next_ship_date(as_of: dt.date, weekdays: str | None) -> dt.date | None:
    """First day after `as_of` on which a lane ships; `weekdays` holds ISO digits (1 = Monday), empty means every day.

    Returns None where no digit is a weekday: such a lane never ships.

    >>> next_ship_date(dt.date(2016, 2, 5), "12345").isoformat()
    '2016-02-08'
    """
    text = EVERY_DAY if weekdays is None or pd.isna(weekdays) or not str(weekdays).strip() else str(weekdays)
    for step in range(1, 8):
        day = as_of + dt.timedelta(days=step)
        if str(day.isoweekday()) in text:
            return day
    return None


def arrival_week(days: float) -> int:
    """Week whose start is nearest to `days` after the first day of week 0: floor((days + 3) / 7), never below 0.

    >>> [arrival_week(days) for days in (2, 4, 7, 11)]
    [0, 1, 1, 2]
    """
    return max(0, int(np.floor((days + 3.0) / DAYS_PER_WEEK)))


def prepare_lanes(lanes: pd.DataFrame, lane_parameters: pd.DataFrame, as_of: dt.date, exact_tariffs: bool = False) -> pd.DataFrame:
    """Lanes sorted by id with what was learned about them: `lead_days`, `yield_share`, dates, `arrival_weeks` and `is_usable`.

    A weight tariff max(minimum, rate x kg) is charged as rate x kg per unit plus the minimum on every truck: never less than the carrier
    asks, so no plan lives on freight that was not priced. `exact_tariffs` leaves it out of units (`charged_usd_per_kg`) and trucks: then
    it is a term of the problem. A learned mean lead time or yield replaces the master data's; customs days come on top.
    `arrival_weeks` is continuous in the learned mean: (ship date - first day of week 0 + lead) / 7.
    """
    frame = lanes.sort_values("lane_id").reset_index(drop=True)
    learned = lane_parameters.drop_duplicates("lane_id", keep="last").set_index("lane_id") if len(lane_parameters) else None

    def learn(name: str, default: pd.Series) -> pd.Series:
        if learned is None or name not in learned:
            return default
        return frame["lane_id"].map(learned[name]).astype(float).fillna(default)

    for name in ("rate_usd_per_kg", "minimum_cost_usd"):
        frame[name] = frame[name].astype(float).fillna(0.0) if name in frame else 0.0
    frame["charged_usd_per_kg"] = 0.0 if exact_tariffs else frame["rate_usd_per_kg"]
    frame["truck_cost_usd"] = frame["truck_cost_usd"].astype(float) + (0.0 if exact_tariffs else frame["minimum_cost_usd"])
    mean_days = learn("lead_time_days_mean", frame["lead_time_days_mean"].astype(float)).clip(lower=0.0)
    frame["lead_days"] = mean_days + frame["customs_days"].fillna(0).astype(float)
    frame["yield_share"] = learn("yield_share", pd.Series(1.0, index=frame.index)).clip(0.0, 1.0)
    ships = [next_ship_date(as_of, text) for text in frame["weekdays"]]
    first_day = as_of + dt.timedelta(days=1)
    waits = [0 if day is None else (day - first_day).days for day in ships]
    frame["arrival_weeks"] = (np.array(waits, dtype=float) + frame["lead_days"]) / DAYS_PER_WEEK
    frame["ship_date"] = pd.Series(ships, index=frame.index, dtype=object)
    frame["arrival_date"] = pd.Series(
        [None if day is None else day + dt.timedelta(days=int(lead + 0.5)) for day, lead in zip(ships, frame["lead_days"], strict=True)],
        index=frame.index,
        dtype=object,
    )
    frame["is_usable"] = frame["is_allowed"].astype(bool) & (frame["origin"] != frame["destination"]) & frame["ship_date"].notna()
    return frame


def pair_rows(rows: pd.DataFrame, lanes: pd.DataFrame) -> pd.DataFrame:
    """Every item on every usable lane from a donor row to a receiver row: `lane`, `donor`, `receiver` (positions), sorted by item, lane.

    `rows` has item_id, location_id, is_donor, is_receiver; a row that could be both sends nothing to itself, as lanes join two places.
    """
    items, item_code = np.unique(rows["item_id"].to_numpy(dtype=object).astype(str), return_inverse=True)
    places, place_code = np.unique(rows["location_id"].to_numpy(dtype=object).astype(str), return_inverse=True)
    row_of = np.full((len(items), len(places)), -1, dtype=np.int64)
    row_of[item_code, place_code] = np.arange(len(rows))
    donor_ok = np.append(rows["is_donor"].to_numpy(dtype=bool), False)
    receiver_ok = np.append(rows["is_receiver"].to_numpy(dtype=bool), False)
    code_of = {place: code for code, place in enumerate(places)}
    found = []
    for position, (origin, destination, usable) in enumerate(zip(lanes["origin"], lanes["destination"], lanes["is_usable"], strict=True)):
        if usable and origin in code_of and destination in code_of:
            donors, receivers = row_of[:, code_of[origin]], row_of[:, code_of[destination]]
            hit = np.flatnonzero(donor_ok[donors] & receiver_ok[receivers])
            found.append(np.column_stack([hit, np.full(len(hit), position), donors[hit], receivers[hit]]))
    table = np.concatenate(found) if found else np.zeros((0, 4), dtype=np.int64)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    return pd.DataFrame(table[:, 1:], columns=["lane", "donor", "receiver"])


def fastest_arrival(pairs: pd.DataFrame, lanes: pd.DataFrame, row_count: int) -> NDArray[np.float64]:
    """Earliest `arrival_weeks` over the lanes that can serve each row, infinite where none can; `(row_count,)`."""
    fastest = np.full(row_count, np.inf)
    np.minimum.at(fastest, pairs["receiver"].to_numpy(), lanes["arrival_weeks"].to_numpy()[pairs["lane"].to_numpy()])
    return fastest


def keep_paying(pairs: pd.DataFrame) -> pd.Series:
    """True where the first pack's gain and loss exceed its landed cost, and all packs at that margin exceed the line's fixed cost.

    Needs first_gain_usd, first_loss_usd (per pack), unit_cost_usd, pack_units, max_packs, line_cost_usd. Pallets and trucks are left out:
    lanes share them, so an arc that cannot pay a truck alone may still ride along. Values never rise along a curve, hence nothing that a
    best plan could use is dropped.
    """
    first = pairs["first_gain_usd"] + pairs["first_loss_usd"] - pairs["pack_units"] * pairs["unit_cost_usd"]
    return (pairs["max_packs"] >= 1) & (first > 0.0) & (first * pairs["max_packs"] > pairs["line_cost_usd"])
