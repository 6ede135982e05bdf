"""Closed streams, broken pipes, homes that lead nowhere: one clear line or silence, never a traceback."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import main
from cli.screen import gap_text, progress_bar
from pipelines.domain.errors import InputRefused, UsageError
from pipelines.settings import load_policy, load_settings

ROOT = Path(__file__).resolve().parents[3]
TRUTH = ROOT / "tests" / "golden" / "truths" / "T1.json"


def run_bash(line: str, tmp_path: Path, **variables: str) -> subprocess.CompletedProcess:
    """A line of bash in which $E is the command, in a folder of its own."""
    env = {**os.environ, "E": f"{sys.executable} -m cli.main", "PYTHONPATH": str(ROOT), **variables}
    env.setdefault("EVENSTOCK_HOME", str(tmp_path / "home"))
    return subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, env=env, cwd=tmp_path)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$E --help | true", 0),
        ("$E plan solve --help | head -1", 0),
        ("$E --help >&-", 0),
        ("$E plan show >&- 2>&-", 4),
        ("$E --help >/dev/full", 1),
    ],
)
def test_a_stream_nobody_reads_ends_without_a_traceback(line, code, tmp_path):
    done = run_bash(line, tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert code != 1 or "No space left on device; free some space" in done.stderr


def test_text_that_the_screen_cannot_show_is_escaped(tmp_path):
    code = "import cli.main as m; m._open_streams(); print(chr(246))"
    done = run_bash(f'{sys.executable} -c "{code}"', tmp_path, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert (done.returncode, done.stdout) == (0, "\\xf6\n"), done.stderr


def test_progress_outlives_its_reader(monkeypatch):
    read, write = os.pipe()
    os.close(read)
    kept = os.dup(2)
    try:
        os.dup2(write, 2)
        with progress_bar() as tell:
            tell("one", 0.1)
            tell("two", 0.2)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(write)


@pytest.mark.parametrize("home", ["~nosuchuser/x", "loop", "file", "file/below", "n" * 300])
def test_a_home_that_cannot_be_a_folder_is_misuse(home, tmp_path, monkeypatch, capfd):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENSTOCK_HOME", home)
    assert main.call(["plan", "show"]) == 2
    said = capfd.readouterr().err
    assert said.startswith("evenstock: EVENSTOCK_HOME: ") and said.count("\n") == 1 and "name a" in said


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_is_named_and_logged_elsewhere(number, tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(main.tempfile, "tempdir", str(tmp_path))
    assert main._report_crash(OSError(number, os.strerror(number), "/srv/home")) == 1
    said = capfd.readouterr().err.strip()
    assert os.strerror(number) in said and ("free some space" in said or "make it writable" in said) and "\n" not in said
    assert Path(said.rsplit(" ", 1)[1]).is_relative_to(tmp_path)


@pytest.mark.parametrize("words", [["check", "x.csv", "--feed", "wms_stock"], ["plan", "audit", "--problem", "p", "--plan", "q"]])
def test_every_command_refuses_an_unknown_variable(words, monkeypatch, capfd):
    monkeypatch.setenv("EVENSTOCK_SEDE", "1")
    assert main.call(words) == 2
    assert "did you mean EVENSTOCK_SEED?" in capfd.readouterr().err
    assert main.call([*words[:2], "--help"]) == 0


def test_interrupted_says_so_in_one_line(monkeypatch, capfd):
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "_keep_to_environment", interrupt)
    assert main.call(["plan", "show"]) == 130
    assert capfd.readouterr().err == "evenstock: stopped; nothing half-done is kept\n"


def break_policy(kind: str, file: Path) -> None:
    if kind == "dangling":
        file.symlink_to("nowhere")
    elif kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.write_bytes(
            {
                "false": b"false",
                "list": b"[]",
                "bytes": b"\xff",
                "date": b"planning: {gamma: 2026-13-45}",
                "deep": b"[" * 5000,
                "huge": b"planning: {gamma: " + b"9" * 5000 + b"}",
                "share": b"service: {target_a_share: 7}",
            }[kind]
        )


@pytest.mark.parametrize("kind", ["dangling", "folder", "pipe", "false", "list", "bytes", "date", "deep", "huge", "share"])
def test_a_policy_that_cannot_be_meant_is_never_the_defaults(kind, tmp_path):
    home = load_settings(home=tmp_path).folders
    break_policy(kind, home.policy_file)
    with pytest.raises(InputRefused, match=r"policy\.yaml") as refusal:
        load_policy(home)
    assert len(str(refusal.value)) < 500 + len(str(tmp_path))


@pytest.mark.parametrize("text", ["2026-W01-1", "2026-1-1", "20260101", "2026-02-30", "٢٠٢٦-٠١-٠١", "x" * 5000])
def test_only_a_date_as_promised_is_a_date(text):
    from cli.dates import parse_date

    with pytest.raises(UsageError, match=r"--as-of: .* is not a date") as refusal:
        parse_date(text, "--as-of")
    assert len(str(refusal.value)) < 250


def test_a_gap_has_no_minus_before_zero():
    assert [gap_text(share) for share in (-0.0, -1e-12, 0.5, None)] == ["0.0000%", "0.0000%", "50.0000%", "unknown"]


def test_a_wrong_out_is_found_before_solving(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("pipelines.planning.solve.solve_problem", lambda *_: pytest.fail("solved first"))
    assert main.call(["plan", "solve", "--problem", str(TRUTH), "--out", str(tmp_path)]) == 2
    assert "a folder" in capfd.readouterr().err


@pytest.mark.parametrize(("by", "reason"), [("ana", "\udcff"), ("\udcff", "ok"), ("ana", " ")])
def test_words_no_ledger_can_keep_are_misuse(by, reason, capfd):
    assert main.call(["plan", "approve", "L1", "--by", by, "--reason", reason]) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_a_line_named_twice_counts_once(monkeypatch, capfd):
    from cli import decisions

    seen = []
    monkeypatch.setattr(decisions, "_decide", lambda lines, *_: seen.append(lines) or 1)
    assert main.call(["plan", "reject", "L2", "L1", "L2", "--by", "ana", "--reason", "ok"]) == 0
    assert seen == [["L2", "L1"]] and "rejected 2 lines" in capfd.readouterr().out
