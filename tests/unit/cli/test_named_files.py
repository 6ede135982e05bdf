"""Files a person names: read whole or refused by name, written whole or not at all, devices and links left as they are."""

import gzip
import json
import os
import stat
import threading

import pytest

from cli.files import check_writable, read_document, write_whole
from pipelines.domain.errors import InputRefused, MachineFailed, UsageError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": ' + "9" * 5000 + "}", "limit"),
        ('{"a": ' * 200_000, "depth"),
        ('{"a": {"key": 1, "key": 2}}', "key 'key' comes twice"),
        ('{"a": 1', "line 1, column"),
        ("[1]", "expected a JSON object"),
        ('{"' + "k" * 500 + '": 1, "' + "k" * 500 + '": 2}', r"\.\.\. comes twice"),
    ],
)
def test_a_document_that_cannot_be_meant_is_refused_by_name(tmp_path, text, said):
    file = tmp_path / "p.json"
    file.write_text(text)
    with pytest.raises(InputRefused, match=rf"p\.json: .*{said}") as refusal:
        read_document(file)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize("content", [b"{}", gzip.compress(b"{}" * 99, mtime=0)[:-9], b"\x1f\x8b\x08\x00" + b"\xff" * 40])
def test_a_wrong_gzip_is_refused(tmp_path, content):
    file = tmp_path / "p.json.gz"
    file.write_bytes(content)
    with pytest.raises(InputRefused, match=r"p\.json\.gz"):
        read_document(file)


@pytest.mark.parametrize("make", [lambda p: p, lambda p: p / ("n" * 300), lambda p: type(p)("/proc/self/mem")])
def test_what_is_no_document_is_refused(tmp_path, make):
    with pytest.raises(InputRefused, match="not readable"):
        read_document(make(tmp_path))


def test_a_link_keeps_pointing_where_it_did(tmp_path):
    target, link = tmp_path / "kept" / "plan.json", tmp_path / "plan.json"
    target.parent.mkdir()
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink() and target.read_bytes() == b"new" and stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in target.parent.iterdir()] == ["plan.json"]


def test_a_link_to_nothing_makes_its_target(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "new")
    write_whole(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "new").read_bytes() == b"x"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe, taken = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: taken.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"through")
    reader.join(10)
    assert taken == [b"through"] and pipe.is_fifo()


def test_a_device_stays_a_device(tmp_path):
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    write_whole(link, b"gone")
    assert link.is_symlink() and link.is_char_device()
    with pytest.raises(MachineFailed, match=r"/dev/full: .*No space left.*free some space"):
        write_whole(type(tmp_path)("/dev/full"), b"x")


@pytest.mark.parametrize("name", ["", "folder", "absent/x.json", "file/x.json", "n" * 300, "loop"])
def test_a_name_that_cannot_be_written_is_misuse(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    for refuse in (lambda path: check_writable(path), lambda path: write_whole(path, b"x")):
        with pytest.raises(UsageError, match=r"cannot be written .*; name a file"):
            refuse(type(tmp_path)(name))
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "file", "loop"}


def test_a_name_as_long_as_the_disk_allows_is_written(tmp_path):
    write_whole(tmp_path / ("n" * 255), b"x")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"x"


def test_a_gzipped_name_gets_gzip_and_always_the_same_bytes(tmp_path):
    for name in ("a.json.gz", "b.json.gz"):
        write_whole(tmp_path / name, json.dumps({"a": 1}).encode())
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()
    assert read_document(tmp_path / "a.json.gz") == {"a": 1}
