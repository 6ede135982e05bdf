"""Operators that look at a part of a text or at other columns: parts, characters, signs of numbers, conditions, gaps and days added."""

import datetime as dt

import pytest

from pipelines.domain.errors import UsageError

MOVE = {"type": {"value": "adjust"}}


def faults(checked) -> list[tuple[str, str, str]]:
    """column, reason and value of every quarantined row, by line."""
    return [(row["column"], row["reason"], row["value"]) for row in checked.quarantined.to_pylist()]


@pytest.mark.parametrize(
    ("rule", "text", "wanted"),
    [
        ({"part": "(?:.* : )?(.+)"}, "Apparel : TS-1", "TS-1"),
        ({"part": "(?:.* : )?(.+)"}, "A : B : TS-1", "TS-1"),
        ({"part": "(?:.* : )?(.+)"}, "TS-1", "TS-1"),
        ({"part": r"\[(.+)\] .*"}, "[TS-1] T-shirt, red", "TS-1"),
        ({"part": r"\[(.+)\] .*"}, "T-shirt, red", ("src", "no_such_part", "T-shirt, red")),
        ({"part": "([A-Z]+)/.*"}, "WH/Stock/A1", "WH"),
        ({"part": "([A-Z]+)/.*"}, "xWH/Stock", ("src", "no_such_part", "xWH/Stock")),
        ({"part": "([A-Z]+).*", "codes": {"WH": "DC1"}}, "WH/Stock", "DC1"),
        ({"replace": {" ": "_"}}, "MUG 9", "MUG_9"),
        ({"replace": {" ": "_", "#": "."}}, "MUG #9", "MUG_.9"),
        ({"replace": {" ": "_"}}, "MUG-9", "MUG-9"),
        ({"replace": {" ": "_"}}, "MUG_9", ("src", "ambiguous_text", "MUG_9")),
        ({"replace": {" ": "_"}}, "MUG+9", ("src", "bad_pattern", "MUG+9")),
    ],
)
def test_a_code_out_of_a_text(rule, text, wanted, check_mapped):
    checked = check_mapped("wms_movements", {"item_id": {"from": "src"} | rule}, [{"src": text}])
    assert (checked.accepted["item_id"].to_pylist() or faults(checked)) == [wanted]


def test_texts_that_differ_stay_different(check_mapped):
    """`replace` never makes one item of two: whatever it lets through can be turned back."""
    texts = ["A B", "A_B", "A  B", " A", "A", "A#B", "A.B", "A-B"]
    rule = {"from": "src", "replace": {" ": "_", "#": "."}}
    checked = check_mapped("wms_movements", {"reference": rule}, [{"src": text} for text in texts])
    kept = checked.accepted.sort_by("_source_line")["reference"].to_pylist()
    assert kept == ["A_B", "A__B", "_A", "A", "A.B", "A-B"] and len(set(kept)) == len(kept)
    assert faults(checked) == [("src", "ambiguous_text", "A_B"), ("src", "ambiguous_text", "A.B")]


@pytest.mark.parametrize(("parts", "wanted"), [("abc", "a-b-c"), (("a", "", "c"), "a--c"), (("", "", "c"), "--c"), (("", "", ""), None)])
def test_a_join_may_have_gaps(parts, wanted, check_mapped):
    rule = {"reference": {"join": ["a", "b", "c"], "with": "-", "gaps": True}}
    checked = check_mapped("wms_movements", rule, [dict(zip("abc", parts, strict=True))])
    assert checked.accepted["reference"].to_pylist() == [wanted]


STOCK = {
    "on_hand": "qty",
    "reserved": {"value": 0},
    "blocked": {"from": "qty", "when": {"column": "status", "not_in": ["FREE"]}, "default": 0},
}


def test_a_column_counts_in_some_rows_only(check_mapped):
    rows = [{"qty": "7", "status": "FREE"}, {"qty": "5", "status": "QC", "item_id": "B"}, {"qty": "3", "status": "", "item_id": "C"}]
    checked = check_mapped("wms_stock", STOCK, rows)
    assert checked.accepted.sort_by("_source_line")["blocked"].to_pylist() == [0, 5, 3]


def test_nothing_is_amiss_where_a_column_does_not_count(check_mapped):
    held = {"from": "held", "decimal": ",", "when": {"column": "held", "matches": "[0-9,]+"}, "default": 0}
    columns = {"on_hand": "qty", "blocked": held}
    checked = check_mapped("wms_stock", columns, [{"qty": "9", "held": "see note"}, {"qty": "9", "held": "1,5", "item_id": "B"}])
    assert checked.accepted["blocked"].to_pylist() == [0]
    assert faults(checked) == [("held", "fraction_of_unit", "1,5")]


def test_several_conditions_must_all_hold(check_mapped):
    when = [{"column": "a", "in": ["x"]}, {"column": "b", "empty": True}]
    columns = {"on_hand": {"value": 9}, "blocked": {"value": 4, "when": when, "default": 0}}
    rows = [{"a": a, "b": b, "item_id": a + b + "I"} for a, b in (("x", ""), ("x", "y"), ("z", ""))]
    checked = check_mapped("wms_stock", columns, rows)
    assert [row["blocked"] for row in checked.accepted.sort_by("_source_line").to_pylist()] == [4, 0, 0]


@pytest.mark.parametrize(("test", "kept"), [("same_as", [2, 4]), ("differs_from", [3])])
def test_rows_are_told_by_two_columns(test, kept, check_mapped):
    rows = [{"from": "A", "to": "A"}, {"from": "A", "to": "B"}, {"from": "", "to": "-"}]
    checked = check_mapped("wms_movements", {}, rows, where={"column": "from", test: "to"}, values={"empty": ["-"]})
    assert checked.accepted["_source_line"].to_pylist() == kept
    assert checked.left_out == 3 - len(kept)


@pytest.mark.parametrize(
    ("qty", "wanted"),
    [("5", "po_receipt"), ("1.250,00", "po_receipt"), ("5-", "adjust"), ("-1.250,00", "adjust"), ("0,00", None), ("many", "bad_number")],
)
def test_the_sign_of_a_number_tells_rows_apart(qty, wanted, check_mapped):
    codes = {"RC+": "po_receipt", "RC-": "adjust"}
    columns = {"type": {"join": ["kind", "sign.qty"], "codes": codes, "gaps": True, "otherwise": "adjust"}, "qty_units": "qty"}
    values = {"decimal": ",", "thousands": ".", "trailing_minus": True}
    where = {"column": "sign.qty", "not_in": ["0"]}
    checked = check_mapped("wms_movements", columns, [{"kind": "RC", "qty": qty}], where=where, values=values)
    found = checked.accepted["type"].to_pylist() or [row[1] for row in faults(checked)]
    assert (found or [None]) == [wanted]
    assert checked.left_out == (wanted is None)


@pytest.mark.parametrize(
    ("word", "qty", "wanted"),
    [
        ("OUT", "5", -5), ("IN", "5", 5), ("ADJ", "5", 5), ("ADJ", "-5", -5),
        ("OUT", "-5", ("qty,way", "sign_twice", "qty=-5, way=OUT")), ("?", "5", ("way", "unknown_code", "?")),
    ],
)  # fmt: skip
def test_some_rows_have_a_sign_of_their_own(word, qty, wanted, check_mapped):
    sign = {"from": "way", "minus": ["OUT"], "plus": ["IN"], "own": ["ADJ"]}
    checked = check_mapped("wms_movements", MOVE | {"qty_units": {"from": "qty", "sign": sign}}, [{"qty": qty, "way": word}])
    assert (checked.accepted["qty_units"].to_pylist() or faults(checked)) == [wanted]


@pytest.mark.parametrize(
    ("text", "days", "wanted"),
    [
        ("31.12.2025", 2, dt.date(2026, 1, 2)), ("01.03.2024", -1, dt.date(2024, 2, 29)), ("", 2, None),
        ("30.02.2025", 2, ("src", "bad_date", "30.02.2025")),
    ],
)  # fmt: skip
def test_days_are_added(text, days, wanted, check_mapped):
    checked = check_mapped("wms_stock", {"expiry_date": {"from": "src", "dates": "DD.MM.YYYY", "add_days": days}}, [{"src": text}])
    assert (checked.accepted["expiry_date"].to_pylist() or faults(checked)) == [wanted]


def test_added_days_read_no_day_that_the_contract_does_not(check_mapped):
    rows = [{"src": "2025-1-5"}, {"src": "2025-02-30", "item_id": "B"}, {"src": "2025-01-05", "item_id": "C"}]
    checked = check_mapped("wms_stock", {"expiry_date": {"from": "src", "add_days": 1}}, rows)
    assert checked.accepted["expiry_date"].to_pylist() == [dt.date(2025, 1, 6)]
    assert [reason for _, reason, _ in faults(checked)] == ["not_date", "not_date"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"part": "[A-Z]+"}, "needs exactly one group"),
        ({"part": "(a)(b)"}, "needs exactly one group"),
        ({"part": "(a"}, "no regular expression"),
        ({"replace": {" ": "_", "#": "_"}}, "two texts would become one"),
        ({"replace": {" ": "_", "_": "-"}}, "two texts would become one"),
        ({"gaps": True}, "'gaps' goes with 'join'"),
        ({"add_days": 2}, "add_days is for dates"),
        ({"when": {"column": "src", "in": ["a"], "empty": True}}, "has exactly one of in, not_in"),
        ({"when": {"column": "src", "same": "b"}}, "did you mean 'same_as'"),
        ({"sign": {"from": "way", "minus": ["a"], "plus": ["b"], "own": ["a"]}}, "in two of minus, plus and own"),
    ],
)
def test_what_cannot_be_meant_is_refused(rule, said, check_mapped):
    column = "qty_units" if "sign" in rule else "item_id"
    with pytest.raises(UsageError, match=said):
        check_mapped("wms_movements", {column: {"from": "src"} | rule}, [{"src": "A"}])
