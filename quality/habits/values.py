"""Values that jumped by a factor: units counted in packs or pallets (or the other way), and decimals shifted by a comma.

Judges log ratios of values to their own past by medians, over the file, a location, an item, or single values where the past is exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.domain.policy import GatePolicy
from pipelines.extracts.contracts.contract import Column
from quality.habits.history import Floats, Scene, numbers
from quality.verdicts import Failing, GateCheck, examples, freezes_too_much

DECIMAL_FACTORS = (10.0, 100.0, 1000.0)
USUAL_CASES = (6.0, 12.0, 24.0)
MIN_ROWS = 5
MIN_ROWS_BY_LEVEL = 12
EXACT = 0.005
NEAR = 0.15
SPREAD_SIGMAS = 6.0
# Within 0.3 of a log ratio: a factor of two and no factor at all are told apart.
AROUND = 0.3
# The sum of log factors beyond which rows are no multiples by chance: 1 in 100,000.
SURELY_NO_CHANCE = float(np.log(1e5))
LEAST_JUMP = 0.75 * float(np.log(2.0))
THE_FILE = "the file"
DIVISIBLE_BEFORE, DIVISIBLE_NOW = 0.70, 0.97
WHOLE_BEFORE, BROKEN_NOW = 0.95, 0.60
Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class Jump:
    """Values of one column that are `factor` times what they were: all of `what` (the file, a location, an item) or single rows."""

    column: str
    what: str
    factor: str
    rows: Marks
    is_file: bool


def check_unit_mixups(scene: Scene, policy: GatePolicy) -> tuple[GateCheck, list[Failing]]:
    """Quantities that are about a pack or a pallet times (or one such part of) their own past, over a file, a location or an item.

    x = log(value / past), L = log(factor). A group of 5 or more rows jumped if median(x / L) is near 1 and the evidence is hard: half of a
    snapshot's values are near factor x past and few near the past; of events, all are multiples of the pack that were none before, or
    are no whole packs that were whole before, or the median of the file is 6 standard errors from 0 over 12 rows. A promotion moves
    quantities, but not to multiples.
    """
    jumps = []
    for column in scene.values:
        if _is_quantity(scene, column):
            jumps += _find_unit_jumps(scene, column.name)
    return _report(scene, "unit_mixup", jumps, policy, "quantities in the unit of their own past")


def check_shifted_decimals(scene: Scene, policy: GatePolicy) -> tuple[GateCheck, list[Failing]]:
    """Values 10, 100 or 1000 times (or one such part of) their own past: quantities over groups, other numbers each for itself.

    A number of master data may be told from its row alone, since it hardly ever changes; a price on events must be within 15 % of the
    factor while prices keep within it otherwise.
    """
    jumps = []
    for column in scene.values:
        if _is_quantity(scene, column):
            jumps += _find_group_jumps(scene, column.name, {f"{f:g}": np.full(len(scene.rows), f) for f in DECIMAL_FACTORS})
        else:
            jumps += _find_row_jumps(scene, column.name)
    return _report(scene, "shifted_decimals", jumps, policy, "numbers of the size of their own past")


def _is_quantity(scene: Scene, column: Column) -> bool:
    """Units of goods, which change from day to day; a pack size of master data does not."""
    return column.unit == "units" and column.type == "integer" and scene.contract.date_column is not None


def _find_unit_jumps(scene: Scene, column: str) -> list[Jump]:
    packs, pallets = scene.pack_factors("pack_units"), scene.pack_factors("pallet_units")
    factors = {"units per pack": packs, "units per pallet": pallets}
    factors |= {f"{case:g}": np.full(len(scene.rows), case) for case in USUAL_CASES}
    return _find_group_jumps(scene, column, factors)


def _find_group_jumps(scene: Scene, column: str, factors: dict[str, Floats]) -> list[Jump]:
    """Jumps of the whole file or, failing that, of single locations and items; the first factor that fits is told."""
    base, size = scene.base(column), scene.size(column)
    known = (base > 0) & (size > 0)
    if known.sum() < MIN_ROWS:
        return []
    x = np.zeros(len(base))
    x[known] = np.log(size[known] / base[known])
    found: list[Jump] = []
    for what, rows in _groups(scene, known, x):
        if found and found[0].is_file:
            break
        for name, factor in factors.items():
            way = _way(scene, column, rows, base, size, factor)
            if way:
                found.append(Jump(column, what, f"{'' if way > 0 else '1 / '}{name}", rows, what == THE_FILE))
                break
    return found


def _groups(scene: Scene, known: Marks, x: Floats) -> Iterator[tuple[str, Marks]]:
    """The file, then locations and items of 5 or more known rows, as far as their median log ratio could be that of a factor of two."""
    if abs(np.median(x[known])) >= LEAST_JUMP:
        yield THE_FILE, known
    for name in ("location_id", "item_id"):
        if name in scene.rows and not (scene.is_keyed and scene.key == [name]):
            codes, values = pd.factorize(scene.rows[name])
            groups = pd.Series(x[known]).groupby(codes[known])
            found = groups.agg(["median", "size"])
            jumped = (found["median"].abs() >= LEAST_JUMP) & (found["size"] >= MIN_ROWS) & (found["size"] < known.sum())
            for code in found.index[jumped]:
                yield f"{name.removesuffix('_id')} {values[code]}", known & (codes == code)


def _way(scene: Scene, column: str, rows: Marks, base: Floats, size: Floats, factor: Floats) -> int:
    """1 if the values of `rows` are `factor` times their past, -1 if one such part of it, else 0."""
    usable = rows & (factor >= 2)
    if usable.sum() < MIN_ROWS:
        return 0
    x, limit = np.log(size[usable] / base[usable]), np.log(factor[usable])
    for way in (1, -1):
        fit = way * float(np.median(x / limit))
        if 0.75 <= fit <= 1.3 and _is_proved(scene, column, usable, x, way, fit, base, size, factor):
            return way
    return 0


def _is_proved(scene: Scene, column: str, rows: Marks, x: Floats, way: int, fit: float, base: Floats, size: Floats, factor: Floats) -> bool:
    limit = np.log(factor[rows])
    if scene.is_keyed:
        jumped, stayed = float((np.abs(x - way * limit) <= AROUND).mean()), float((np.abs(x) <= AROUND).mean())
        return jumped >= 0.5 and jumped > stayed + 0.3
    if limit.sum() >= SURELY_NO_CHANCE:
        whole_now, whole_before = float((size[rows] % factor[rows] == 0).mean()), _whole_before(scene, column, rows, factor)
        if way > 0 and whole_before <= DIVISIBLE_BEFORE and whole_now >= DIVISIBLE_NOW:
            return True
        if way < 0 and whole_before >= WHOLE_BEFORE and whole_now <= BROKEN_NOW:
            return True
    error = 1.2533 * 1.4826 * float(np.median(np.abs(x - np.median(x)))) / np.sqrt(len(x))
    sure = abs(float(np.median(x))) >= max(SPREAD_SIGMAS * error, np.log(3.0))
    is_file = rows.sum() >= 0.5 * ((base > 0) & (size > 0)).sum()
    return is_file and len(x) >= MIN_ROWS_BY_LEVEL and sure and abs(fit - 1.0) <= 0.2


def _whole_before(scene: Scene, column: str, rows: Marks, factor: Floats) -> float:
    """Share of recent rows of the same items whose value is a multiple of the factor; 1 where nothing is known."""
    recent = scene.history.recent
    if column not in recent or "item_id" not in recent or not len(recent):
        return 1.0
    per_item = pd.Series(factor[rows], index=scene.rows["item_id"].to_numpy()[rows])
    per_item = per_item[~per_item.index.duplicated()]
    past = recent[recent["item_id"].isin(per_item.index)]
    sizes = np.abs(numbers(past[column]))
    divisor = per_item.reindex(past["item_id"]).to_numpy(dtype=float)
    used = sizes > 0
    return float((sizes[used] % divisor[used] == 0).mean()) if used.any() else 1.0


def _find_row_jumps(scene: Scene, column: str) -> list[Jump]:
    base, size = scene.base(column), scene.size(column)
    known = (base > 0) & (size > 0)
    if not known.any():
        return []
    x = np.full(len(size), np.nan)
    x[known] = np.log(size[known] / base[known])
    near = EXACT if scene.is_keyed else NEAR
    if not scene.is_keyed and np.nanmean(np.abs(x) <= near) < 0.5 and known.sum() >= MIN_ROWS and not _keeps_level(scene, column):
        return []
    found = []
    for factor in DECIMAL_FACTORS:
        for way in (1, -1):
            hit = known & (np.abs(x - way * np.log(factor)) <= near)
            if hit.any():
                found.append(Jump(column, f"{hit.sum()} rows", f"{'' if way > 0 else '1 / '}{factor:g}", hit, False))
    return found


def _keeps_level(scene: Scene, column: str) -> bool:
    """True if nine of ten recent rows are within 15 % of their item's median, so that a factor of ten means something."""
    recent = scene.history.recent
    if not scene.level_key or column not in recent:
        return False
    sizes, (past, _) = np.abs(numbers(recent[column])), scene.level_codes
    usual = pd.Series(sizes).groupby(past).transform("median").to_numpy()
    used = (sizes > 0) & (usual > 0)
    return bool(used.any()) and float((np.abs(np.log(sizes[used] / usual[used])) <= NEAR).mean()) >= 0.9


def _report(scene: Scene, rule: str, jumps: list[Jump], policy: GatePolicy, expected: str) -> tuple[GateCheck, list[Failing]]:
    """One check of all jumps: a file's or too many rows' block, few rows' warn and name their item-locations."""
    rows = np.zeros(len(scene.rows), dtype=bool)
    for jump in jumps:
        rows |= jump.rows
    blocks = any(jump.is_file for jump in jumps) or freezes_too_much(int(rows.sum()), len(scene.rows), policy.max_frozen_share)
    said = [f"{jump.column} of {jump.what} is {jump.factor} times its past" for jump in jumps]
    check = GateCheck(rule, not jumps, "block" if blocks else "warn", f"{rows.sum()} of {len(scene.rows)} rows", expected, examples(said))
    return check, [] if blocks else name_rows(scene.contract.feed, scene.rows[rows], rule, "; ".join(said[:2]))


def name_rows(feed: str, rows: pd.DataFrame, rule: str, reason: str) -> list[Failing]:
    """The item-locations of rows, with their places in the source; an empty id stands for all."""
    return [
        Failing(place, item, rule, reason, feed, int(line))
        for place, item, line in zip(*(_texts(rows, name) for name in ("location_id", "item_id")), _lines(rows), strict=True)
        if place or item
    ]


def _texts(frame: pd.DataFrame, name: str) -> list[str]:
    return frame[name].fillna("").astype(str).tolist() if name in frame else [""] * len(frame)


def _lines(frame: pd.DataFrame) -> list[int]:
    return frame["_source_line"].tolist() if "_source_line" in frame else [0] * len(frame)
