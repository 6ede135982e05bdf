"""Builds a policy from nested mappings, and refuses what no policy can be, by its path. What a policy means is in policy.py."""

from dataclasses import fields, is_dataclass
from typing import Any

from pipelines.domain.errors import InputRefused, did_you_mean, shown
from pipelines.domain.policy import Policy
from pipelines.domain.ranges import AMOUNT, Range


def parse_policy(values: dict[str, Any], source: str = "policy") -> Policy:
    """Build a `Policy` from nested mappings, refusing unknown names and wrong types with their path.

    Raises `InputRefused` naming `source`, the key and what is allowed.

    >>> parse_policy({"planning": {"gamma": 0.35}}).planning.gamma
    0.35
    """
    return _parse(Policy, values, source)


def _parse(kind: Any, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise InputRefused(f"{where}: expected a mapping, found {shown(values)}")
    known = {f.name: f for f in fields(kind)}
    for name in values:
        if name not in known:
            raise InputRefused(f"{where}: unknown key {shown(name)}; known keys: {', '.join(sorted(known))}")
    template = kind()
    parsed = {}
    for name, value in values.items():
        default, path = getattr(template, name), f"{where}.{name}"
        if is_dataclass(default):
            parsed[name] = _parse(type(default), value, path)
        elif isinstance(default, bool):
            parsed[name] = _check_flag(value, path)
        elif "limits" in known[name].metadata:
            parsed[name] = _check_limits(value, path, known[name].metadata["limits"])
        elif isinstance(default, tuple):
            parsed[name] = _check_words(value, path, **known[name].metadata)
        else:
            parsed[name] = _check_number(default, value, path, known[name].metadata["range"])
    return kind(**parsed)


def _check_flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise InputRefused(f"{path}: expected true or false, found {shown(value)}")
    return value


def _check_words(value: Any, path: str, keys: tuple[str, ...], words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """A mapping of known names to known words, sorted by name."""
    if not isinstance(value, dict):
        raise InputRefused(f"{path}: expected a mapping, found {shown(value)}")
    for name, word in value.items():
        if name not in keys:
            raise InputRefused(f"{path}: unknown name {shown(name)}{did_you_mean(str(name), list(keys))}")
        # YAML reads a bare off as false.
        if word not in words and word is not False:
            raise InputRefused(
                f"{path}.{name}: must be one of {', '.join(words)}, found {shown(word)}{did_you_mean(str(word), list(words))}"
            )
    return tuple(sorted((name, "off" if word is False else word) for name, word in value.items()))


def _check_limits(value: Any, path: str, names: tuple[str, ...]) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    """A mapping of any texts to mappings of known names to amounts, sorted by name."""
    if not isinstance(value, dict):
        raise InputRefused(f"{path}: expected a mapping of categories, found {shown(value)}")
    found = []
    for category, limits in value.items():
        here = f"{path}.{category}"
        if not isinstance(category, str) or not isinstance(limits, dict):
            raise InputRefused(f"{here}: expected a category with a mapping of its limits ({', '.join(names)}), found {shown(limits)}")
        unknown = [name for name in limits if name not in names]
        if unknown:
            raise InputRefused(f"{here}: unknown name {shown(unknown[0])}{did_you_mean(str(unknown[0]), list(names))}")
        found.append(
            (category, tuple(sorted((name, _check_number(0.0, limit, f"{here}.{name}", AMOUNT)) for name, limit in limits.items())))
        )
    return tuple(sorted(found))


def _check_number(default: Any, value: Any, path: str, allowed: Range) -> Any:
    if default is None and value is None:
        return None
    is_whole = isinstance(default, int) or (default is None and isinstance(allowed.low, int))
    wanted = f"must be a finite {'whole ' * is_whole}number, {allowed}, found {shown(value)}"
    if isinstance(value, bool) or not isinstance(value, int if is_whole else int | float):
        raise InputRefused(f"{path}: {wanted}")
    try:
        accepted = value if is_whole else float(value)
        is_allowed = accepted in allowed
    except OverflowError:
        is_allowed = False
    if not is_allowed:
        raise InputRefused(f"{path}: {wanted}")
    return accepted
