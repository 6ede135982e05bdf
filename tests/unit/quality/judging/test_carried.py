"""Stock differences that a date carries on, told again from the lake: corrections, late rows and counts settle them, or start them."""

import datetime as dt

import pytest

from pipelines import flows
from pipelines.store.home import Home
from quality.judging.carried import read_carried
from tests.landed import land_files

DAYS = [dt.date(2026, 1, 5) + dt.timedelta(days=n) for n in range(5)]
HEADERS = {
    "wms_stock": "date,location_id,item_id,lot_id,on_hand,reserved,blocked,expiry_date",
    "wms_movements": "event_id,at,location_id,item_id,lot_id,type,qty_units,reference",
    "wms_counts": "location_id,item_id,lot_id,system_qty,counted_qty,at",
}


@pytest.fixture
def home(tmp_path) -> Home:
    """Three days of stock and movements that agree: 13 units, less 1 sold on each of the last two days."""
    home = Home(tmp_path / "home")
    for number, day in enumerate(DAYS[:3]):
        put(home, "wms_stock", day, f"{day},A,I0,,{13 - number},0,0,", f"{day},B,I0,,5,0,0,")
        put(home, "wms_movements", day, sale(number))
    return home


def sale(number: int, units: int = -1) -> str:
    return f"E{number},{DAYS[number]}T10:00:00,A,I0,,sale,{units},"


def put(home: Home, feed: str, day: dt.date, *rows: str) -> None:
    path = home.root / f"{feed}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADERS[feed], *rows, ""]))
    land_files(home.landing, [(path, day)], feed)
    assert flows.ingest_feed(home, feed, day).rows_quarantined == 0


def freeze(home: Home, day: dt.date, units: int, since: dt.date | None = None) -> None:
    """What a date froze, as its document keeps it."""
    pair = {
        "location_id": "A",
        "item_id": "I0",
        "difference_units": units,
        "since": str(since or day),
        "rows": [],
        "reasons": ["stock_replay"],
    }
    flows.save_frozen(home, day, {"pairs": [pair] if units else []})


def carried(home: Home, day: dt.date) -> list[tuple[str, str, int, str]]:
    return [(e["location_id"], e["item_id"], e["difference_units"], e["since"]) for e in read_carried(home, day, 7)["pairs"]]


def wrong_since_the_second_day(home: Home) -> None:
    put(home, "wms_movements", DAYS[1])
    freeze(home, DAYS[1], -1)
    freeze(home, DAYS[2], -1, since=DAYS[1])


STILL = [("A", "I0", -1, str(DAYS[1]))]


def test_a_difference_is_carried_as_long_as_nothing_settles_it(home):
    assert carried(home, DAYS[3]) == []
    wrong_since_the_second_day(home)
    assert carried(home, DAYS[3]) == STILL
    assert [entry["reasons"] for entry in read_carried(home, DAYS[3], 7)["pairs"]] == [["stock_replay"]]
    assert carried(home, DAYS[1] + dt.timedelta(days=9)) == [], "nothing was judged for so long"


def test_a_corrected_day_settles_it_although_a_day_after_it_was_judged(home):
    wrong_since_the_second_day(home)
    put(home, "wms_movements", DAYS[1], sale(1))
    freeze(home, DAYS[1], 0)
    assert carried(home, DAYS[3]) == []


def test_rows_that_come_late_settle_it(home):
    wrong_since_the_second_day(home)
    put(home, "wms_movements", DAYS[3], sale(1))
    assert carried(home, DAYS[3]) == []


def test_a_count_on_a_day_since_settles_it_and_one_on_the_day_itself_does_not(home):
    wrong_since_the_second_day(home)
    freeze(home, DAYS[2], 0)
    put(home, "wms_counts", DAYS[1], f"A,I0,,12,12,{DAYS[1]}T22:00:00")
    assert carried(home, DAYS[3]) == STILL
    put(home, "wms_counts", DAYS[2], f"A,I0,,11,11,{DAYS[2]}T22:00:00")
    assert carried(home, DAYS[3]) == []


def test_a_stock_that_stays_wrong_is_carried_on_after_its_first_day_was_corrected(home):
    """Stock counted in packs from the second day on: correcting that day alone leaves the third as wrong as it was."""
    for number in (1, 2):
        put(home, "wms_stock", DAYS[number], f"{DAYS[number]},A,I0,,{6 * (13 - number)},0,0,")
    freeze(home, DAYS[1], 60)
    freeze(home, DAYS[2], 60, since=DAYS[1])
    put(home, "wms_stock", DAYS[1], f"{DAYS[1]},A,I0,,12,0,0,")
    freeze(home, DAYS[1], 0)
    assert carried(home, DAYS[3]) == [("A", "I0", 55, str(DAYS[1]))]


def test_a_correction_that_makes_a_day_wrong_is_carried_although_a_day_after_it_was_judged(home):
    freeze(home, DAYS[2], 0)
    put(home, "wms_movements", DAYS[1], sale(1, -3))
    freeze(home, DAYS[1], 2)
    assert carried(home, DAYS[3]) == [("A", "I0", 2, str(DAYS[1]))]
