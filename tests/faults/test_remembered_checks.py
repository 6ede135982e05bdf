"""What the mutations' nights remember of checks: the same frames are judged once, another one of those looked at is judged anew."""

import pandas as pd

from tests.faults.mutations.memory import remember


def test_only_frames_that_a_check_looks_at_make_it_run_again():
    runs = []

    def check(frames, day):
        runs.append(day)
        extra = len(frames["b"]) if "b" in frames else 0
        return len(frames["a"]) + extra, [day]

    remembered, one, other = remember(check), pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [1, 2]})
    assert remembered({"a": one, "c": one}, 1) == (1, [1])
    remembered({"a": one, "c": other}, 1)[1].append("spoiled")
    assert remembered({"a": one, "c": other}, 1) == (1, [1]) and len(runs) == 1
    assert remembered({"a": one.copy(), "c": one}, 1) == (1, [1]) and len(runs) == 2
    assert remembered({"a": other}, 1) == (2, [1]) and len(runs) == 3
    assert remembered({"a": one, "b": other}, 1) == (3, [1]) and len(runs) == 4
    assert remembered({"a": one}, 2) == (1, [2]) and len(runs) == 5
    assert remembered({"a": one}, 1) == (1, [1]) and len(runs) == 5


def test_a_check_that_goes_through_all_feeds_sees_a_new_one():
    remembered, frame = remember(lambda frames: sorted(frames)), pd.DataFrame({"x": [1]})
    assert remembered({"a": frame}) == ["a"]
    assert remembered({"a": frame, "b": frame}) == ["a", "b"]
