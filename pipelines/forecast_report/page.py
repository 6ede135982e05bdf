"""The document of a backtest as one page: no script, nothing from elsewhere, foreign text escaped. Figures are averaged, never judged."""

import functools
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from pipelines.domain.foreign_text import clean
from pipelines.forecast_report.plots import as_line, curve_points, fan_plot

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
RULES = {"evenstock": "Evenstock", "seasonal naive": "seasonal naive", "naive": "naive", "zero": "zero forecast"}
CLASSES = {"all": "all series", "fast": "fast, 3 or more a day", "mid": "mid, 0.8 to 3 a day", "slow": "slow, below 0.8 a day"}
NOTHING = "–"
T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def render_report(document: dict[str, Any]) -> str:
    """The page of a backtest's document. The same document gives the same text."""
    from markupsafe import Markup

    style = Markup((TEMPLATES / "backtest.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file, no foreign text
    return _environment().get_template("backtest.html.j2").render(doc=document, style=style, view=_view(document))


def _view(document: dict[str, Any]) -> dict[str, Any]:
    origins = document["origins"]
    ratios = [one["wrmsse"]["evenstock"]["mean"] / one["wrmsse"]["seasonal naive"]["mean"] for one in origins]
    return {
        "ratio": spread([value for value in ratios if value == value]),
        "levels": _level_rows(origins),
        "classes": _class_rows(origins),
        "sums": {name: _sum_rows(origins, name) for name in origins[-1]["sums"]},
        "periods": {name: spread([one["periods"][name] for one in origins]) for name in origins[-1]["periods"]},
        "curves": {name: _curves(origins, name, document) for name in origins[-1]["curve"]},
        "fans": [(fan, fan_plot(fan)) for fan in document["fans"]],
    }


def spread(values: list[float]) -> dict[str, float | None]:
    """Mean over origins and half the width of its 95 % interval (Student's t); no width from fewer than two.

    >>> spread([1.0, 3.0])["mean"], spread([2.0])["half"]
    (2.0, None)
    """
    if not values:
        return {"mean": None, "half": None}
    count = len(values)
    half = T_95.get(count - 1, 1.96) * stdev(values) / count**0.5 if count > 1 else None
    return {"mean": mean(values), "half": half}


def _level_rows(origins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for level in origins[-1]["wrmsse"]["evenstock"]:
        found = {rule: mean(one["wrmsse"][rule][level] for one in origins) for rule in RULES}
        rows.append(
            {"name": "mean of all levels" if level == "mean" else level, **found, "ratio": found["evenstock"] / found["seasonal naive"]}
        )
    return rows[1:] + rows[:1]


def _class_rows(origins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for name, said in CLASSES.items():
        for rule, rule_said in RULES.items():
            cells = [one["series"][rule][name] for one in origins if one["series"][rule][name]["series"]]
            if cells:
                figures = {key: spread([cell[key] for cell in cells if cell[key] == cell[key]]) for key in ("RMSSE", "WAPE", "bias")}
                rows.append(
                    {
                        "class": said,
                        "rule": rule_said,
                        "is_ours": rule == "evenstock",
                        "series": mean(c["series"] for c in cells),
                        **figures,
                    }
                )
    return rows


def _sum_rows(origins: list[dict[str, Any]], span: str) -> list[dict[str, Any]]:
    rows = []
    for name, said in CLASSES.items():
        cells = [one["sums"][span][name] for one in origins if one["sums"][span][name]["series"]]
        if cells:
            keys = [key for key in cells[0] if key != "series"]
            rows.append({"class": said, "series": mean(c["series"] for c in cells), **{key: mean(c[key] for c in cells) for key in keys}})
    return rows


def _curves(origins: list[dict[str, Any]], span: str, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Calibration by class, mean over origins."""
    found = []
    for name, said in CLASSES.items():
        curves = [one["curve"][span][name] for one in origins if name in one["curve"][span]]
        if curves:
            values = [mean(column) for column in zip(*curves, strict=True)]
            points = curve_points([round((n + 1) / (len(values) + 1), 4) for n in range(len(values))], values)
            found.append({"class": said, "key": name, "points": points, "line": as_line(points)})
    return found


@functools.cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else clean("" if value is None else value),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({"three": _three, "percent": _percent, "within": _within, "signed": _signed})
    return environment


def _three(value: float | None) -> str:
    return NOTHING if value is None or value != value else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return NOTHING if value is None or value != value else f"{value:.1%}"


def _signed(found: dict[str, float | None]) -> str:
    value = found["mean"]
    return NOTHING if value is None else f"{value:+.1%}".replace("-", "−")


def _within(found: dict[str, float | None]) -> str:
    """Mean and half width of the interval, 0.712 ± 0.034."""
    return _three(found["mean"]) + ("" if found["half"] is None else f" ± {found['half']:.3f}")
