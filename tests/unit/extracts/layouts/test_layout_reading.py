"""Layouts as YAML: what is wrong is named by file, line and key with the nearest right word, and nothing in them executes."""

import json
from pathlib import Path

import pytest

from pipelines.domain.errors import UsageError
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.layout_page import layout_page
from pipelines.extracts.layouts.layout import LAYOUTS_DIR, load_layout
from pipelines.extracts.layouts.layout_reading import read_layout
from pipelines.extracts.layouts.layout_schema import layout_schema, schema_text

GOOD = """\
layout: acme
system: acme
feed: wms_stock
description: Closing stock per bin.
file: {delimiter: ";", encoding: latin-1}
values: {decimal: ",", thousands: ".", dates: DD.MM.YYYY, empty: [NULL, NO, 007]}
where:
  - {column: LVORM, empty: true}
  - {column: BWART, in: [301, 0301, true, 1.50]}
columns:
  date: business_date
  location_id: {from: [Lager, Warehouse]}
  item_id: Artikel
  on_hand: {from: Bestand, unit: {from: ME, factors: {ST: 1, KAR: 12, NO: 0.5}}}
  reserved: 0
  blocked: {sum: [QI, Gesperrt]}
  expiry_date: lookup.lots.MHD
lookups:
  lots: {file: LOTS, on: {Charge: CHARGE}, delimiter: comma}
group: {by: key, sum: [on_hand], one_row_per: [Artikel, [Lager, Warehouse], Platz]}
"""
WRONG = [
    ("on_hand: {from", "on_hnd: {from", "line 14: columns.on_hnd: unknown column of wms_stock; did you mean 'on_hand'?"),
    ("  reserved: 0\n", "", "line 10: columns: 'reserved' is missing; every row of wms_stock has one"),
    ("feed: wms_stock", "feed: wms_stok", "line 3: feed: 'wms_stok' is none of the allowed words; did you mean 'wms_stock'?"),
    ("layout: acme", "layout: Acme", "line 1: layout: 'Acme' must be lower-case letters"),
    ("layout: acme", "layout: beta", "line 1: layout: the file is called 'acme'"),
    ("thousands:", "thousand:", "line 6: values.thousand: unknown key; did you mean 'thousands'?"),
    ('thousands: "."', 'thousands: ","', "line 6: values.thousands: ',' cannot mark both thousands and decimals"),
    ('decimal: ","', 'decimal: ";"', "line 6: values.decimal: ';' is none of the allowed words"),
    ("DD.MM.YYYY", "DD.mm.YYYY", "line 6: values.dates: 'DD.mm.YYYY' needs year, month and day"),
    ("DD.MM.YYYY", "DD.DD.YYYY", "line 6: values.dates: 'DD.DD.YYYY' holds the day twice"),
    ("DD.MM.YYYY", "[]", "line 6: values.dates"),
    ("encoding: latin-1", "encoding: latin-111", "line 5: file: unknown text encoding 'latin-111'"),
    ("encoding: latin-1", "encoding: rot13", "line 5: file: unknown text encoding 'rot13'"),
    ('delimiter: ";"', "delimiter: semi", "line 5: file: delimiter must be one character, found 'semi'"),
    ("empty: true}", "empty: maybe}", "line 8: where[0].empty: expected true or false, found 'maybe'"),
    ("empty: true}", "empty: }", "line 8: where[0].empty: expected true or false, found nothing"),
    ("empty: true}", "matches: '('}", "line 8: where[0].matches: is no regular expression: missing ): ("),
    ("empty: true}", "empty: true, in: [a]}", "line 8: where[0]: has exactly one of in, not_in, empty, matches"),
    ("{column: LVORM, empty: true}", "{colum: LVORM}", "line 8: where[0].colum: unknown key; did you mean 'column'?"),
    ("sum: [QI, Gesperrt]}", "sum: QI}", "line 16: columns.blocked.sum: expected a list, found 'QI'"),
    ("sum: [QI, Gesperrt]}", "sum: [QI], join: [QI]}", "line 16: columns.blocked: says sum and join; exactly one of"),
    ("sum: [QI, Gesperrt]}", "codes: {a: 1}}", "line 16: columns.blocked: says nothing; exactly one of"),
    ("sum: [QI, Gesperrt]}", "from: QI, otherwise: 0}", "line 16: columns.blocked: 'otherwise' goes with 'codes'"),
    ("sum: [QI, Gesperrt]}", "from: QI, times: hhmmss}", "line 16: columns.blocked: times is for dates and times, and blocked is integer"),
    ("item_id: Artikel", "item_id: {from: Artikel, multiply: 2}", "line 13: columns.item_id: multiply is for numbers, and item_id is text"),
    ("item_id: Artikel", "item_id: business_date", "line 13: columns.item_id: the business date is a date, and item_id is text"),
    ('delimiter: ";"', "format: xlsx", "columns.on_hand: numbers of a xlsx file come with a decimal point, so '.' cannot mark thousands"),
    ("KAR: 12", "KAR: twelve", "line 14: columns.on_hand.unit.factors.KAR: expected a number, found 'twelve'"),
    ("KAR: 12", "KAR: -12", "line 14: columns.on_hand: a factor of zero would lose every quantity"),
    ("KAR: 12", "ST: 12", "line 14: key 'ST' comes twice (first on line 14); keep one"),
    ("lookup.lots.MHD", "lookup.lot.MHD", "line 17: columns.expiry_date: 'lookup.lot.MHD' is of no lookup; did you mean 'lots'?"),
    ("file: LOTS", "file: ../LOTS", "line 19: lookups.lots.file: '../LOTS' is no plain name"),
    (
        "on: {Charge: CHARGE}",
        "on: {lookup.lots.X: CHARGE}",
        "line 19: lookups.lots.on: 'lookup.lots.X' is of a lookup that is not declared before",
    ),
    ("sum: [on_hand], one", "sum: [onhand], one", "line 20: group.sum: 'onhand' is no column of wms_stock; did you mean 'on_hand'?"),
    ("sum: [on_hand], one", "sum: [item_id], one", "line 20: group.sum: 'item_id' is part of the key"),
    (", one_row_per: [Artikel, [Lager, Warehouse], Platz]", "", "line 20: group: 'one_row_per' is missing"),
    ("description: Closing stock per bin.", "description:", "line 4: description: expected text, found nothing"),
    ("system: acme\n", "", "line 1: 'system' is missing"),
    ("system: acme\n", "system: acme\nfoo: *x\n", "line 3: aliases (*name) are not allowed"),
    ("system: acme", "system: !!python/object/apply:os.system [true]", "line 2: tags such as"),
    ("system: acme", "system: !ruby/object:X acme", "line 2: tags such as"),
    ("system: acme", "system: 'acme\n", "acme.yaml, line"),
    ("system: acme", "system: [acme", "acme.yaml, line"),
    ("system: acme", "? [a, b]\n: acme", "line 2: a key must be plain text"),
    ("system: acme", 'system: "a\\0b"', "line 2: 'a\\x00b' holds a character that no file can hold"),
    ("system: acme", 'system: "a\\ud800b"', "holds a character that no file can hold"),
    ("system: acme", "system: acme\n<<: {feed: x}", "line 3: <<: unknown key"),
]
WRONG_TIMES = [
    ({"times": "DD.MM.YYYY"}, None),
    ({"times": "hh:mm:ss"}, "times: 'hh:mm:ss' must hold the day as well"),
    ({"times": "DD.MM.YYYY hh:mm", "time_from": "t"}, "times: 'DD.MM.YYYY hh:mm' must hold the time of day alone"),
    ({"times": "DD.MM.YYYY h:mm PM"}, None),
    ({"times": "MM:DD"}, "'MM:DD' needs year, month and day"),
    ({"times": "nonsense"}, "'nonsense' is no format"),
    ({"time_zone": "Berlin", "to": "UTC"}, "'Berlin' is no time zone"),
    ({"time_zone": "UTC"}, "'to' must say what they become"),
    ({"to": "UTC"}, "'time_zone' must say what they are in"),
    ({"to": "UTC", "times": "YYYY-MM-DDThh:mm:ssOFFSET"}, None),
    ({"to": "UTC", "times": ["YYYY-MM-DDThh:mm:ssOFFSET", "YYYY-MM-DDThh:mm:ss"]}, "'time_zone' must say what they are in"),
    ({"time_zone": "UTC", "to": {"by": "reference", "zones": {"A": "UTC"}}}, "'reference' is no column that this layout maps"),
]


def refused(text):
    with pytest.raises(UsageError) as caught:
        read_layout(text.encode(), "acme.yaml")
    return str(caught.value)


def test_a_layout_says_what_it_says():
    layout = read_layout(GOOD.encode(), "acme.yaml")
    assert (layout.name, layout.feed, layout.file.delimiter, layout.file.encoding) == ("acme", "wms_stock", ";", "latin-1")
    assert layout.values.empty == ("NULL", "NO", "007")
    assert layout.where[1].words == ("301", "0301", "true", "1.50")
    assert [word for word, _ in layout.columns[3].unit.factors] == ["ST", "KAR", "NO"]
    assert (layout.lookups[0].format.delimiter, layout.lookups[0].format.encoding) == (",", "latin-1")
    assert len(layout.digest) == 64
    assert not layout.is_canonical


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_what_is_wrong_is_named_with_its_line(old, new, message):
    assert old in GOOD
    found = refused(GOOD.replace(old, new, 1))
    assert found.startswith("acme.yaml")
    assert message in found, found


@pytest.mark.parametrize(("keys", "message"), WRONG_TIMES)
def test_formats_and_zones_that_do_not_fit(keys, message):
    columns = {c.name: c.name for c in load_contract("wms_movements").columns if not c.nullable} | {"at": {"from": "at"} | keys}
    text = json.dumps({"layout": "acme", "system": "acme", "feed": "wms_movements", "description": "x", "columns": columns})
    if message is None:
        read_layout(text.encode(), "acme.yaml")
    else:
        assert message in refused(text)


def test_several_faults_are_told_at_once_in_order():
    found = refused(GOOD.replace("on_hand: {from", "on_hnd: {from").replace("system:", "sytem:").replace("thousands", "thousand"))
    assert [part.split(":")[0] for part in found.splitlines()] == [
        "acme.yaml, line 1",
        "acme.yaml, line 2",
        "acme.yaml, line 6",
        "acme.yaml, line 14",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "layout",
        "layout: a\n---\nlayout: b",
        "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]",
        "[" * 100_000,
        "{a: " * 10_000,
        "x: " + "y" * 300_000,
        "\t: x",
        "%YAML 9.9\n---\na: b",
        "layout: \u202eacme",
        "\x00\x01",
        "a: \x07",
    ],
)
def test_hostile_yaml_is_refused_in_a_sentence(text):
    assert len(refused(text)) < 2000


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(UsageError, match="not UTF-8 at byte 8"):
        read_layout(b"layout: \xff\xfe", "acme.yaml")


def test_an_unknown_name_has_a_did_you_mean(tmp_path):
    (tmp_path / "acme_stock.yaml").write_text(GOOD.replace("layout: acme", "layout: acme_stock"))
    assert load_layout("acme_stock", (tmp_path,)).name == "acme_stock"
    with pytest.raises(UsageError, match=r"unknown layout 'acme_stok'; did you mean 'acme_stock'"):
        load_layout("acme_stok", (tmp_path,))
    with pytest.raises(UsageError, match="no such layout file"):
        load_layout(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match=r"a layout is a \.yaml file"):
        (tmp_path / "acme.csv").write_text(GOOD)
        load_layout(tmp_path / "acme.csv")


def test_the_shipped_schema_is_current():
    shipped = (LAYOUTS_DIR / "schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text(), "run python -m pipelines.extracts.layouts.layout_schema pipelines/extracts/layouts/schema.json"


def test_the_reference_is_current():
    page = (Path(__file__).parents[4] / "docs/layouts.md").read_text(encoding="utf-8")
    assert page == layout_page(), "run python -m pipelines.extracts.layout_page docs/layouts.md"


def test_the_schema_offers_the_columns_of_each_feed():
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(layout_schema())
    body = {"layout": "a", "system": "a", "feed": "wms_stock", "description": "a", "columns": {"qty_units": "x"}}
    assert [error.validator for error in Draft202012Validator(layout_schema()).iter_errors(body)] == ["additionalProperties"]
    assert not list(Draft202012Validator(layout_schema()).iter_errors(body | {"feed": "wms_movements"}))
