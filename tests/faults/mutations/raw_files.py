"""Ways to register changes of a file's bytes and of its lines. What goes wrong with them is said in the modules that call these."""

import io
import random
import zipfile
from collections.abc import Callable

from tests.faults.mutations.sheet import Case, operator


def line_operator(
    name: str, change: Callable[[list[str], Case], list[str] | None], kind: str = "structure", harmless: bool = False
) -> None:
    """Register a change of the lines of the file; the first is the header."""

    def apply(case: Case) -> bytes | None:
        lines = change(case.sheet.text().splitlines(), case)
        return None if lines is None else ("\n".join(lines) + "\n").encode()

    operator(kind, name, harmless)(apply)


def byte_operator(
    name: str, change: Callable[[bytes, random.Random], bytes | None], kind: str = "structure", harmless: bool = False
) -> None:
    operator(kind, name, harmless)(lambda case: change(case.sheet.data(), case.rng))


def _body_line(lines: list[str], case: Case) -> int:
    return case.rng.randrange(1, len(lines))


def in_a_line(change: Callable[[str, Case], str | None]) -> Callable[[list[str], Case], list[str] | None]:
    def apply(lines: list[str], case: Case) -> list[str] | None:
        at = _body_line(lines, case)
        new = change(lines[at], case)
        return None if new is None else [*lines[:at], *new.split("\x00"), *lines[at + 1 :]]

    return apply


def between_lines(make: Callable[[list[str], Case], str]) -> Callable[[list[str], Case], list[str]]:
    def apply(lines: list[str], case: Case) -> list[str]:
        at = _body_line(lines, case)
        return [*lines[:at], make(lines, case), *lines[at:]]

    return apply


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
