"""`evenstock forecast override`: what people know better, kept with author, reason and end, or refused with the remedy."""

import datetime as dt
import json

import pandas as pd

from cli.main import call
from pipelines.store.ledger import open_ledger
from pipelines.store.publication import current

WORDS = ["--by", "ana", "--reason", "street fair"]


def names(home) -> tuple[str, str]:
    pairs = pd.read_parquet(current(home / "published").path / "marts" / "fct_plan_inputs.parquet", columns=["location_id", "item_id"])
    return pairs["location_id"].iloc[0], pairs["item_id"].iloc[0]


def test_an_override_is_kept_and_holds_from_the_next_night_on(own_home, played_loop, capfd):
    location, item = names(own_home)
    night = played_loop.last_day + dt.timedelta(days=1)
    days = ["--from", str(night), "--until", str(night + dt.timedelta(days=13))]
    assert call(["forecast", "override", "add", "--item", item, "--factor", "1.5", *days, *WORDS]) == 0
    assert f"holds from the night of {night} on" in capfd.readouterr().out
    assert call(["forecast", "override", "add", "--item", item, "--location", location, "--units-per-week", "30", *days, *WORDS]) == 0
    capfd.readouterr()
    assert call(["forecast", "override", "list", "--json"]) == 0
    kept = json.loads(capfd.readouterr().out)
    assert [(row["location_id"], row["kind"], row["value"]) for row in kept] == [("", "factor", 1.5), (location, "units_per_week", 30.0)]
    assert {(row["author"], row["reason"]) for row in kept} == {("ana", "street fair")}
    ledger = open_ledger(own_home)
    assert ledger.overrides(night)["item_id"].tolist() == [item, item] and ledger.overrides(played_loop.last_day).empty
    assert call(["forecast", "override", "list"]) == 0 and "street fair" in capfd.readouterr().out


REFUSED = [
    ({"--item": "no such"}, "--item: 'no such' is not in the current publication"),
    ({"--location": "nowhere"}, "--location: 'nowhere' is not in the current publication"),
    ({"--factor": "-1"}, "--factor: must be a number from 0"),
    ({"--factor": "nan"}, "--factor: must be a number from 0"),
    ({"--units-per-week": "3"}, "give either --factor or --units-per-week"),
    ({"--factor": None, "--units-per-week": "3"}, "name it with --location"),
    ({"--factor": None}, "give either --factor or --units-per-week"),
    ({"--until": "2020-01-01", "--from": "2019-12-01"}, "is over before the night of"),
    ({"--until": "2020-01-01"}, "is before --from"),
    ({"--reason": " "}, "--reason is empty"),
]


def test_what_cannot_be_an_override_is_refused(own_home, capfd):
    right = {"--item": names(own_home)[1], "--factor": "2", "--from": "2030-01-01", "--until": "2030-02-01", "--by": "ana"}
    for change, said in REFUSED:
        chosen = right | {"--reason": "fair"} | change
        words = [word for name, value in chosen.items() if value is not None for word in (name, value)]
        assert call(["forecast", "override", "add", *words]) == 2, change
        assert said in capfd.readouterr().err
    assert open_ledger(own_home).overrides().empty
