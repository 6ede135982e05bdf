"""Kept frames: a file is read once while it stays the same, what a reader does to its frame is the reader's own, and memory is bounded."""

import pandas as pd

from pipelines.extracts.lake.kept_frames import KeptFrames


class Reader:
    def __init__(self):
        self.reads = []

    def __call__(self, path):
        self.reads.append(path.name)
        return pd.DataFrame({"units": [int(word) for word in path.read_text().split()]})


def write(folder, name, words):
    path = folder / name
    other = folder / f"{name}.new"
    other.write_text(words)
    other.rename(path)
    return path


def test_a_file_is_read_once_and_again_when_it_is_replaced(tmp_path):
    kept, reader = KeptFrames(), Reader()
    path = write(tmp_path, "a", "1 2")
    assert [kept.read(path, reader)["units"].tolist() for _ in range(3)] == [[1, 2]] * 3
    assert reader.reads == ["a"]
    write(tmp_path, "a", "3 4")
    assert kept.read(path, reader)["units"].tolist() == [3, 4]
    assert reader.reads == ["a", "a"]


def test_what_a_reader_changes_reaches_no_other(tmp_path):
    kept, reader = KeptFrames(), Reader()
    path = write(tmp_path, "a", "1 2")
    first = kept.read(path, reader)
    first.loc[0, "units"] = 99
    first["more"] = 0
    first.drop(index=1, inplace=True)
    again = kept.read(path, reader)
    assert again["units"].tolist() == [1, 2] and list(again.columns) == ["units"]


def test_the_oldest_frames_go_first_and_large_ones_are_never_kept(tmp_path):
    kept, reader = KeptFrames(max_bytes=8 * 32), Reader()
    paths = {name: write(tmp_path, name, "1 2 3 4") for name in "abcdefghi"}
    for path in paths.values():
        kept.read(path, reader)
    assert kept.bytes == 8 * 32
    kept.read(paths["i"], reader)
    assert len(reader.reads) == 9
    kept.read(paths["a"], reader)
    assert reader.reads[9:] == ["a"]
    large = write(tmp_path, "large", "1 2 3 4 5")
    kept.read(large, reader)
    kept.read(large, reader)
    assert reader.reads[10:] == ["large", "large"] and kept.bytes == 8 * 32
