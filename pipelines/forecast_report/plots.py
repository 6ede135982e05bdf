"""Plots as coordinates for SVG: fans of weekly demand and calibration curves, scaled into a box. No markup here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FAN_WIDTH, FAN_HEIGHT = 340.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 8.0, 8.0, 22.0
CURVE_SIZE = 300.0


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where, and what stands there."""

    at: float
    text: str


@dataclass(frozen=True)
class Fan:
    """History, what came and mean as polylines; bands as polygons, wide first; where the forecast begins; ticks of the units axis."""

    history: str
    came: str
    dots: tuple[tuple[float, float], ...]
    mean: str
    bands: tuple[str, ...]
    begins: float
    ticks: tuple[Tick, ...]
    weeks: tuple[Tick, ...]


def fan_plot(fan: dict[str, Any]) -> Fan:
    """Coordinates of one series' fan: past weeks to the left of the origin, forecast weeks to the right."""
    quantiles = fan["quantiles"]
    past, ahead = len(fan["history"]), len(fan["mean"])
    known = [value for value in fan["came"] if value is not None]
    top = max([*fan["history"], *quantiles["0.95"], *known, *fan["mean"], 1e-9]) * 1.05
    step = (FAN_WIDTH - LEFT - RIGHT) / max(past + ahead - 1, 1)

    def spot(week: int, value: float) -> tuple[float, float]:
        return round(LEFT + week * step, 1), round(FAN_HEIGHT - BOTTOM - value / top * (FAN_HEIGHT - TOP - BOTTOM), 1)

    def line(values: Sequence[float], start: int) -> str:
        return " ".join(f"{x:g},{y:g}" for x, y in (spot(start + n, value) for n, value in enumerate(values)))

    def band(low: Sequence[float], high: Sequence[float]) -> str:
        upper = [spot(past + n, value) for n, value in enumerate(high)]
        lower = [spot(past + n, value) for n, value in enumerate(low)]
        return " ".join(f"{x:g},{y:g}" for x, y in [*upper, *lower[::-1]])

    dots = tuple(spot(past + n, value) for n, value in enumerate(fan["came"]) if value is not None)
    return Fan(
        history=line(fan["history"], 0),
        came=" ".join(f"{x:g},{y:g}" for x, y in dots),
        dots=dots,
        mean=line(fan["mean"], past),
        bands=(band(quantiles["0.05"], quantiles["0.95"]), band(quantiles["0.25"], quantiles["0.75"])),
        begins=round(LEFT + (past - 0.5) * step, 1),
        ticks=tuple(Tick(spot(0, share * top)[1], f"{share * top:.3g}") for share in (0.0, 0.5, 1.0)),
        weeks=tuple(Tick(spot(week, 0)[0], f"{week - past + 1:+d}") for week in (0, past, past + ahead - 1)),
    )


def curve_points(nominal: Sequence[float], found: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Points of a calibration curve in a square box: quantile to the right, share of sums below it upwards.

    >>> curve_points([0.5], [0.5])
    ((166.0, 143.0),)
    """
    width, height = CURVE_SIZE - LEFT - RIGHT, CURVE_SIZE - TOP - BOTTOM
    return tuple((round(LEFT + x * width, 1), round(CURVE_SIZE - BOTTOM - y * height, 1)) for x, y in zip(nominal, found, strict=True))


def as_line(points: Sequence[tuple[float, float]]) -> str:
    """Points as the text of a polyline."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)
