"""Lines with tidy quotes, whose quotes are taken off in bulk, read exactly as record by record; and tidy ones do take that road."""

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.extracts.reading.csv_lines import _Lines, split_block
from pipelines.extracts.reading.dialect import Dialect
from pipelines.extracts.reading.plain_text import LineBlock
from pipelines.extracts.reading.tidy_quotes import all_unquoted

PIECES = [
    '"',
    '""',
    '","',
    '"\n"',
    '"\r\n"',
    ",",
    "\n",
    "\r\n",
    "\r",
    " ",
    "a",
    "b,c",
    '"x"',
    '"x,y"',
    "\x1f",
    "\ufeff",
    "ä",
    "-1.5",
    ";",
    "'",
]
blocks = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def read(text: str, width: int, dialect: Dialect, final: bool, slow: bool):
    """Cells by line, what is broken, how many records, and the bytes that wait; `slow` reads every line with a quote by itself."""
    data = (text if text.endswith("\n") else text + "\n").encode()
    lines = _Lines(data, 1, width, dialect, final)
    if slow:
        lines.tidy = np.zeros_like(lines.tidy)
    batch = lines.split({f"c{n}": n for n in range(width)})
    cells = sorted(map(tuple, zip(*(column.to_pylist() for column in batch.cells.columns), strict=True)), key=lambda row: row[-1])
    return cells, batch.broken, batch.rows, lines.rest()


@settings(max_examples=400, deadline=None)
@given(blocks, st.integers(1, 3), st.sampled_from([Dialect(), Dialect(";", "'"), Dialect(",", "")]), st.booleans())
@example('"a","b"\n"c"\n', 2, Dialect(), True)
@example('"a"\r"b",c\n', 2, Dialect(), True)
@example('"a,"b"\n"c","d"\n', 2, Dialect(), True)
@example('""\n""\n', 1, Dialect(), True)
@example('"\ufeffa","b"\n', 2, Dialect(), True)
def test_both_roads_read_the_same(text, width, dialect, final):
    assert read(text, width, dialect, final, slow=False) == read(text, width, dialect, final, slow=True)


cells = st.text(st.sampled_from("ab,\"\n\r1\x1f \ufeff'"), max_size=4)


@example([("", '","')], "\n", False)
@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_a_block_of_quoted_cells_is_taken_whole_or_not_at_all(rows, end, doubled):
    """What comes out are the cells; a quote inside one, a line end or a separator leaves the block to others. A quote that is not doubled
    may end its cell: then the cells are other ones, as any reader has them.
    """
    written = [cell.replace('"', '""') if doubled else cell for row in rows for cell in row]
    text = "".join(f'"{a}","{b}"{end}' for a, b in zip(written[::2], written[1::2], strict=True))
    bare = all_unquoted(text.encode(), Dialect())
    if bare is None:
        assert any(letter in cell for row in rows for cell in row for letter in '"\n\r\x1f')
    else:
        found = [line.split("\x1f") for line in bare.decode()[:-1].split("\n")]
        assert found == list(csv.reader(io.StringIO(text, newline="")))
        assert not doubled or found == [list(row) for row in rows]


@settings(max_examples=600, deadline=None)
@given(blocks, st.integers(1, 3))
@example('"a","b"\n"c","d"\n', 2)
@example('"a"\n\n"b"\n', 1)
@example('"a",""\n"","\n', 2)
@example('","\n","\n', 2)
def test_the_quickest_road_reads_the_same(text, width):
    data = (text if text.endswith("\n") else text + "\n").encode()
    wanted = {f"c{n}": n for n in range(width)}
    batch, rest = split_block(LineBlock(data, 1, data.count(b"\n")), width, wanted, Dialect(), True)
    found = sorted(map(tuple, zip(*(column.to_pylist() for column in batch.cells.columns), strict=True)), key=lambda row: row[-1])
    assert (found, batch.broken, batch.rows, rest) == read(text, width, Dialect(), True, slow=True)


@pytest.mark.parametrize(
    ("line", "is_tidy"),
    [
        ('"a","b","c"', True), ('"a",b,"c"', True), ('"a","x,y",""', True), ('"","",""', True), ('"a","b","c"\r', True),
        ('"a","say ""hi""","c"', False), ('"a", "b","c"', False), ('a"b,c,d', False), ('"a"b,c,d', False), ('"a,b,c', False),
        ('"a\rb",c,d', False), ('"a\x1fb",c,d', False), ("a,b,c", False),
    ],
)  # fmt: skip
def test_which_lines_are_tidy(line, is_tidy):
    lines = _Lines((line + "\n").encode(), 1, 3, Dialect(), True)
    assert lines.tidy.tolist() == [is_tidy]


def test_one_odd_line_leaves_the_others_tidy():
    lines = _Lines(b'"a","b"\n"a"",b"\n"c","d"\nx,y\n"e,f\n"g","h"\n', 1, 2, Dialect(), True)
    assert lines.tidy.tolist() == [True, False, True, False, False, True]
