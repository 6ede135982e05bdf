"""Errors that a user can act on, each with its exit code. Programming errors are not here: they stay ordinary exceptions."""

import difflib


class EvenstockError(Exception):
    """A failure with a message for the user and an exit code of the public contract.

    The message names what is wrong, where (file, line, column) and the remedy.
    """

    exit_code = 1


class MachineFailed(EvenstockError):
    """The machine is at fault: a full disk, a folder that cannot be written, too little memory. What was there before is untouched."""


class UsageError(EvenstockError):
    """The call itself is wrong: an unknown feed, a malformed date, options that contradict each other."""

    exit_code = 2


class InputRefused(EvenstockError):
    """A file or folder handed to us cannot be accepted: missing, unreadable, or breaking its contract."""

    exit_code = 3


class GateBlocked(EvenstockError):
    """A quality gate blocks, or nothing has landed for the date. The publication is untouched."""

    exit_code = 4


class NoValidPlan(EvenstockError):
    """The solver found no plan, or the audit found a violation."""

    exit_code = 5


class RebuildDiffers(EvenstockError):
    """A past run that was made again did not come out the same; the message names what differs."""

    exit_code = 5


class Busy(EvenstockError):
    """Another run holds the lease; the message says who and since when."""

    exit_code = 6


class DecisionRefused(EvenstockError):
    """An approval or rejection is stale, illegal in the line's state, or names an unknown line."""

    exit_code = 7


def shown(value: object, longest: int = 80) -> str:
    """A bad value as a message quotes it: texts and numbers as written, cut to `longest` characters; of anything else its kind.

    >>> shown("A" * 100, 8), shown(7), shown([1, 2])
    ("'AAAAAA...", '7', 'a list')
    """
    if not isinstance(value, str | int | float | bool | None):
        return f"a {type(value).__name__}"
    try:
        text = repr(value[: longest + 1] if isinstance(value, str) else value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= longest + 2 else f"{text[: longest - 1]}..."


def did_you_mean(word: str, known: list[str]) -> str:
    """A hint to append to a message.

    >>> did_you_mean("wms_stok", ["wms_stock", "erp_items"])
    "; did you mean 'wms_stock'?"
    >>> did_you_mean("qqq", ["wms_stock", "erp_items"])
    '; known: erp_items, wms_stock'
    """
    near = difflib.get_close_matches(word.strip().lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}"
