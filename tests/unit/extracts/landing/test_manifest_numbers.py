"""Numbers of a manifest: exact as written, and refused at once where nobody could mean them."""

import datetime
import hashlib
import json

import pytest

from pipelines.domain.errors import InputRefused
from pipelines.extracts.arrival.settling import Settling
from pipelines.extracts.landing.landing_zone import land_drop
from pipelines.flows.watch import watch_inbox
from pipelines.store.home import Home

DAY = "2026-01-05"
DIGITS = "9" * 5000


@pytest.fixture
def home(tmp_path, good_row, csv_text):
    """A home with a drop of one file of items; home(sums, cost, rows) writes the manifest with the texts that are given."""
    home = Home(tmp_path / "home")

    def build(sums: str = "{}", cost: str = "4.5", rows: str = "1") -> Home:
        folder = home.inbox_of(datetime.date.fromisoformat(DAY))
        folder.mkdir(parents=True, exist_ok=True)
        data = csv_text("erp_items", [good_row("erp_items", unit_cost_usd=cost)]).encode()
        (folder / "erp_items.csv").write_bytes(data)
        entry = {"feed": "erp_items", "file": "erp_items.csv", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        body = {"format": "evenstock-extract/1", "source_system": "t", "business_date": DAY, "files": [entry]}
        text = json.dumps(body).replace('"bytes":', f'"rows": {rows}, "sums": {sums}, "bytes":')
        (folder / "manifest.json").write_text(text)
        return home

    return build


@pytest.mark.parametrize(
    ("sums", "rows", "message"),
    [
        ("{}", DIGITS, "not valid JSON: a number of 5000 digits"),
        (f'{{"unit_cost_usd": -{DIGITS}}}', "1", "not valid JSON: a number of 5000 digits"),
        *((f'{{"unit_cost_usd": {text}}}', "1", "sum of 'unit_cost_usd' must be a number") for text in ("1e5000", "-1e999999999", "1e-99")),
        *((f'{{"unit_cost_usd": "{text}"}}', "1", "sum of 'unit_cost_usd' must be a number") for text in ("1e5000", "0e999999999", DIGITS)),
        ('{"unit_cost_usd": 1e99999999999999999999}', "1", "'unit_cost_usd' must be a number|not valid JSON"),
    ],
)
def test_a_number_beyond_measure_is_refused_and_waits_in_the_inbox(sums, rows, message, home, tmp_path):
    place = home(sums, rows=rows)
    with pytest.raises(InputRefused, match=message):
        land_drop(tmp_path / "landing", place.inbox / DAY)
    report = watch_inbox(place, {}, 0.0, Settling())
    assert report.ready == [] and "manifest.json" in report.waiting[0] and len(report.waiting[0]) < 500


@pytest.mark.parametrize("written", ["12345678901234.1235", '"12345678901234.1235"', "12345678901234.123500", "1.23456789012341235e13"])
def test_a_sum_is_held_against_the_file_to_its_last_digit(written, home, tmp_path):
    """Seventeen digits and more are beyond a binary fraction."""
    place = home(f'{{"unit_cost_usd": {written}}}', cost="12345678901234.1235")
    assert len(land_drop(tmp_path / "landing", place.inbox / DAY)) == 1
    place = home(f'{{"unit_cost_usd": {written}}}', cost="12345678901234.1234")
    with pytest.raises(InputRefused, match=r"sums to 12345678901234.1235(00)?, the file has 12345678901234.1234"):
        land_drop(tmp_path / "landing", place.inbox / DAY)
