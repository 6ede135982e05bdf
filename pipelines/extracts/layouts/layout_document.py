"""A layout's YAML as plain data with the line of every key: written text is kept, nothing is constructed, expanded or guessed.

Only true, false and plain JSON numbers are not text: `NO`, `007` and `2026-01-05` stay what they are. What the keys mean is in
`layout_schema` and `layout_reading`.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from pipelines.domain.errors import UsageError, shown

MAX_LAYOUT_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_PROBLEMS = 10
KeyPath = tuple[str | int, ...]
_INTEGER, _DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})"), re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str")


@dataclass(frozen=True)
class Document:
    """The data of one file: dictionaries, lists, text, numbers (int or Decimal), booleans and None; `lines` counts from 1."""

    source: str
    data: dict[str, Any]
    lines: dict[KeyPath, int]

    def problem(self, path: KeyPath, message: str) -> str:
        """`message` with file, line and key path in front."""
        known = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in self.lines)
        keys = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")
        return f"{self.source}, line {self.lines[known]}: {keys + ': ' if keys else ''}{message}"

    def refuse(self, problems: list[str]) -> None:
        """Raise `UsageError` listing the problems, if there are any."""
        if problems:
            more = [f"and {len(problems) - MAX_PROBLEMS} more"] if len(problems) > MAX_PROBLEMS else []
            raise UsageError("\n".join([*problems[:MAX_PROBLEMS], *more]))


def as_text(value: Any) -> str:
    """A scalar the way it was written.

    >>> as_text(Decimal("0.10")), as_text(True), as_text(7), as_text("007")
    ('0.10', 'true', '7', '007')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def read_document(data: bytes, source: str) -> Document:
    """Parse one YAML mapping. Raises `UsageError` with the line for bad YAML, aliases, tags, doubled keys and files that are too big."""
    if len(data) > MAX_LAYOUT_BYTES:
        raise UsageError(f"{source}: {len(data)} bytes; a layout has at most {MAX_LAYOUT_BYTES}")
    try:
        loader = _Loader(data.decode("utf-8-sig"))
        node = loader.get_single_node()
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: not UTF-8 at byte {error.start}; save the layout as UTF-8") from error
    except RecursionError as error:
        raise UsageError(f"{source}: nested too deeply; a layout has at most {MAX_DEPTH} levels") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{source}{line}: {error.problem or error.context or 'not YAML'}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{source}: not YAML: {shown(str(error), 200)}") from error
    if not isinstance(node, yaml.MappingNode):
        raise UsageError(f"{source}: a layout is a mapping that starts with 'layout: <name>'")
    lines: dict[KeyPath, int] = {(): 1}
    return Document(source, _plain(node, (), lines, source), lines)


class _Loader(yaml.SafeLoader):
    """Composes nodes only; an alias is refused before it can multiply."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed; write the value again", problem_mark=mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=self.peek_event().start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


_Loader.yaml_implicit_resolvers = {}


def _plain(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], source: str) -> Any:
    where = f"{source}, line {node.start_mark.line + 1}"
    lines.setdefault(path, node.start_mark.line + 1)
    if node.tag not in _PLAIN_TAGS:
        raise UsageError(f"{where}: tags such as {shown(node.tag)} are not allowed; write plain text, numbers, lists and mappings")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*path, i), lines, source) for i, child in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, where)
    found: dict[str, Any] = {}
    for key_node, child in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in _PLAIN_TAGS:
            raise UsageError(f"{source}, line {line}: a key must be plain text")
        key = _checked(key_node.value, f"{source}, line {line}")
        if key in found:
            raise UsageError(f"{source}, line {line}: key {shown(key)} comes twice (first on line {lines[(*path, key)]}); keep one")
        lines[(*path, key)] = line
        found[key] = _plain(child, (*path, key), lines, source)
    return found


def _scalar(node: yaml.ScalarNode, where: str) -> Any:
    text = _checked(node.value, where)
    if node.style is not None:
        return text
    if text in ("", "true", "false"):
        return {"": None, "true": True, "false": False}[text]
    if _INTEGER.fullmatch(text):
        return int(text) if text != "-0" else text
    return Decimal(text) if _DECIMAL.fullmatch(text) else text


def _checked(text: str, where: str) -> str:
    """The text, with letters that JSON writes as two escapes put together again."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UsageError(f"{where}: {shown(text)} holds a character that no file can hold")
    return text
