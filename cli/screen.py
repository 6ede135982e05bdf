"""What reaches a terminal: text without control characters, tables, complaints and progress on stderr."""

import io
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from pipelines.domain.foreign_text import clean

LONGEST_COMPLAINT = 2000


def complain(text: str) -> None:
    """One line on stderr; nobody listening there is no reason to fail."""
    words = " ".join(text.split())
    if len(words) > LONGEST_COMPLAINT:
        words = f"{words[: LONGEST_COMPLAINT // 2]} ... {words[-LONGEST_COMPLAINT // 2 :]}"
    with suppress(OSError):
        print(f"evenstock: {clean(words)}", file=sys.stderr, flush=True)


def say(text: str = "") -> None:
    """One line on stdout."""
    print("\n".join(clean(line) for line in text.split("\n")))


def gap_text(share: float | None) -> str:
    """A relative gap as people read it; rounding never leaves a minus before a zero.

    >>> gap_text(-1e-12), gap_text(0.0123), gap_text(None)
    ('0.0000%', '1.2300%', 'unknown')
    """
    return "unknown" if share is None or share != share else f"{round(share, 6) + 0.0:.4%}"


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """A plain table on stdout; numbers to the right, wide enough for its content and no wider."""
    if title:
        say(title)
    texts = [[clean(cell) for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[n]) for row in texts)]) for n, name in enumerate(columns)]
    right = [all(_is_number(row[n]) for row in texts) and bool(texts) for n in range(len(columns))]
    for row in [list(columns), ["-" * width for width in widths], *texts]:
        cells = [cell.rjust(width) if is_right else cell.ljust(width) for cell, width, is_right in zip(row, widths, right, strict=True)]
        say("  " + "  ".join(cells).rstrip())


def _is_number(text: str) -> bool:
    return not text or text.replace(",", "").replace("%", "").replace("-", "").replace("+", "").replace(".", "").strip().isdigit()


@contextmanager
def progress_bar() -> Generator[Any]:
    """A `tell(said, share)` that draws a bar on stderr if that is a terminal, else prints a line per step.

    It keeps its own copy of stderr, because long steps send what libraries print to a log.
    """
    # Unbuffered: what a reader that has gone away never took must not come up again when this is closed.
    with os.fdopen(os.dup(2), "wb", buffering=0) as raw, io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True) as screen:
        if not screen.isatty():
            yield lambda said, share: _tell_line(screen, f"[{share:4.0%}] {clean(said)}")
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description:<34}", markup=False), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(file=screen), transient=True) as bar:
            task = bar.add_task("starting", total=1.0)
            yield lambda said, share: bar.update(task, description=clean(said), completed=share)


def _tell_line(screen: TextIO, line: str) -> None:
    with suppress(OSError):
        screen.write(line + "\n")
