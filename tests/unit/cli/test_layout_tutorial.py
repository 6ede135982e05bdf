"""The tutorial on layouts does what it shows: its files are written, its commands run, its outputs compared.

After a change, `python tests/unit/cli/test_layout_tutorial.py` writes the outputs into the page.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs" / "layout-tutorial.md"
EVENSTOCK = Path(sys.executable).with_name("evenstock")
BLOCK = re.compile(r"(?:<!-- file: (?P<file>[\w.-]+) -->\n)?```(?P<kind>text|yaml|console)\n(?P<body>.*?)```\n", re.DOTALL)
LONGEST_LAYOUT = 40


def run(command: str, folder: Path) -> str:
    """What a command of the page prints, complaints included."""
    words = shlex.split(command)
    words[0] = str(EVENSTOCK) if words[0] == "evenstock" else words[0]
    home = {**os.environ, "EVENSTOCK_HOME": str(folder / "home")}
    return subprocess.run(words, cwd=folder, env=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def played(page: str, folder: Path) -> str:
    """The page with the outputs that its commands give."""

    def play(block: re.Match) -> str:
        if block["file"]:
            (folder / block["file"]).write_text(block["body"], encoding="utf-8")
        if block["kind"] != "console":
            return block[0]
        commands = [line[2:] for line in block["body"].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"$ {command}\n{run(command, folder)}" for command in commands) + "```\n"

    return BLOCK.sub(play, page)


def test_the_page_shows_what_its_commands_do(tmp_path):
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("$ evenstock layout") >= 6
    assert played(page, tmp_path) == page, "run python tests/unit/cli/test_layout_tutorial.py"


def test_the_layout_is_short():
    blocks = {block["file"]: block["body"] for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")) if block["file"]}
    assert len(blocks["northwind_stock.yaml"].splitlines()) < LONGEST_LAYOUT


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        PAGE.write_text(played(PAGE.read_text(encoding="utf-8"), Path(scratch)), encoding="utf-8")
