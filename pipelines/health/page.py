"""The health document as one self-contained page: no script, nothing from elsewhere, all foreign text escaped and its steering shown."""

import base64
import datetime as dt
import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.foreign_text import clean
from pipelines.health.advice import reason_text
from pipelines.health.charts import bar_chart, line_chart
from pipelines.health.headline import count_text, day_text, usd_text

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
PAGE_TEMPLATE = "health.html.j2"
STYLE = "health.css"
NOTHING = "–"


def render_page(body: dict[str, Any]) -> str:
    """The page of a health document. The same document gives the same text."""
    from markupsafe import Markup

    style = (TEMPLATES / STYLE).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = _environment().get_template(PAGE_TEMPLATE)
    return page.render(health=body, style=Markup(style), style_sha256=digest)  # noqa: S704 - our own file, no foreign text


@functools.cache
def _environment() -> "Environment":
    """Every value that a template writes is escaped, and its control and direction characters are made visible first."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        return value if isinstance(value, Markup) else clean("" if value is None else value)

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=8,
    )
    filters: dict[str, Callable[..., Any]] = {
        "figure": _figure, "usd": _usd, "change": _change, "long_day": _long_day, "short_day": _short_day, "clock": _clock,
    }  # fmt: skip
    environment.filters.update(filters)
    functions: dict[str, Any] = {
        "line_chart": line_chart, "bar_chart": bar_chart, "count_text": count_text, "span_text": _span, "shown_trend": _shown_trend,
        "reason_text": reason_text,
    }  # fmt: skip
    environment.globals.update(functions)
    return environment


def _figure(value: float | None) -> str:
    """A count or quantity with thousands marks.

    >>> _figure(1234), _figure(2.5), _figure(None)
    ('1,234', '2.5', '–')
    """
    return NOTHING if value is None else f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _usd(value: float | None) -> str:
    return NOTHING if value is None else usd_text(value)


def _change(share: float | None) -> str:
    """A change as a signed percentage with a real minus sign.

    >>> _change(0.034), _change(-0.5), _change(0.0)
    ('+3%', '−50%', '±0%')
    """
    if share is None:
        return NOTHING
    percent = round(100 * share)
    return f"+{percent:,}%" if percent > 0 else f"−{-percent:,}%" if percent < 0 else "±0%"


def _long_day(text: str) -> str:
    return day_text(dt.date.fromisoformat(text))


def _short_day(text: str) -> str:
    day = dt.date.fromisoformat(text)
    return f"{day.day} {day:%b}"


def _clock(text: str) -> str:
    """The time of an arrival as its sidecar gives it, or the text as it is.

    >>> _clock("2026-01-31T02:03:04+00:00"), _clock("soon")
    ('31 Jan, 02:03 UTC', 'soon')
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = f"{moment:%Z}" or "local"
    return f"{moment.day} {moment:%b, %H:%M} {zone}"


def _shown_trend(feed: dict[str, Any], window: dict[str, Any]) -> list[int | None]:
    """Accepted rows per day; a first load that brought history is left out, or every later day would lie flat beside it."""
    trend, first = list(feed["trend"]), feed["first_load"]
    if first is not None:
        day = (dt.date.fromisoformat(first) - dt.date.fromisoformat(window["first"])).days
        later = [value for n, value in enumerate(trend) if value is not None and n != day]
        if later and (trend[day] or 0) > 3 * max(later):
            trend[day] = None
    return trend


def _span(values: Sequence[int | None], noun: str) -> str:
    """A chart in words, for those who hear the page.

    >>> _span([None, 3, 10], "rows accepted")
    'rows accepted per day: lowest 3, highest 10, last 10'
    """
    known = [value for value in values if value is not None]
    if not known:
        return f"{noun} per day: none"
    last = "none" if values[-1] is None else f"{values[-1]:,}"
    return f"{noun} per day: lowest {min(known):,}, highest {max(known):,}, last {last}"
