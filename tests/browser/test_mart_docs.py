"""The page of the marts opens in a browser with no network and shows models, their grain and their columns."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

from dagster_project.mart_docs import write_mart_docs

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    return write_mart_docs(tmp_path_factory.mktemp("site"))


@pytest.fixture
def browser_page():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "Chromium is missing: make test installs it (Debian: apt-get install chromium)"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        page.asked, page.broke = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.broke.append(str(error)))
        yield page
        browser.close()


@pytest.mark.parametrize("model", ["kpi_turnover", "fct_transfer_lines", "fct_plan_inputs"])
def test_a_mart_shows_its_grain_and_columns_offline(page_file, browser_page, model):
    browser_page.goto(f"{page_file.as_uri()}#!/model/model.evenstock.{model}")
    browser_page.get_by_text("Columns", exact=True).first.wait_for(timeout=30_000)
    shown = browser_page.inner_text("body")
    assert model in shown
    assert "Grain:" in shown
    assert "item_id" in shown
    assert browser_page.broke == []
    outside = [url for url in browser_page.asked if url.startswith(("http:", "https:"))]
    assert outside == []
