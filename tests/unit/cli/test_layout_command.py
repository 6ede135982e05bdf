"""`evenstock layout`: what it says, where it points, how it ends, and that looking touches nothing."""

import json
import re
from pathlib import Path

import pytest
import yaml

from cli.main import call
from pipelines.extracts.contracts.contract import load_contracts
from pipelines.extracts.contracts.text_rules import REASONS
from pipelines.extracts.layouts.layout import LAYOUTS_DIR
from pipelines.extracts.layouts.layout_words import REMEDIES
from pipelines.extracts.mapping.mapping_stages import REASONS as MAPPING_REASONS

GOOD = """layout: acme
system: acme
feed: wms_stock
description: Stock of Acme.
file: {delimiter: semicolon}
lookups:
  sites: {file: SITES, on: {Lager: code}}
columns:
  date: business_date
  location_id: lookup.sites.site
  item_id: Artikel
  on_hand: Bestand
  reserved: 0
  blocked: 0
"""
STOCK = "Lager;Artikel;Bestand\nL1;A\x1b[2J;5\nL1;B;x\nL1;C;7\nL9;D;7\n"


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A folder with a layout, a file, its companion, and a home that does not exist."""
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.yaml").write_text(GOOD)
    (tmp_path / "stock.csv").write_text(STOCK)
    (tmp_path / "stock_2026-01-31.csv").write_text(STOCK)
    (tmp_path / "sites.csv").write_text("code;site\nL1;DC1\n")
    return tmp_path


def said(capfd) -> tuple[str, str]:
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err and "\x1b" not in out + err and "\u202e" not in out + err
    return out, err


def test_list_shows_shipped_layouts_and_those_of_the_site(acme, capfd):
    assert call(["layout", "list"]) == 0
    assert {path.stem for path in LAYOUTS_DIR.glob("*.yaml")} <= set(said(capfd)[0].split())
    (acme / "home" / "layouts").mkdir(parents=True)
    (acme / "home" / "layouts" / "acme.yaml").write_text(GOOD)
    assert call(["layout", "list", "--feed", "wms_stock"]) == 0
    out = said(capfd)[0]
    assert "acme" in out and "sap_mard" in out and "sap_mseg" not in out
    assert call(["layout", "check", "acme"]) == 0


def test_a_broken_layout_of_the_site_hides_no_other(acme, capfd):
    (acme / "home" / "layouts").mkdir(parents=True)
    (acme / "home" / "layouts" / "broken.yaml").write_text("layout: broken\n\u202e")
    assert call(["layout", "list"]) == 0
    out, err = said(capfd)
    assert "sap_mard" in out and "broken.yaml" in err


@pytest.mark.parametrize("name", sorted(path.stem for path in LAYOUTS_DIR.glob("*.yaml")))
def test_every_shipped_layout_is_complete(name, acme, capfd):
    assert call(["layout", "check", name]) == 0
    out = said(capfd)[0]
    assert out.endswith("the layout is complete\n")
    feed = yaml.safe_load((LAYOUTS_DIR / f"{name}.yaml").read_text())["feed"]
    assert all(column.name in out for column in load_contracts()[feed].columns)


def test_check_says_what_a_layout_needs(acme, capfd):
    assert call(["layout", "check", "acme.yaml"]) == 0
    out = said(capfd)[0]
    assert "needs a companion file SITES: --with SITES=FILE" in out and "always '0'" in out and "stays empty" in out


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("on_hand: Bestand", "on_hand: FILL_IN", ["line 12: on_hand: still to be filled in"]),
        ("on_hand: Bestand", "on_hnd: Bestand", ["line 12: columns.on_hnd: unknown column of wms_stock; did you mean 'on_hand'?"]),
        ("feed: wms_stock", "feed: wms_stok", ["line 3: feed: 'wms_stok' is none of the allowed words; did you mean 'wms_stock'?"]),
        ("  item_id: Artikel\n", "", ["'item_id' is missing"]),
        (
            "  blocked: 0\n",
            "  blocked: FILL_IN\n  reservd: 0\n",
            ["line 14: blocked: still to be filled in", "line 15: columns.reservd: unknown column"],
        ),
        ("layout: acme", "layout: \x1b[31mred", ["acme.yaml"]),
        ("system: acme", "system: *alias", ["line 2: aliases"]),
    ],
)
def test_check_points_at_the_line(old, new, lines, acme, capfd):
    (acme / "acme.yaml").write_text(GOOD.replace(old, new))
    assert call(["layout", "check", "acme.yaml"]) == 2
    out, err = said(capfd)
    assert all(line in out + err for line in lines), out + err
    assert err.startswith("evenstock: acme.yaml") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("check sap_mrd", 2, "did you mean 'sap_mard'?"),
        ("check absent.yaml", 2, "no such layout file"),
        ("check stock.csv", 2, "a layout is a .yaml file"),
        ("list --feed wms_stok", 2, "did you mean 'wms_stock'?"),
        ("draft absent.csv --feed wms_stock", 3, "absent.csv: no such file"),
        ("draft stock.csv --feed wms_stok", 2, "did you mean 'wms_stock'?"),
        ("draft stock.csv --feed wms_stock --out acme.yaml", 2, "overwrites nothing"),
        ("draft stock.csv --feed wms_stock --out Acme.yml", 2, "such as acme.yaml"),
        ("draft stock.csv --feed wms_stock --out no/acme.yaml", 2, "cannot be written"),
        ("draft stock.csv", 2, "--feed"),
        ("try acme.yaml stock.csv --date 2026-01-31", 2, "SITES"),
        ("try acme.yaml stock.csv --with SITES=sites.csv", 2, "name the date"),
        ("try acme.yaml stock.csv --with SITES=sites.csv --date 31.01.2026", 2, "YYYY-MM-DD"),
        ("try acme.yaml stock.csv --with SITES --date 2026-01-31", 2, "write NAME=FILE"),
        ("try acme.yaml stock.csv --with SITES=a --with SITES=b --date 2026-01-31", 2, "named twice"),
        ("try acme.yaml stock.csv --with SITES=absent.csv --date 2026-01-31", 3, "no such file"),
        ("try acme.yaml absent.csv --with SITES=sites.csv --date 2026-01-31", 3, "absent.csv: no such file"),
        ("try acme.yaml sites.csv --with SITES=sites.csv --date 2026-01-31", 3, "column 'Lager' is missing"),
        ("try acme.yaml . --with SITES=sites.csv --date 2026-01-31", 3, ""),
        ("tri acme.yaml stock.csv", 2, "Did you mean 'try'"),
    ],
)
def test_misuse_gives_one_line_with_the_remedy(words, code, message, acme, capfd):
    assert call(["layout", *words.split()]) == code
    err = said(capfd)[1]
    assert message in err and err.startswith("evenstock: ") and err.count("\n") == 1, err
    assert not (acme / "home").exists()


def test_draft_to_a_file_then_fill_in_then_try(acme, capfd):
    assert call(["layout", "draft", "stock.csv", "--feed", "wms_stock", "--out", "new_stock.yaml"]) == 0
    assert "3 of 8 columns found in 4 rows, 2 lines to fill in" in said(capfd)[0]
    text = (acme / "new_stock.yaml").read_text()
    assert "\x1b" not in text
    assert call(["layout", "check", "new_stock.yaml"]) == 2
    filled = re.sub(r"(reserved|blocked): FILL_IN", r"\1: 0", text).replace("[FILL_IN]", "X1")
    (acme / "new_stock.yaml").write_text(filled)
    assert call(["layout", "check", "new_stock.yaml"]) == 0
    assert call(["layout", "try", "new_stock.yaml", "stock.csv", "--date", "2026-01-31"]) == 3


def test_a_draft_on_stdout_is_the_draft_in_the_file(acme, capfd):
    assert call(["layout", "draft", "stock.csv", "--feed", "wms_stock"]) == 0
    out = said(capfd)[0]
    assert call(["layout", "draft", "stock.csv", "--feed", "wms_stock", "--out", "stock.yaml"]) == 0
    assert (acme / "stock.yaml").read_text() == out


def test_try_counts_and_explains_and_touches_nothing(acme, capfd):
    assert call(["layout", "try", "acme.yaml", "stock_2026-01-31.csv", "--with", "SITES=sites.csv"]) == 3
    out = said(capfd)[0]
    assert "4 rows in = 1 accepted + 3 quarantined + 0 left out + 0 merged" in out
    assert "2026-01-31  DC1" in out
    assert "A\\x1b[2J" in out, "the source's text, made harmless"
    for reason in ("control_character", "not_integer", "lookup_missing"):
        assert f"  {reason}: " in out
    assert "the companion file lacks the row" in out
    assert sorted(path.name for path in acme.iterdir()) == ["acme.yaml", "sites.csv", "stock.csv", "stock_2026-01-31.csv"]


def test_try_of_clean_rows_ends_well(acme, capfd):
    (acme / "stock.csv").write_text("Lager;Artikel;Bestand\nL1;A;5\n")
    assert call(["layout", "try", "acme.yaml", "stock.csv", "--with", "SITES=sites.csv", "--date", "2026-01-31"]) == 0
    assert "quarantined, by reason" not in said(capfd)[0]


def test_try_as_json_holds_everything(acme, capfd):
    words = ["layout", "try", "acme.yaml", "stock.csv", "--with", "SITES=sites.csv", "--date", "2026-01-31", "--json", "--limit", "0"]
    assert call(words) == 3
    body = json.loads(said(capfd)[0])
    assert (body["rows_in"], body["accepted"], body["quarantined"], body["left_out"], body["merged"]) == (4, 1, 3, 0, 0)
    assert sum(reason["rows"] for reason in body["reasons"]) == len(body["rows"]) == 3
    assert {"line", "column", "reason", "value"} <= set(body["rows"][0]) and body["accepted_rows"] == []


def test_limit_shows_so_many_rows(acme, capfd):
    lines = "".join(f"L1;I{n};{n}\n" for n in range(9)) + "".join(f"L1;J{n};x\n" for n in range(9))
    (acme / "stock.csv").write_text(f"Lager;Artikel;Bestand\n{lines}")
    assert call(["layout", "try", "acme.yaml", "stock.csv", "--with", "SITES=sites.csv", "--date", "2026-01-31", "--limit", "2"]) == 3
    out = said(capfd)[0]
    assert out.count("  DC1 ") == 2 and out.count("x\n") == 2 and "and 7 more" in out


def test_every_remedy_is_for_a_reason_that_exists():
    rules = {rule.name for contract in load_contracts().values() for rule in contract.rules}
    assert set(REMEDIES) <= set(REASONS) | set(MAPPING_REASONS) | rules


def test_a_layout_that_is_not_text_is_refused(acme, capfd):
    for data in (b"\xff\xfe\x00", b"\x00", b"layout: [", b"", b"- a\n", b"a: " + b"[" * 5000):
        Path("acme.yaml").write_bytes(data)
        assert call(["layout", "check", "acme.yaml"]) == 2
        assert said(capfd)[1].startswith("evenstock: acme.yaml")


def test_check_by_a_layout_says_what_trying_it_says(acme, capfd):
    given = ["stock_2026-01-31.csv", "--with", "SITES=sites.csv", "--json"]
    assert call(["check", "--layout", "acme.yaml", *given]) == call(["layout", "try", "acme.yaml", *given]) == 3
    body = json.loads(said(capfd)[0].split("}\n{")[0] + "}")
    assert (body["layout"], body["feed"], body["accepted"], body["quarantined"]) == ("acme", "wms_stock", 1, 3)
    assert call(["check", "--layout", "acme.yaml", *given[:3]]) == 3
    out = said(capfd)[0]
    assert "3 quarantined" in out and "accepted, by key" not in out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["check", "stock.csv"], "name the feed with --feed, or a layout with --layout"),
        (["check", "stock.csv", "--layout", "acme.yaml", "--feed", "erp_items"], "is for wms_stock, not for erp_items"),
        (["check", "stock.csv", "--feed", "wms_stock", "--with", "SITES=sites.csv"], "only a layout looks things up"),
        (["check", "stock.csv", "--layout", "acmee.yaml"], "acmee.yaml"),
    ],
)
def test_check_needs_to_know_how_to_read_a_file(words, why, acme, capfd):
    assert call(words) == 2
    assert why in said(capfd)[1]
