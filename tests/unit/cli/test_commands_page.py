"""The page of commands is what the code says."""

from pathlib import Path

from cli.commands_page import commands_page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "commands.md"


def test_the_page_is_current():
    assert PAGE.read_text() == commands_page(), "run python -m cli.commands_page docs/commands.md"


def test_every_promised_command_is_on_it():
    page = commands_page()
    promised = ["demo", "run", "land", "check", "health", "plan solve", "plan audit", "plan pull", "plan show"]
    promised += ["plan explain", "plan approve", "plan reject", "layout list", "layout draft", "layout check", "layout try"]
    assert [name for name in promised if f"## `evenstock {name}`" not in page] == []
