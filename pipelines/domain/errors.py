"""Errors that a user can act on, each with its exit code. Programming errors are not here: they stay ordinary exceptions."""


class EvenstockError(Exception):
    """A failure with a message for the user and an exit code of the public contract.

    The message names what is wrong, where (file, line, column) and the remedy.
    """

    exit_code = 1


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


class Busy(EvenstockError):
    """Another run holds the lease; the message says who and since when."""

    exit_code = 6


class DecisionRefused(EvenstockError):
    """An approval or rejection is stale, illegal in the line's state, or names an unknown line."""

    exit_code = 7
