"""Rows added up and values looked up in companion files: by hand, both ways, and never a sum that lacks a row."""

import pytest

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.layouts.layout import load_layout

BASE = {"item_id": "item", "on_hand": {"from": "n", "whole": True}, "reserved": 0, "blocked": 0}
GROUP = {"by": "key", "sum": ["on_hand"], "one_row_per": ["item", "place"]}
LOTS = {"lots": {"file": "LOTS", "on": {"lot": "CHARGE"}}}


def stock(*rows):
    return [dict(zip(("item", "place", "n", "expiry_date"), (*row, "")[:4], strict=True)) for row in rows]


def faults(checked):
    return [(row["line"], row["column"], row["reason"], row["value"]) for row in checked.quarantined.to_pylist()]


def units(checked):
    return {row["item_id"]: (row["on_hand"], row["_source_line"]) for row in checked.accepted.to_pylist()}


@pytest.fixture
def companion(tmp_path):
    """companion(text): the path of a companion file."""

    def build(text):
        path = tmp_path / "LOTS.csv"
        path.write_text(text, encoding="utf-8")
        return {"LOTS": path}

    return build


def test_rows_of_one_key_are_added_up_on_their_first_line(check_mapped):
    checked = check_mapped("wms_stock", BASE, stock(("A", "1", "5"), ("B", "1", "7"), ("A", "2", "6.000"), ("A", "3", "-1")), group=GROUP)
    assert units(checked) == {"A": (10, 2), "B": (7, 3)}
    assert (checked.rows_in, checked.merged, checked.quarantined.num_rows) == (4, 2, 0)


def test_a_row_that_comes_twice_is_never_added_twice(check_mapped):
    checked = check_mapped("wms_stock", BASE, stock(("A", "1", "5"), ("A", "2", "6"), ("A", "1", "5")), group=GROUP)
    assert units(checked) == {"A": (11, 2)}
    assert faults(checked) == [(4, "item,place", "duplicate_key", "A, 1")]


def test_a_row_that_comes_twice_with_other_units_spoils_its_sum(check_mapped):
    checked = check_mapped("wms_stock", BASE, stock(("A", "1", "5"), ("A", "2", "6"), ("A", "1", "4"), ("B", "1", "1")), group=GROUP)
    assert units(checked) == {"B": (1, 5)}
    assert [(line, reason) for line, _, reason, _ in faults(checked)] == [(2, "duplicate_key"), (3, "partial_group"), (4, "duplicate_key")]


def test_a_bad_part_spoils_its_sum_and_is_named(check_mapped):
    checked = check_mapped("wms_stock", BASE, stock(("A", "1", "5"), ("A", "2", "x"), ("B", "1", "1")), group=GROUP)
    assert units(checked) == {"B": (1, 4)}
    assert faults(checked) == [
        (2, "date,location_id,item,lot_id", "partial_group", "2026-01-05, CA_1, A,  (line 3)"),
        (3, "n", "bad_number", "x"),
    ]


def test_rows_that_differ_in_what_is_not_added_up(check_mapped):
    rows = stock(("A", "1", "5", "2026-03-01"), ("A", "2", "6", "2026-04-01"), ("B", "1", "1", ""), ("B", "2", "1", ""))
    checked = check_mapped("wms_stock", BASE, rows, group=GROUP)
    assert units(checked) == {"B": (2, 4)}
    assert faults(checked) == [(2, "expiry_date", "group_differs", "2026-03-01"), (3, "expiry_date", "group_differs", "2026-04-01")]


def test_the_contract_judges_the_sum_and_all_its_rows_are_shown(check_mapped):
    checked = check_mapped("wms_stock", BASE, stock(("A", "1", "-5"), ("A", "2", "4"), ("B", "1", "-5"), ("B", "2", "5")), group=GROUP)
    assert units(checked) == {"B": (0, 4)}
    assert faults(checked) == [(2, "n", "out_of_range", "-1"), (3, "n", "out_of_range", "-1")]


def test_a_row_of_unknown_item_spoils_every_sum_it_may_belong_to(check_mapped):
    rows = [
        *stock(("A", "1", "5"), ("B", "1", "5")),
        {"item": "A 1", "place": "1", "n": "5"},
        {"item": "A", "place": "1", "n": "3", "location_id": "TX_2"},
    ]
    checked = check_mapped("wms_stock", BASE, rows, group=GROUP | {"one_row_per": ["item", "place", "location_id"]})
    assert [(row["location_id"], row["on_hand"]) for row in checked.accepted.to_pylist()] == [("TX_2", 3)]
    assert [(line, reason) for line, _, reason, _ in faults(checked)] == [(2, "partial_group"), (3, "partial_group"), (4, "bad_pattern")]


def test_a_row_that_may_belong_anywhere_refuses_the_file(check_mapped, tmp_path):
    whole = {"date": "d", "location_id": "l", "lot_id": "b"}
    with pytest.raises(InputRefused, match="line 3, column d: not_date; rows are added up, and nobody can tell"):
        rows = [{"d": "2026-01-05", "l": "L", "b": "1"}, {"d": "x", "l": "L 1", "b": "b b", "item": "I 1"}]
        check_mapped("wms_stock", BASE | whole, [{"item": "A", "place": "1", "n": "5"} | row for row in rows], group=GROUP)


def test_a_broken_line_refuses_a_file_that_is_added_up(check_mapped, tmp_path):
    check_mapped("wms_stock", BASE, stock(("A", "1", "5")), group=GROUP)
    with (tmp_path / "source.csv").open("a") as stream:
        stream.write("too,few\n")
    with pytest.raises(InputRefused, match="line 3: too_few_fields"):
        check_file(tmp_path / "source.csv", load_contract("wms_stock"), load_layout(tmp_path / "tried.yaml"))


def test_batches_do_not_split_a_sum(check_mapped, tmp_path):
    check_mapped("wms_stock", BASE, stock(*((f"I{i % 7}", str(i), str(i)) for i in range(200))), group=GROUP)
    one, many = (
        check_file(tmp_path / "source.csv", load_contract("wms_stock"), load_layout(tmp_path / "tried.yaml"), block_bytes=size)
        for size in (10**6, 300)
    )
    assert one.accepted.equals(many.accepted)
    assert sum(one.accepted["on_hand"].to_pylist()) == sum(range(200))


def test_a_value_of_a_companion_file(check_mapped, companion):
    files = companion("CHARGE,MHD,PACK\nL1,20260301,12\nL2,00000000,x\n")
    columns = {
        "lot_id": "lot",
        "expiry_date": {"from": "lookup.lots.MHD", "dates": "YYYYMMDD"},
        "on_hand": {"from": "n", "multiply_by": "lookup.lots.PACK"},
    }
    rows = [{"lot": "L1", "n": "2"}, {"lot": "L2", "n": "2"}, {"lot": "L3", "n": "2"}, {"lot": "", "n": "2"}]
    checked = check_mapped(
        "wms_stock", columns | {"reserved": 0, "blocked": 0}, rows, lookups=LOTS, values={"empty": ["00000000"]}, companions=files
    )
    assert [(row["lot_id"], row["on_hand"], str(row["expiry_date"])) for row in checked.accepted.to_pylist()] == [("L1", 24, "2026-03-01")]
    assert faults(checked) == [
        (3, "LOTS.PACK", "bad_number", "x"),
        (4, "lot", "lookup_missing", "L3"),
        (5, "LOTS.PACK", "missing_factor", ""),
    ]


def test_a_companion_of_a_companion_and_two_keys(check_mapped, tmp_path, companion):
    (tmp_path / "ZONES.csv").write_text("SITE,ROW,ZONE\nCA_1,7,X\nCA_1,8,Y\n")
    files = companion("CHARGE,ROW\nL1,7\nL2,8\nL3,9\n") | {"ZONES": tmp_path / "ZONES.csv"}
    lookups = LOTS | {"zones": {"file": "ZONES", "on": {"location_id": "SITE", "lookup.lots.ROW": "ROW"}}}
    checked = check_mapped(
        "wms_movements",
        {"lot_id": "lot", "reference": "lookup.zones.ZONE"},
        [{"lot": lot} for lot in ("L1", "L2", "L3")],
        lookups=lookups,
        companions=files,
    )
    assert checked.accepted["reference"].to_pylist() == ["X", "Y"]
    assert faults(checked) == [(4, "location_id,LOTS.ROW", "lookup_missing", "location_id=CA_1, LOTS.ROW=9")]


def test_rows_left_out_by_a_companion_and_rows_without_one(check_mapped, companion):
    files = companion("CHARGE,KIND\nL1,sale\nL2,sample\n")
    rows = [{"lot": lot} for lot in ("L1", "L2", "L3")]
    where = [{"column": "lookup.lots.KIND", "in": ["sale"]}]
    checked = check_mapped("wms_movements", {"lot_id": "lot"}, rows, lookups=LOTS, where=where, companions=files)
    assert (checked.accepted["lot_id"].to_pylist(), checked.left_out) == (["L1"], 1)
    assert faults(checked) == [(4, "lot", "lookup_missing", "L3")]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("CHARGE,MHD\nL1,\nL2,\nL1,\n", InputRefused, r"LOTS \(LOTS.csv\), lines 2 and 4: CHARGE 'L1' comes twice"),
        ("CHARGE,MDH\nL1,\n", InputRefused, r"LOTS \(LOTS.csv\), line 1: column 'MHD' is missing, found 'mdh'"),
        ("CHARG,MHD\nL1,\n", InputRefused, r"LOTS \(LOTS.csv\), line 1: column 'CHARGE' is missing, found 'charg'"),
        ("", InputRefused, r"LOTS \(LOTS.csv\)"),
        (None, UsageError, "layout tried needs the companion file LOTS"),
    ],
)
def test_a_companion_that_cannot_be_used(text, error, message, check_mapped, companion):
    files = {} if text is None else companion(text)
    with pytest.raises(error, match=message):
        check_mapped("wms_stock", {"lot_id": "lot", "expiry_date": "lookup.lots.MHD"}, [{"lot": "L1"}], lookups=LOTS, companions=files)


def test_a_broken_line_of_a_companion_warns_and_quarantines_what_needs_it(check_mapped, companion):
    files = companion("CHARGE,MHD\nL1,2026-03-01\nL2\n")
    rows = [{"lot": "L1"}, {"lot": "L2"}]
    checked = check_mapped("wms_stock", {"lot_id": "lot", "expiry_date": "lookup.lots.MHD"}, rows, lookups=LOTS, companions=files)
    assert [reason for _, _, reason, _ in faults(checked)] == ["lookup_missing"]
    assert checked.warnings == ("LOTS (LOTS.csv), line 3: too_few_fields; rows that need it are quarantined",)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"Bestan": "5"}, "line 1: column 'Bestand' or 'Menge' is missing, found 'bestan'; add the spelling to the layout"),
        ({"Menge": "5", "MENGE ": "5"}, None),
        ({"menge": "5", "MENGE": "6"}, "column 'Menge' comes twice"),
    ],
)
def test_a_source_column_is_found_by_its_spellings(header, message, check_mapped):
    rule = {"on_hand": {"from": ["Bestand", "Menge"]}, "reserved": 0, "blocked": 0}
    if message is None:
        with pytest.raises(InputRefused, match="comes twice"):
            check_mapped("wms_stock", rule, [{"menge": "5", "MENGE ": "5"}])
    else:
        with pytest.raises(InputRefused, match=message):
            check_mapped("wms_stock", rule, [header])


def test_an_optional_column_may_be_absent(check_mapped):
    columns = {"lot_id": {"from": "Charge", "optional": True}, "reserved": {"from": "R", "optional": True, "default": 0}}
    checked = check_mapped("wms_stock", columns, [{}])
    assert checked.accepted.select(["lot_id", "reserved"]).to_pylist() == [{"lot_id": None, "reserved": 0}]
    assert checked.warnings == tuple(f"source.csv: column {name!r} is missing; the layout takes it for empty" for name in ("Charge", "R"))


def test_the_business_date_needs_a_landing_and_no_column_of_its_name(check_mapped):
    with pytest.raises(UsageError, match="date is the business date of the landing; name the date"):
        check_mapped("wms_stock", {"date": "business_date"}, [{}])
    with pytest.raises(UsageError, match=r"write date: \{from: \[business_date\]\} if it is meant"):
        check_mapped("wms_stock", {"date": "business_date"}, [{"business_date": "2026-01-01"}])
    checked = check_mapped("wms_stock", {"date": {"from": "business_date"}}, [{"business_date": "2026-01-01"}])
    assert str(checked.accepted["date"][0]) == "2026-01-01"


EVIL = [
    "x'; DROP TABLE accepted; --",
    'x"; DROP TABLE accepted; --',
    "{0}",
    "%s",
    "batch",
    "_line",
    "s0",
    "\\",
    "$1",
    "'",
    '"',
    "/* x",
    "💥",
    "__origin__",
]


@pytest.mark.parametrize("evil", EVIL)
def test_hostile_names_and_words_are_only_text(evil, check_mapped, companion):
    """Column names, constants, codes, units, prefixes, words and companions' columns that look like SQL stay what they are."""
    files = companion('CHARGE,"' + evil.replace('"', '""') + '"\nL1,' + '"' + evil.replace('"', '""') + '"\n')
    columns = {
        "reference": {"from": evil, "prefix": "p" + evil, "codes": {evil: evil}, "otherwise": evil},
        "lot_id": {"from": "lot", "codes": {evil: "EVIL"}, "otherwise": "TAME"},
        "qty_units": {"from": "n", "suffix": evil, "unit": {"from": ["u" + evil, "u"], "factors": {evil: 2}}},
        "type": {"value": "adjust"},
    }
    lookups = {"lots": {"file": "LOTS", "on": {"key": "CHARGE"}}}
    where = [{"column": "lookup.lots." + evil, "in": [evil]}, {"column": evil, "not_in": ["not" + evil]}]
    rows = [
        {evil: evil, "lot": evil, "n": "3" + evil, "u": evil, "key": "L1"},
        {evil: "x", "lot": "x", "n": "3", "u": "x" + evil, "key": "L1"},
    ]
    checked = check_mapped("wms_movements", columns, rows, lookups=lookups, where=where, companions=files, values={"empty": ["e" + evil]})
    assert checked.accepted.select(["reference", "lot_id", "qty_units"]).to_pylist() == [
        {"reference": evil, "lot_id": "EVIL", "qty_units": 6}
    ]
    assert faults(checked) == [(3, "u", "unknown_unit", "x" + evil)]


@pytest.mark.parametrize("group", [None, {"by": "key", "sum": ["qty_units"], "one_row_per": ["event_id"]}])
def test_a_quiet_day_through_a_layout(group, check_mapped, tmp_path):
    keys = {"group": group} if group else {}
    check_mapped("wms_movements", {}, [{}], **keys)
    path = tmp_path / "source.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    checked = check_file(path, load_contract("wms_movements"), load_layout(tmp_path / "tried.yaml"))
    assert (checked.rows_in, checked.accepted.num_rows, checked.left_out, checked.merged) == (0, 0, 0, 0)


def test_a_quarantined_row_tells_what_it_is_about_in_the_spelling_of_the_feed(check_mapped):
    columns = BASE | {"item_id": {"from": "item", "strip_zeros": True}, "location_id": {"from": "w", "codes": {"0001": "CA_1"}}}
    rows = [{"item": "007", "place": "1", "w": "0001", "n": text} for text in ("x", "1", "1")]
    rows += [{"item": "008", "place": place, "w": "0001", "n": "1"} for place in "11"] + [
        {"item": "009", "place": "1", "w": "0002", "n": "1"}
    ]
    for keys in ({}, {"group": GROUP}):
        checked = check_mapped("wms_stock", columns, rows, **keys)
        found = checked.quarantined.select(["line", "location_id", "item_id"]).to_pylist()
        about = {row["line"]: (row["location_id"], row["item_id"]) for row in found}
        assert about[2] == ("CA_1", "7")
        assert about[4] == ("CA_1", "7")
        assert about[6] == ("CA_1", "8")
        assert about[7] == ("", "9")


def test_a_quarantined_row_of_a_canonical_file_tells_what_it_is_about(good_row, write_feed):
    rows = [good_row("wms_stock", item_id=item, on_hand=units) for item, units in (("A", "x"), ("B", "5"), ("B", "6"))]
    path = write_feed("wms_stock", rows)
    with path.open("a") as stream:
        stream.write("too,few\n")
    checked = check_file(path, load_contract("wms_stock"))
    found = checked.quarantined.select(["line", "location_id", "item_id"]).to_pylist()
    assert [tuple(row.values()) for row in found] == [(2, "CA_1", "A"), (3, "CA_1", "B"), (4, "CA_1", "B"), (5, "", "")]
