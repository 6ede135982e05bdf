"""The quick road of mapping: whatever the cells hold, accepted, quarantined and left-out rows are those of the whole way, text by text."""

import datetime as dt
import random

import pytest

from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.layouts.layout_reading import read_layout
from pipelines.extracts.mapping.row_mapping import FileMapping

STOCK = """
layout: hostile
system: test
feed: wms_stock
description: Every kind of operator on a stock.
file: {delimiter: ";"}
values: {decimal: ",", thousands: ".", trailing_minus: true, dates: [DD.MM.YYYY, YYYYMMDD], empty: ["-", "NULL"], trim: true}
where: [{column: kind, not_in: [X, "9"]}, {column: sign.qty, not_in: ["0"]}]
columns:
  date: business_date
  location_id: {from: place, prefix: "W-", codes: {A: DC1, B: DC2}, otherwise: DC3}
  item_id: {from: item, strip_zeros: true, replace: {" ": _}}
  lot_id: {join: [lot, kind], with: "/", gaps: true}
  on_hand: {from: qty, unit: {from: unit, factors: {ST: 1, KAR: 12}}}
  reserved: {sum: [res, more], minus: [less]}
  blocked: {from: res, when: {column: kind, in: [Q]}, default: 0}
  expiry_date: {from: day, add_days: 1}
"""
MOVES = """
layout: hostile
system: test
feed: wms_movements
description: Every kind of operator on movements.
file: {delimiter: ";"}
values: {parentheses_minus: true, empty: ["-"], time_zone: UTC}
columns:
  event_id: {join: [item, lot], with: "-"}
  at: {from: day, time_from: clock, dates: YYYYMMDD, times: hmmss, to: {by: location_id, zones: {A: Europe/Berlin, "007": America/Chicago}}}
  location_id: place
  item_id: {from: item, part: "(?:.*:)?([^:]+)"}
  type: {join: [kind, sign.qty], gaps: true, codes: {Q+: po_receipt, X-: sale}, otherwise: adjust}
  qty_units: {from: qty, sign: {from: kind, minus: [X], plus: [Q], own: ["", "9", A, B]}}
  reference: {first: [lot, unit]}
"""
WORDS = [
    "",
    "-",
    "NULL",
    " ",
    "A",
    "B",
    "W-A",
    "W-",
    "X",
    "Q",
    "9",
    "007",
    "1.234",
    "1.234,00",
    "1,5",
    "12",
    "12-",
    "(12)",
    "0",
    "0,00",
    "-3",
    "+3",
]
WORDS += [
    "A B",
    "A_B",
    "a:b",
    "ST",
    "KAR",
    "31.01.2026",
    "20260131",
    "20260230",
    "02.03.2026",
    "93015",
    "5",
    "ä",
    "\u00a0A",
    "A\t",
    "1" * 19,
    "'",
]
COLUMNS = ["kind", "place", "item", "lot", "qty", "unit", "res", "more", "less", "day", "clock"]
LIKELY = {
    "kind": ["Q", "X", "A", ""],
    "place": ["A", "B"],
    "qty": ["12", "5"],
    "unit": ["ST", "KAR"],
    "day": ["20260131"],
    "clock": ["93015"],
}


@pytest.mark.parametrize("text", [STOCK, MOVES], ids=["stock", "movements"])
@pytest.mark.parametrize("seed", range(4))
def test_both_roads_say_the_same(text, seed, tmp_path, monkeypatch):
    rng = random.Random(seed)
    lines = [";".join(COLUMNS)]
    for number in range(400):
        likely = {"item": [f"I{number}"], "lot": [f"L{number}"], "res": ["1", "0"], "more": ["0", "1"], "less": ["0"]} | LIKELY
        lines.append(";".join(rng.choice(likely[name] if rng.random() < 0.9 else WORDS) for name in COLUMNS))
    path = tmp_path / "hostile.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    layout = read_layout(text.encode(), "hostile.yaml")
    contract, day = load_contract(layout.feed), dt.date(2026, 1, 31)
    quick = check_file(path, contract, layout, business_date=day, block_bytes=4096)
    monkeypatch.setattr(FileMapping, "apply_quickly", lambda *_: None)
    whole = check_file(path, contract, layout, business_date=day)
    assert quick.accepted.equals(whole.accepted)
    assert quick.quarantined.to_pylist() == whole.quarantined.to_pylist()
    assert (quick.left_out, quick.rows_in) == (whole.left_out, whole.rows_in)
    assert quick.accepted.num_rows > 30 and quick.quarantined.num_rows > 30
