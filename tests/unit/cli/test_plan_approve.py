"""Whoever approves a line learns what dispatch made of it."""

from cli import decisions
from pipelines import flows


def test_lines_that_dispatch_cut_or_cancelled_are_named_on_stderr(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path))
    monkeypatch.setattr(flows, "decide", lambda *_: flows.Decided(0, {"L2": "sent 5: CA_1 has 7"}, {"L1": "not sent: CA_1 has 2"}))
    decisions.approve(["L1", "L2"], "ana", "dock is free")
    said = capsys.readouterr()
    assert said.out == "approved 2 lines; 0 transfer orders sent\n"
    assert said.err == "evenstock: line L1: not sent: CA_1 has 2\nevenstock: line L2: sent 5: CA_1 has 7\n"
