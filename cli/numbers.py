"""Numbers as people type them on the command line, beyond what an option's range can say."""

import math

import typer


def finite(value: float | None) -> float | None:
    """The number itself, for an option's callback; raises `BadParameter` for nan and inf, which no range refuses.

    >>> finite(0.5), finite(None)
    (0.5, None)
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no amount; give a finite number.")
    return value
