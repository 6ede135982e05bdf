"""Structure gone wrong: lines, fields, quotes, headers and rows of a file whose bytes are fine."""

from tests.faults.mutations.raw_files import between_lines, in_a_line, line_operator
from tests.faults.mutations.sheet import Case, Sheet, operator


def some(case: Case, most: float = 0.3) -> list[list[str]]:
    """One row, a few, or up to a share of all: luck decides."""
    count = case.rng.choice([1, 1, 2, 5, max(1, int(most * len(case.sheet.rows)))])
    return case.rng.sample(case.sheet.rows, min(count, len(case.sheet.rows)))


def _split_cell(line: str, case: Case) -> str:
    cells = line.split(",")
    at = case.rng.randrange(len(cells))
    return ",".join([*cells[:at], cells[at][:1] + "," + cells[at][1:], *cells[at + 1 :]])


def _shift(line: str, case: Case) -> str:
    cells = line.split(",")
    at = case.rng.randrange(len(cells))
    return ",".join([*cells[:at], "", *cells[at:-1]])


def _shift_left(line: str, case: Case) -> str:
    cells = line.split(",")
    at = case.rng.randrange(len(cells))
    return ",".join([*cells[:at], *cells[at + 1 :], ""])


line_operator(
    "rows dropped",
    lambda lines, case: (lambda gone: [line for i, line in enumerate(lines) if i not in gone])(
        set(case.rng.sample(range(1, len(lines)), case.rng.choice([1, 1, 2, min(9, len(lines) - 1)]) if len(lines) > 3 else 1))
    ),
)
line_operator("tail dropped", lambda lines, case: lines[: -case.rng.randint(1, max(1, len(lines) // 3))])
line_operator("every second row dropped", lambda lines, _: [lines[0], *lines[1::2]] if len(lines) > 2 else None)
line_operator("field dropped in a row", in_a_line(lambda line, case: ",".join(line.split(",")[:-1])))
line_operator("field added to a row", in_a_line(lambda line, case: line + case.rng.choice([",", ",x", ",0,0"])))
line_operator("cells shifted right", in_a_line(_shift))
line_operator("cells shifted left", in_a_line(_shift_left))
line_operator("comma inside a cell", in_a_line(_split_cell))
line_operator("quote opened", in_a_line(lambda line, case: '"' + line))
line_operator("quote in a cell", in_a_line(lambda line, case: (lambda at: line[:at] + '"' + line[at:])(case.rng.randrange(1, len(line)))))
line_operator("quotes around a line", in_a_line(lambda line, case: f'"{line}"'))
line_operator(
    "line broken in two", in_a_line(lambda line, case: (lambda at: line[:at] + "\x00" + line[at:])(case.rng.randrange(1, len(line))))
)
line_operator("two lines joined", lambda lines, case: [*lines[:1], lines[1] + lines[2], *lines[3:]] if len(lines) > 3 else None)
line_operator("comment line", between_lines(lambda lines, case: case.rng.choice(["# end of page 1", "-- 50 rows", "//"])))
line_operator("header again in the middle", between_lines(lambda lines, _: lines[0]))
line_operator("ruler line", between_lines(lambda lines, _: ",".join("-" * 5 for _ in lines[0].split(","))))
line_operator("empty record", between_lines(lambda lines, _: "," * lines[0].count(",")))
line_operator("merge conflict marks", between_lines(lambda lines, case: case.rng.choice(["<<<<<<< HEAD", "=======", ">>>>>>> theirs"])))
line_operator("footer with totals", lambda lines, case: [*lines, f"TOTAL,{len(lines) - 1}" + "," * (lines[0].count(",") - 1)])
line_operator(
    "footer of one cell",
    lambda lines, case: [*lines, case.rng.choice([f"({len(lines) - 1} rows affected)", "EOF", "Total: 99", "SQL> spool off"])],
)
line_operator("trailing comma in every row", lambda lines, _: [lines[0], *(line + "," for line in lines[1:])])
line_operator("header lost", lambda lines, _: lines[1:])
line_operator("header of other names", lambda lines, _: [",".join(f"col{i}" for i, _ in enumerate(lines[0].split(","))), *lines[1:]])
line_operator(
    "header translated", lambda lines, _: [lines[0].replace("item", "artikel").replace("qty", "menge").replace("date", "datum"), *lines[1:]]
)
line_operator("backslash continuation", in_a_line(lambda line, case: line[: len(line) // 2] + "\\\x00" + line[len(line) // 2 :]))


@operator("structure", "header column renamed")
def _header_renamed(case: Case) -> bytes | None:
    at = case.rng.randrange(len(case.sheet.header))
    case.sheet.header[at] += case.rng.choice(["_new", "2", "s", "_code"])
    return case.sheet.data()


@operator("structure", "header column doubled")
def _header_doubled(case: Case) -> bytes | None:
    one, two = case.rng.sample(range(len(case.sheet.header)), 2)
    case.sheet.header[one] = case.sheet.header[two]
    return case.sheet.data()


@operator("structure", "header names exchanged")
def _header_exchanged(case: Case) -> bytes | None:
    header = case.sheet.header
    one, two = case.rng.sample(range(len(header)), 2)
    header[one], header[two] = header[two], header[one]
    return case.sheet.data()


@operator("structure", "column missing")
def _column_missing(case: Case) -> bytes | None:
    at = case.rng.randrange(len(case.sheet.header))
    return Sheet(
        *(lambda cut: (cut(case.sheet.header), [cut(row) for row in case.sheet.rows]))(lambda row: row[:at] + row[at + 1 :])
    ).data()


@operator("structure", "alias beside its column")
def _alias_beside(case: Case) -> bytes | None:
    named = [column for column in case.contract.columns if column.aliases]
    if not named:
        return None
    column = case.rng.choice(named)
    rows = [[*row, row[case.sheet.at(column.name)]] for row in case.rng.sample(case.sheet.rows, len(case.sheet.rows))]
    return Sheet([*case.sheet.header, column.aliases[0]], rows).data()


@operator("structure", "rows duplicated", harmless=False)
def _duplicated(case: Case) -> bytes:
    return case.sheet.with_rows([*case.sheet.rows, *some(case)]).data()


@operator("structure", "row added")
def _row_added(case: Case) -> bytes | None:
    """A made-up row: another's, with the key's last text changed a little."""
    row = list(case.rng.choice(case.sheet.rows))
    ids = [case.sheet.at(c.name) for c in case.columns("id") if c.name in case.contract.key]
    if not ids:
        return None
    row[ids[-1]] += "9"
    return case.sheet.with_rows([*case.sheet.rows, row]).data()
