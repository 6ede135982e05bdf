"""The page as text: one file without script, under a policy that admits its own style alone; and every key of its document is described."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.domain.policy import Policy
from pipelines.extracts.contracts import text_rules
from pipelines.extracts.mapping import mapping_stages
from pipelines.health import write_health
from pipelines.health.advice import REASON_REMEDIES, reason_meanings, remedy_of, title_of
from pipelines.health.page import render_page

DOCS = Path(__file__).resolve().parents[3] / "docs" / "data-health.md"
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Collects tags and attributes, and checks that every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.tags, self.style = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data


@pytest.fixture
def body(hand_made):
    return write_health(hand_made.home, hand_made.as_of, Policy()).body


@pytest.fixture
def page(body):
    reader = Reader()
    reader.feed(render_page(body))
    return reader


def test_every_tag_is_closed_and_nothing_can_run(page):
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "iframe", "object", "embed", "form", "img", "base"}
    attributes = [(name, value) for _, found in page.tags for name, value in found.items()]
    assert [name for name, _ in attributes if name.startswith("on") or name == "style"] == []
    assert [value for name, value in attributes if name in ("href", "src") and not re.match(r"#|data:,$|[a-z]+\.(json|csv)$", value)] == []


def test_the_policy_admits_the_pages_own_style_alone(page):
    policy = next(found["content"] for tag, found in page.tags if found.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ") and f"style-src 'sha256-{digest}'" in policy
    assert "url(" not in page.style and "@import" not in page.style and "http" not in page.style


def test_parts_stand_in_order_under_one_heading(page):
    assert [found["id"] for tag, found in page.tags if tag == "section"] == [
        "fixes", "feeds", "checks", "quarantine", "reconciliation", "frozen", "glossary",
    ]  # fmt: skip
    assert [tag for tag, _ in page.tags].count("h1") == 1
    known = {found["id"] for _, found in page.tags if "id" in found}
    assert {found["href"][1:] for tag, found in page.tags if tag == "a" and found["href"].startswith("#")} <= known


def test_every_key_of_the_document_is_described(body):
    text = DOCS.read_text()
    parts = [body, body["headline"], body["publication"], body["window"], body["totals"], body["feeds"][0], body["gates"], body["frozen"]]
    parts += [body["gates"]["failed"][0], body["quarantine"], body["quarantine"]["reasons"][0], body["frozen"]["pairs"][0]]
    parts += [body["fixes"], body["fixes"]["rows"][0], body["quarantine"]["reasons"][0]["examples"][0]]
    parts += [feed["arrived"] for feed in body["feeds"] if feed["arrived"]]
    assert sorted({key for part in parts for key in part if f"`{key}`" not in text} - {"passed"}) == []


def test_every_reason_has_its_own_remedy_and_a_new_check_still_has_words():
    assert sorted((set(text_rules.REASONS) | set(mapping_stages.REASONS)) - set(REASON_REMEDIES)) == []
    assert reason_meanings()["held_within_on_hand"] != "held_within_on_hand", "row rules of contracts have a meaning too"
    assert title_of("a_check_of_tomorrow:on_hand") == "A check of tomorrow: on_hand" and remedy_of("a_check_of_tomorrow")
