"""The page of data health in Chromium: readable in light and dark, on desk and phone; silent, offline, inert whatever files hold."""

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from pipelines.domain.policy import GatePolicy, Policy
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.lake.partitions import ingest, read_partition
from pipelines.flows.intake import save_verdict
from pipelines.health import RunEnd, write_health
from pipelines.store.home import Home
from quality.judging.gates import GateCheck, run_gate, verdict
from tests.landed import land_file

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
DAY = dt.date(2026, 3, 10)
SCREENS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
HOSTILE = (
    "<script>window.ran=1</script>",
    "\"'><img src=x onerror=window.ran=1>",
    "</style></code></table><svg onload=window.ran=1>",
    "<a href=javascript:window.ran=1>x</a><iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "{{ 7*7 }}{% include '/etc/passwd' %}",
    "<!--<meta http-equiv=refresh content='0;url=http://example.invalid/'>",
    "abc\u202egnp.exe\u2066\u200b\x07",
    "<base href=http://example.invalid/><link rel=stylesheet href=http://example.invalid/a.css>",
)
ROW = "2026-03-10,{place},ITEM-{n},,{units},0,0,{expiry}"
INTRUDERS = (
    "script, img, iframe, object, embed, form, base, meta[http-equiv=refresh], link[rel=stylesheet], [onload], [onerror], svg[onload]"
)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    """A day whose file name, cells, verdicts and messages are hostile, through landing, checks and gate."""
    folder = tmp_path_factory.mktemp("hostile")
    home = Home(folder / "home")
    quoted = ['"' + text.replace('"', '""') + '"' for text in HOSTILE]
    lines = [ROW.format(place="EAST", n=n, units=5, expiry="") for n in range(60)]
    lines += [ROW.format(place=text, n=100 + n, units=5, expiry="") for n, text in enumerate(quoted)]
    lines += [ROW.format(place="WEST", n=200 + n, units=text, expiry="31/12/2026") for n, text in enumerate(quoted)]
    source = folder / "<img src=x onerror=window.ran=1>\u202e&amp;.csv"
    source.write_text("date,location_id,item_id,lot_id,on_hand,reserved,blocked,expiry_date\n" + "\n".join(lines) + "\n")
    landed = land_file(home.landing, source, "wms_stock", DAY, source_system="twin", arrived_at=HOSTILE[1])
    contract = load_contract("wms_stock")
    done = ingest(landed, contract, home.lake, home.quarantine)
    known = {"erp_items": {f"ITEM-{n}" for n in range(60)}, "erp_locations": {"EAST"}}
    said = run_gate(
        contract,
        read_partition(home.lake, "wms_stock", DAY),
        business_date=DAY,
        rows_in=done.rows_in,
        rows_quarantined=done.rows_quarantined,
        trailing_counts=[900, 1000, 1100],
        known_keys=known,
        policy=GatePolicy(),
    )
    save_verdict(home, DAY, "wms_stock", done.lake_sha256, said.to_json())
    check = GateCheck(f"stock_replay:{HOSTILE[0]}", False, "warn", HOSTILE[1], HOSTILE[2], HOSTILE)
    save_verdict(home, DAY, "reconciliation", "", verdict("reconciliation", DAY, [check], 0, 0).to_json())
    row = {"feed": "wms_stock", "file": source.name, "line": 62}
    pair = {"location_id": HOSTILE[0], "item_id": HOSTILE[6], "reasons": list(HOSTILE), "rows": [row], "plan_lines": [HOSTILE[1]]}
    frozen = {"pairs": [pair | {"kpis": [HOSTILE[2]], "units": 3, "usd": 120.5}], "usd": 120.5, "rows": 1, "says": HOSTILE[3]}
    (home.gates / str(DAY) / "frozen.json").write_text(json.dumps({"format": "evenstock-frozen/1", "business_date": str(DAY)} | frozen))
    return write_health(home, DAY, Policy(), RunEnd(HOSTILE[0], (("step", HOSTILE[1]),))).page


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "Chromium is missing: make test installs it (Debian: apt-get install chromium)"
    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser, page_file):
    """Opens the page on a screen and keeps what it asked for and said."""
    contexts = []

    def open_on(width: int = 1280, scheme: str = "light", bypass_csp: bool = False):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=bypass_csp)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: (page.said.append(dialog.message), dialog.dismiss()))
        page.goto(page_file.as_uri())
        return page

    yield open_on
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_the_page_is_whole_silent_and_asks_for_nothing(open_page, width, scheme, tmp_path):
    page = open_page(width, scheme)
    page.screenshot(path=tmp_path / f"health-{width}-{scheme}.png", full_page=True)
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == [] and len(page.asked) <= 2
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [heading.inner_text() for heading in page.query_selector_all("h1")] == ["There is no plan yet"]


def test_dark_is_dark_and_light_is_light(open_page):
    shades = {}
    for scheme in ("light", "dark"):
        shown = open_page(1280, scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        shades[scheme] = sum(int(part) for part in shown.strip("rgb()").split(",")[:3])
    assert shades["light"] > 600 and shades["dark"] < 150


@pytest.mark.parametrize("bypass_csp", [False, True], ids=["with its policy", "escaping alone"])
def test_nothing_from_a_source_runs_or_becomes_markup(open_page, bypass_csp):
    page = open_page(bypass_csp=bypass_csp)
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None
    assert page.evaluate(f"document.querySelectorAll({INTRUDERS!r}).length") == 0
    targets = page.evaluate("[...document.links].map(link => link.getAttribute('href'))")
    assert {target for target in targets if not target.startswith("#")} <= {"health.json", "quarantine.csv"}
    assert page.said == []


def test_hostile_text_is_shown_as_text_with_its_steering_visible(open_page):
    page = open_page()
    shown = page.evaluate("document.body.textContent")
    for text in HOSTILE[:3]:
        assert text in shown
    assert "{{ 7*7 }}" in shown and "49" not in page.inner_text("#quarantine").replace("49 ", "")
    assert "abc\\u202egnp.exe\\u2066\\u200b\\x07" in shown
    assert not {"\u202e", "\u2066", "\u200b", "\x07"} & set(shown)


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_axe_finds_nothing(open_page, width, scheme):
    page = open_page(width, scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    found = Axe().run(page)
    assert found.response["passes"], "axe has judged something"
    assert found.violations_count == 0, found.generate_report()


def test_every_table_and_chart_can_be_heard(open_page):
    page = open_page()
    tables = page.query_selector_all("table")
    assert len(tables) >= 5
    for table in tables:
        assert table.query_selector("caption").text_content().strip() and table.query_selector("tbody th[scope=row]")
        assert table.query_selector("th:not([scope=col]):not([scope=row])") is None
    charts = page.query_selector_all("svg[role=img]")
    assert charts and all("per day" in chart.get_attribute("aria-label") for chart in charts)
    assert all(page.query_selector(landmark) for landmark in ("header", "main", "nav[aria-label]", "footer"))


def test_the_keyboard_reaches_the_figures_first_and_every_table_that_scrolls(open_page):
    page = open_page(390)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    assert page.query_selector(".scroll:not([role=region][tabindex='0'][aria-label])") is None


def test_in_print_nothing_is_folded_away_or_cut(open_page):
    page = open_page(1032)  # A4 landscape within its margins
    page.emulate_media(media="print")
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = false)")
    folded = page.query_selector_all("details:not([open]) table")
    assert folded and all(table.bounding_box()["height"] > 0 for table in folded)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1032
    assert not page.is_visible("nav.parts")
