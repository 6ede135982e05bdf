"""Files of other systems land with the layout that reads them and their companions, and their sender's figures are held against them."""

import datetime
import gzip
import hashlib
import json
import zipfile

import pytest

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.lake.partitions import ingest, read_partition
from pipelines.extracts.landing.kept_layouts import find_layout
from pipelines.extracts.landing.landed import LandedFile, list_landed
from pipelines.extracts.landing.landing_zone import land_drop
from tests.landed import land_file

DAY = datetime.date(2026, 1, 5)
LAYOUT = """layout: acme_stock
system: acme
feed: wms_stock
description: Stock as Acme writes it.
file: {delimiter: ";", encoding: latin-1}
values: {decimal: ",", thousands: "."}
where:
  - {column: STATUS, not_in: [X]}
columns:
  date: business_date
  location_id: {from: lookup.lager.SITE}
  item_id: ARTIKEL
  on_hand: {from: MENGE, unit: {from: ME, factors: {ST: 1, KAR: 12}}}
  reserved: 0
  blocked: 0
lookups:
  lager: {file: LAGER, on: {LGORT: LGORT}}
"""
STOCK = "LGORT;ARTIKEL;MENGE;ME;STATUS\n01;A;1.200;ST;\n01;B;3;KAR;\n02;A;7;ST;X\n02;B;5;ST;\n"
LAGER = "LGORT;SITE\n01;CA_1\n02;TX_2\n"


@pytest.fixture
def site(tmp_path):
    """A folder with the layout of a site, and its files."""
    folder = tmp_path / "layouts"
    folder.mkdir()
    (folder / "acme_stock.yaml").write_text(LAYOUT)
    (tmp_path / "stock.txt").write_text(STOCK)
    (tmp_path / "lager.txt").write_text(LAGER)
    return tmp_path


@pytest.fixture
def land(site):
    def build(name="stock.txt", companion="lager.txt"):
        layout = find_layout("acme_stock", (site / "layouts",))
        return land_file(site / "landing", site / name, "wms_stock", DAY, layout=layout, companions={"LAGER": site / companion})

    return build


def read(site, landed):
    return ingest(landed, load_contract("wms_stock"), site / "lake", site / "quarantine")


def units(site):
    frame = read_partition(site / "lake", "wms_stock", DAY)
    return {(row.location_id, row.item_id): row.on_hand for row in frame.itertuples()}


def test_the_lake_holds_what_the_layout_makes_of_it(site, land):
    done = read(site, land())
    assert units(site) == {("CA_1", "A"): 1200, ("CA_1", "B"): 36, ("TX_2", "B"): 5}
    assert (done.rows_in, done.rows_accepted, done.rows_quarantined, done.rows_left_out, done.rows_merged) == (4, 3, 0, 1, 0)
    assert read(site, land()) == done, "the sidecar says the same"


def test_the_sidecar_names_layout_and_companions_and_bytes_keep_their_ending(site, land):
    landed = land()
    assert (landed.layout, landed.path.suffix, landed.companions[0].name) == ("acme_stock", ".txt", "LAGER")
    assert landed.layout_sha256 == hashlib.sha256(LAYOUT.encode()).hexdigest()
    assert landed.companions[0].path.read_text() == LAGER
    assert list_landed(site / "landing", "wms_stock") == [landed]


def test_what_landed_is_read_by_the_layout_that_it_landed_with(site, land):
    landed = land()
    (site / "layouts" / "acme_stock.yaml").write_text(LAYOUT.replace("KAR: 12", "KAR: 24"))
    read(site, landed)
    assert units(site)["CA_1", "B"] == 36
    again = land()
    assert again.version == 2, "the same bytes read by another layout are another version"
    read(site, again)
    assert units(site)["CA_1", "B"] == 72
    (kept,) = (site / "landing" / "layouts").glob(f"{landed.layout_sha256[:16]}/*.yaml")
    kept.write_text("layout: nonsense")
    with pytest.raises(InputRefused, match=r"acme_stock\.yaml: the layout that stock\.txt landed with cannot be read"):
        ingest(landed, load_contract("wms_stock"), site / "other", site / "quarantine")


def test_another_companion_is_another_version(site, land):
    (site / "other.txt").write_text(LAGER.replace("TX_2", "TX_9"))
    assert [land().version, land(companion="other.txt").version, land().version] == [1, 2, 1]


@pytest.mark.parametrize("pack", ["gzip", "zip", "renamed", "re-ordered"])
def test_a_repeat_in_another_guise_is_a_no_op(pack, site, land):
    first = land()
    header, *rows = STOCK.splitlines(keepends=True)
    if pack == "zip":
        with zipfile.ZipFile(site / "again.zip", "w") as archive:
            archive.writestr("inside.txt", STOCK)
    else:
        name, data = {
            "gzip": ("again.gz", gzip.compress(STOCK.encode())),
            "renamed": ("again.csv", STOCK.encode()),
            "re-ordered": ("again.txt", (header + "".join(rows[::-1])).encode()),
        }[pack]
        (site / name).write_bytes(data)
    name = next(path.name for path in site.glob("again.*"))
    assert land(name) == first and list_landed(site / "landing", "wms_stock") == [first]


def test_a_row_that_moved_into_the_header_or_out_of_its_quotes_is_no_repeat(tmp_path):
    columns = [column.name for column in load_contract("wms_stock").columns]
    files = {
        "one.csv": ['"x', 'y",2026-01-05', '"z', 'w",2026-01-06'],
        "other.csv": ['"x', 'w",2026-01-06', '"z', 'y",2026-01-05'],
    }
    versions = []
    for name, lines in files.items():
        (tmp_path / name).write_text("\n".join([",".join(columns), *lines]) + "\n")
        versions.append(land_file(tmp_path / "landing", tmp_path / name, "wms_stock", DAY).version)
    (tmp_path / "swapped.csv").write_text("\n".join([files["one.csv"][0], ",".join(columns), *files["one.csv"][1:]]) + "\n")
    versions.append(land_file(tmp_path / "landing", tmp_path / "swapped.csv", "wms_stock", DAY).version)
    assert versions == [1, 2, 3]


def test_a_sidecar_of_an_older_release_still_reads(site, land, good_row, write_feed):
    path = write_feed("wms_stock", [good_row("wms_stock")])
    landed = land_file(site / "landing", path, "wms_stock", DAY)
    (sidecar,) = (site / "landing" / "wms_stock").glob("*.json")
    body = json.loads(sidecar.read_text())
    for name in ("layout", "layout_sha256", "content_sha256"):
        del body[name]
    sidecar.write_text(json.dumps(body))
    (old,) = list_landed(site / "landing", "wms_stock")
    assert isinstance(old, LandedFile) and (old.layout, old.companions, old.identity) == ("", (), landed.identity)
    assert land_file(site / "landing", path, "wms_stock", DAY) == old, "its bytes again are still a no-op"
    assert read(site, old).rows_accepted == 1


@pytest.fixture
def drop(site):
    """drop(**changes): a drop folder of the two files with a manifest, its entry changed."""

    def build(**changes):
        folder = site / "2026-01-05"
        folder.mkdir(exist_ok=True)
        for name in ("stock.txt", "lager.txt"):
            (folder / name).write_bytes((site / name).read_bytes())
        sha256 = {name: hashlib.sha256((site / name).read_bytes()).hexdigest() for name in ("stock.txt", "lager.txt")}
        entry = {"feed": "wms_stock", "file": "stock.txt", "rows": 4, "bytes": len(STOCK), "sha256": sha256["stock.txt"]}
        entry |= {"layout": "acme_stock", "companions": {"LAGER": {"file": "lager.txt", "sha256": sha256["lager.txt"]}}} | changes
        manifest = {"format": "evenstock-extract/1", "source_system": "acme", "business_date": "2026-01-05", "files": [entry]}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return land_drop(site / "landing", folder, layout_folders=(site / "layouts",))

    return build


@pytest.mark.parametrize("sums", [{}, {"MENGE": 1215}, {"menge": "1215"}, {"on_hand": 1241}, {"MENGE": 1215, "on_hand": 1241}])
def test_a_manifest_that_agrees_lands(sums, drop, land):
    (landed,) = drop(sums=sums)
    assert (landed.layout, landed.source_system, landed.control["rows"]) == ("acme_stock", "acme", 4)
    assert land() == landed


REFUSED = {
    "rows": ({"rows": 3}, "the manifest says 3 rows, the file has 4"),
    "source sum": ({"sums": {"MENGE": 1216}}, "the manifest says MENGE sums to 1216, the file has 1215"),
    "canonical sum": ({"sums": {"on_hand": 1215}}, "the manifest says on_hand sums to 1215, the file has 1241"),
    "unknown sum": ({"sums": {"MENG": 1}}, "column 'MENG' of the manifest's sums is neither in the file nor in wms_stock"),
    "unknown layout": ({"layout": "acme_stok"}, "unknown layout 'acme_stok'; did you mean 'acme_stock'"),
    "layout as path": ({"layout": "../layouts/acme_stock.yaml"}, "'layout' must be the name of a layout"),
    "layout of another feed": ({"feed": "erp_items"}, "layout acme_stock is for wms_stock, not for erp_items"),
    "no companion": ({"companions": {}}, "looks things up in 'LAGER', which is not beside it"),
    "companion unknown": ({"layout": ""}, "the canonical layout knows no companion 'LAGER'"),
    "companion as path": ({"companions": {"LAGER": {"file": "../lager.txt", "sha256": "0" * 64}}}, "not a plain file name"),
    "companion changed": (
        {"companions": {"LAGER": {"file": "lager.txt", "sha256": "0" * 64}}},
        r"lager\.txt: the manifest says sha256 0{64}, the file has",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_manifest_that_does_not_agree_is_refused_and_nothing_lands(case, site, drop):
    changes, said = REFUSED[case]
    with pytest.raises(InputRefused, match=said):
        drop(**changes)
    assert list_landed(site / "landing") == []


def test_the_command_lands_with_layout_and_companions(site, monkeypatch, capsys):
    from cli.landing import land as command

    monkeypatch.setenv("EVENSTOCK_HOME", str(site))
    command([site / "stock.txt"], layout="acme_stock", companions=[f"LAGER={site / 'lager.txt'}"], business_date="2026-01-05")
    assert "wms_stock 2026-01-05 version 1 is in force (new): " in capsys.readouterr().out
    for options, said in [
        ({"layout": "acme_stock", "feed": "erp_items"}, "is for wms_stock, not for erp_items"),
        ({}, "name the feed with --feed, or a layout with --layout"),
        ({"layout": "acme_stock", "companions": ["LAGER"]}, "write NAME=FILE"),
    ]:
        with pytest.raises(UsageError, match=said):
            command([site / "stock.txt"], business_date="2026-01-05", **options)
