"""Dirty days through the real night: whatever came dirty, what is published is the world's stock for every item-location not frozen."""

import json

import pandas as pd
import pytest

from dagster_project.closed_loop import begin_demo, make_world
from dagster_project.dirty_days import OUTCOMES, DirtyDays, read_frozen
from dagster_project.nights import Nights
from pipelines.settings import load_settings
from pipelines.store.publication import current
from pipelines.twin.dirt import Dirt
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.simulate import Twin

# Four full nights in one fixture.
pytestmark = pytest.mark.timeout(1500)
KINDS = ("phantom_stock", "malformed", "late")
SEED = 0


@pytest.fixture(scope="module")
def loop(parsed_dbt, tmp_path_factory):
    """Three days, each with a dirt of its own, every one a full night; after each what was published, what was frozen and the world."""
    settings = load_settings(home=tmp_path_factory.mktemp("dirty") / "home")
    table, world, warm_up = make_world(settings, "generated", 24, len(KINDS), SEED, 4)
    begin_demo(settings.folders, {"demand": "generated"})
    twin, jobs, dirty = Twin(world, table, SEED), Nights(settings, persistent=False), DirtyDays(settings.folders, Dirt(), SEED)
    write_history_drop(twin.warm_up(warm_up), world, settings.folders.inbox)
    jobs.run("ingest_day", table.date_of(warm_up - 1))
    days = []
    for kind in KINDS:
        played = twin.play_day([])
        write_drop(played, world, settings.folders.inbox)
        dirty.make_up(jobs.run)
        dirty.dirt = Dirt(**{kind: 1.0})
        done = dirty.run(jobs.run, "nightly", played.date)
        days.append((played.date, done, twin.stock.on_hand.copy(), _published(settings), read_frozen(settings.folders, played.date)))
    dirty.make_up(jobs.run)
    return settings, twin, dirty, days, _published(settings)


def _published(settings):
    publication = current(settings.folders.published)
    if publication is None:
        return None
    return publication.as_of, pd.read_parquet(publication.path / "marts" / "fct_plan_inputs.parquet").set_index(["location_id", "item_id"])


def _differences(twin, on_hand, marts, frozen):
    """Item-locations that are not frozen and of which the publication says something else than the world."""
    wrong = {}
    for at, location in enumerate(twin.demand.location_ids):
        for of, item in enumerate(twin.demand.item_ids):
            said = int(marts["on_hand_units"].get((location, item), 0))
            if (location, item) not in frozen and said != on_hand[at, of]:
                wrong[location, item] = (said, int(on_hand[at, of]))
    return wrong


def test_what_is_published_on_a_dirty_day_is_the_worlds_stock_or_frozen(loop):
    _, twin, _, days, _ = loop
    for date, done, on_hand, published, frozen in days:
        if done is not None:
            assert published[0] == date
            assert _differences(twin, on_hand, published[1], frozen) == {}, date


def test_a_night_that_dirt_stopped_leaves_the_publication_before(loop):
    _, _, _, days, _ = loop
    stopped = [(date, published) for date, done, _, published, _ in days if done is None]
    assert stopped
    for date, published in stopped:
        assert published is None or published[0] < date


def test_every_dirt_is_caught_and_none_is_silent(loop):
    _, _, dirty, _, _ = loop
    assert [caught.spoiled.kind for caught in dirty.caught] == list(KINDS)
    for caught in dirty.caught:
        assert caught.outcome in OUTCOMES
        assert caught.outcome != "harmless", caught


def test_clean_files_a_day_later_make_up_for_everything(loop):
    """After the last correction the newest plan is of the last day, nothing of it is frozen, and stock is the world's everywhere."""
    settings, twin, _, days, published = loop
    assert published[0] == days[-1][0]
    assert _differences(twin, twin.stock.on_hand, published[1], set()) == {}
    body = json.loads((settings.folders.gates / days[-1][0].isoformat() / "reconciliation.json").read_text())
    assert body["passed"]
