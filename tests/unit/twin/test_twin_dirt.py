"""Dirt: every kind does what it says and nothing else, one seed does the same again, off is clean, and the clean files return."""

import csv
import datetime as dt
import hashlib
import json
import shutil

import pytest

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.landing.landing_zone import land_drop
from pipelines.twin.demand import generate_demand
from pipelines.twin.dirt import KINDS, Dirt, clean_drop, read_dirt, spoil_drop
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.simulate import Twin
from pipelines.twin.world import build_generated_world


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """Three clean daily drops after a history."""
    demand = generate_demand(3, 12, 60, 5, dt.date(2026, 1, 6))
    twin = Twin(build_generated_world(demand, 5), demand, 5)
    inbox = tmp_path_factory.mktemp("dirt") / "inbox"
    write_history_drop(twin.warm_up(35), twin.world, inbox)
    return [write_drop(twin.play_day([]), twin.world, inbox) for _ in range(3)]


@pytest.fixture
def drop(clean, tmp_path):
    return shutil.copytree(clean[0], tmp_path / "inbox" / clean[0].name)


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows(folder, feed):
    with (folder / f"{feed}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_each_kind_spoils_one_feed_and_says_which(kind, seed, drop, clean):
    spoiled = spoil_drop(drop, Dirt(**{kind: 1.0}), seed)
    assert [one.kind for one in spoiled] == [kind] and spoiled[0].date == dt.date.fromisoformat(drop.name)
    before, after = content(clean[0]), content(drop)
    changed = {name for name in before if before[name] != after.get(name)} - {"manifest.json"}
    assert changed == {f"{spoiled[0].feed}.csv"}


@pytest.mark.parametrize("seed", range(3))
def test_a_late_file_is_not_there_and_not_announced(seed, drop):
    feed = spoil_drop(drop, Dirt(late=1.0), seed)[0].feed
    assert not (drop / f"{feed}.csv").exists()
    assert feed not in {entry["feed"] for entry in json.loads((drop / "manifest.json").read_text())["files"]}


@pytest.mark.parametrize("seed", range(3))
def test_duplicates_are_quarantined_and_the_rest_is_as_it_was(seed, drop, clean):
    feed = spoil_drop(drop, Dirt(duplicate=1.0), seed)[0].feed
    dirty, good = (check_file(folder / f"{feed}.csv", load_contract(feed)) for folder in (drop, clean[0]))
    assert dirty.quarantined.num_rows > 0
    assert dirty.accepted.drop_columns(["_source_line"]).equals(good.accepted.drop_columns(["_source_line"]))


def test_a_file_cut_on_its_way_breaks_the_manifest_and_one_cut_at_its_source_does_not(drop, tmp_path, clean):
    ends = set()
    for seed in range(12):
        folder = shutil.copytree(clean[0], tmp_path / str(seed) / drop.name)
        said = spoil_drop(folder, Dirt(partial=1.0), seed)[0].said
        refused = "bytes" in said
        ends.add(refused)
        if refused:
            with pytest.raises(InputRefused):
                land_drop(tmp_path / "landing" / str(seed), folder)
        else:
            assert land_drop(tmp_path / "landing" / str(seed), folder)
    assert ends == {True, False}


@pytest.mark.parametrize("seed", range(3))
def test_malformed_cells_never_pass_the_contract(seed, drop, clean):
    feed = spoil_drop(drop, Dirt(malformed=1.0), seed)[0].feed
    dirty, good = (check_file(folder / f"{feed}.csv", load_contract(feed)) for folder in (drop, clean[0]))
    assert dirty.quarantined.num_rows > 0
    accepted = {tuple(row.items()) for row in dirty.accepted.to_pylist()}
    assert accepted < {tuple(row.items()) for row in good.accepted.to_pylist()}


@pytest.mark.parametrize("kind", ["unit_mix_up", "phantom_stock"])
@pytest.mark.parametrize("seed", range(3))
def test_stock_lies_exactly_where_it_says_and_keeps_the_contract(kind, seed, drop, clean):
    pairs = spoil_drop(drop, Dirt(**{kind: 1.0}), seed)[0].pairs
    before, after = rows(clean[0], "wms_stock"), rows(drop, "wms_stock")
    differs = {(b["location_id"], b["item_id"]) for b, a in zip(before, after, strict=True) if a != b}
    assert differs == pairs and pairs
    assert check_file(drop / "wms_stock.csv", load_contract("wms_stock")).quarantined.num_rows == 0
    assert land_drop(drop.parent / "landing", drop), "its sender vouches for it"


def test_the_same_seed_does_the_same_and_another_does_not(clean, tmp_path):
    def spoil(name, seed):
        folders = [shutil.copytree(day, tmp_path / name / day.name) for day in clean]
        said = [spoil_drop(folder, Dirt(**dict.fromkeys(KINDS, 0.5)), seed) for folder in folders]
        return said, [content(folder) for folder in folders]

    assert spoil("one", 3) == spoil("two", 3)
    assert spoil("three", 4)[0] != spoil("four", 5)[0]


def test_one_kinds_share_changes_no_other_kind(clean, tmp_path):
    said = []
    for name, late in (("without", 0.0), ("with", 1.0)):
        folder = shutil.copytree(clean[1], tmp_path / name / clean[1].name)
        spoiled = spoil_drop(folder, Dirt(late=late, phantom_stock=1.0), 2)
        said.append([one for one in spoiled if one.kind == "phantom_stock"])
    taken = said[1] == [] or said[0] == said[1]
    assert said[0] and taken


def test_off_is_clean_and_touches_nothing(drop, clean):
    assert spoil_drop(drop, Dirt(), 0) == []
    assert content(drop) == content(clean[0]) and not clean_drop(drop)
    assert sorted(path.name for path in drop.parent.iterdir()) == [drop.name]


@pytest.mark.parametrize("kind", KINDS)
def test_the_clean_files_return_to_the_byte(kind, drop, clean):
    assert spoil_drop(drop, Dirt(**{kind: 1.0}), 1)
    assert clean_drop(drop)
    assert content(drop) == content(clean[0])
    manifest = json.loads((drop / "manifest.json").read_text())
    assert all(hashlib.sha256((drop / e["file"]).read_bytes()).hexdigest() == e["sha256"] for e in manifest["files"])


@pytest.mark.parametrize(
    ("text", "said"), [("heavvy", "did you mean 'heavy'"), ("late=x", "no share"), ("late=2", "0 to 1"), ("nonsense", "known")]
)
def test_words_that_are_no_dirt_are_refused(text, said):
    with pytest.raises(UsageError, match=said):
        read_dirt(text)


def test_levels_kinds_and_dashes_are_read():
    assert read_dirt("heavy") == Dirt(**dict.fromkeys(KINDS, 0.4))
    assert read_dirt("unit-mix-up=1, late") == Dirt(unit_mix_up=1.0, late=0.4)
    assert not read_dirt("")
