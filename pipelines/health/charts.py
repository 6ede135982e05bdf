"""Small charts as coordinates: lines and bars of daily counts scaled into a box, for SVG that a template writes. No markup here."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line with gaps: one `points` text per unbroken stretch, lone days as dots, the last day, and the height of the reference."""

    stretches: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    last: tuple[float, float] | None
    reference: float | None


@dataclass(frozen=True)
class Bar:
    """One bar; a day without rows has none."""

    x: float
    y: float
    width: float
    height: float


def line_chart(values: Sequence[int | None], width: float, height: float, reference: float | None = None, margin: float = 3.0) -> Line:
    """Daily values from the left to the right edge, zero at the bottom; None leaves a gap.

    >>> line_chart([0, 10, None, 5], 36, 16).stretches
    ('3,13 13,3',)
    """
    known = [value for value in values if value is not None]
    top = max([*known, reference or 0, 1])
    spots = [None if v is None else (_x(n, len(values), width, margin), _y(v, top, height, margin)) for n, v in enumerate(values)]
    runs = _runs(spots)
    return Line(
        stretches=tuple(" ".join(f"{x:g},{y:g}" for x, y in run) for run in runs if len(run) > 1),
        dots=tuple(run[0] for run in runs if len(run) == 1),
        last=spots[-1] if spots else None,
        reference=_y(reference, top, height, margin) if reference else None,
    )


def bar_chart(values: Sequence[int], width: float, height: float, gap: float = 1.0) -> list[Bar]:
    """Bars of equal width, the highest as high as the box; a small count is never invisible.

    >>> [bar.height for bar in bar_chart([0, 5, 10], 30, 20)]
    [10.0, 20.0]
    """
    step, top = width / max(len(values), 1), max([*values, 1])
    bars = []
    for n, value in enumerate(values):
        if value > 0:
            tall = max(2.0, round(height * value / top, 2))
            bars.append(Bar(round(n * step, 2), round(height - tall, 2), round(step - gap, 2), tall))
    return bars


def _x(n: int, count: int, width: float, margin: float) -> float:
    return round(margin + n * (width - 2 * margin) / max(count - 1, 1), 2)


def _y(value: float, top: float, height: float, margin: float) -> float:
    return round(height - margin - value / top * (height - 2 * margin), 2)


def _runs(spots: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for spot in spots:
        if spot is None:
            runs.append([])
        else:
            runs[-1].append(spot)
    return [run for run in runs if run]
