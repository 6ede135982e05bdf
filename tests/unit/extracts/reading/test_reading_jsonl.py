"""JSON lines: flat names, numbers as written, and each way not to be one object a line broken on its own line."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.domain.errors import InputRefused
from pipelines.extracts.reading import reading_jsonl
from pipelines.extracts.reading.file_format import FileFormat, open_records


@pytest.fixture
def read(tmp_path):
    """read(text, records path, block size): (rows by line, broken, count), each row without its empty cells."""

    def build(text, path_to_records="", block_bytes=1 << 24, encoding="utf-8"):
        path = tmp_path / "sent.jsonl"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        with open_records(path, FileFormat(kind="jsonl", records=path_to_records, encoding=encoding), "sent.jsonl", block_bytes) as records:
            found, broken, count = {}, [], 0
            for batch in records.batches({name: i for i, name in enumerate(records.names)}):
                for row in batch.cells.to_pylist():
                    line = row.pop("_line")
                    found[line] = {name: value for name, value in row.items() if value != ""}
                broken += [(b.line, b.reason, b.value) for b in batch.broken]
                count += batch.rows
            lines = set(found) | {line for line, *_ in broken}
            assert set(records.raw_lines(lines)) == lines
            return found, broken, count

    return build


def test_what_stands_around_a_list_goes_with_its_records(read):
    order = {"id": 7, "ship": {"zip": "94103", "tags": ["x"]}, "tags": ["y"], "lines": [{"id": 1, "sku": "A"}, {"id": 2, "sku": "B"}]}
    found, broken, _ = read(json.dumps({"data": [order]}) + "\n", "data.lines")
    around = {"parent.id": "7", "parent.ship.zip": "94103"}
    assert (found, broken) == ({1: {"id": "1", "sku": "A"} | around, 2: {"id": "2", "sku": "B"} | around}, [])


def test_no_depth_around_a_list_is_too_much(read):
    deep = '{"a":' * 400 + "1" + "}" * 400
    found, broken, _ = read(f'{{"deep": {deep}, "id": 7, "lines": [{{"sku": "A"}}]}}\n', "lines")
    assert (found, broken) == ({1: {"sku": "A", "parent.id": "7"}}, [])


NUMBERS = {
    "7": "7", "-7": "-7", "-0": "0", "0": "0", "12.50": "12.50", "5.0": "5", "5.000": "5", "-0.0": "0", "0.1": "0.1", "1E3": "1000",
    "1e-3": "0.001", "2.50e2": "250", "123456789012345678901234567890": "123456789012345678901234567890",
    "0.30000000000000004": "0.30000000000000004",
    "12345678901234567890.123456789": "12345678901234567890.123456789", "1e999": "1e999", "1e-999999999": "1e-999999999",
}  # fmt: skip


@pytest.mark.parametrize("written", NUMBERS)
def test_a_number_keeps_every_digit_as_written(written, read):
    assert read(f'{{"x": {written}}}\n')[0] == {1: {"x": NUMBERS[written]}}


def test_objects_flatten_to_dotted_names(read):
    line = {"id": 7, "at": {"place": {"code": "A"}}, "ok": True, "no": False, "none": None, "tags": ["x", 1], "empty": [], "object": {}}
    line["levels"] = [{"name": "available", "quantity": 5}, {"name": "on_hand", "quantity": -2}]
    found, broken, count = read(json.dumps(line))
    assert found == {
        1: {
            "id": "7", "at.place.code": "A", "ok": "true", "no": "false", "tags": '["x", "1"]', "levels.available.name": "available",
            "levels.available.quantity": "5", "levels.on_hand.name": "on_hand", "levels.on_hand.quantity": "-2",
        }
    }  # fmt: skip
    assert (broken, count) == ([], 1)


def test_lines_may_have_different_keys_and_blank_lines_are_none(read):
    assert read('{"a":1}\n\n{"b":"2"}\r\n{}\n{"a":3,"b":4}')[0] == {1: {"a": "1"}, 3: {"b": "2"}, 4: {}, 5: {"a": "3", "b": "4"}}


BROKEN = {
    "NaN": ('{"a":NaN}', "bad_json", "NaN is no JSON number"),
    "infinity": ('{"a":-Infinity}', "bad_json", "-Infinity is no JSON number"),
    "doubled key": ('{"a":1,"b":2,"a":3}', "doubled_json_key", "a"),
    "doubled key within": ('{"a":{"b":1,"b":1}}', "doubled_json_key", "b"),
    "doubled after flattening": ('{"a.b":1,"a":{"b":2}}', "doubled_json_key", "a.b"),
    "doubled name in a list": ('{"q":[{"name":"x","n":1},{"name":"x","n":2}]}', "doubled_json_key", "q.x.name"),
    "our own name": ('{"_line":1}', "doubled_json_key", "_line"),
    "cut": ('{"a":1', "bad_json", "Expecting ',' delimiter at character 7"),
    "two values": ('{"a":1}{"a":2}', "bad_json", "Extra data at character 8"),
    "text": ('"a"', "bad_json", "not an object"),
    "list": ("[1]", "bad_json", "not an object"),
    "no json": ("a,b", "bad_json", "Expecting value at character 1"),
    "single quotes": ("{'a':1}", "bad_json", "Expecting property name enclosed in double quotes at character 2"),
    "leading zero": ('{"a":007}', "bad_json", "Expecting ',' delimiter at character 7"),
    "raw control character": ('{"a":"x\ty"}', "bad_json", "Invalid control character at at character 8"),
    "half a character": ('{"a":"\\ud800"}', "bad_json", "half a character"),
    "nested without end": ('{"a":' * 9000 + "1" + "}" * 9000, "bad_json", "nested too deeply"),
    "too long": ('{"a":"' + "x" * 70_000 + '"}', "line_too_long", ""),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_object_is_broken_on_its_own_line(case, read):
    line, reason, value = BROKEN[case]
    found, broken, count = read(f'{{"a":1}}\n{line}\n{{"a":2}}\n')
    assert (found, count) == ({1: {"a": "1"}, 3: {"a": "2"}}, 3)
    assert broken == [(2, reason, value)]


def test_records_below_a_path_are_numbered_through_the_file(read):
    lines = ['{"data":{"items":[{"a":1},{"a":2}]}}', '{"data":{}}', "x", '{"data":{"items":[3,{"a":4}]}}', '{"data":{"items":5}}']
    found, broken, count = read("\n".join(lines), "data.items")
    assert found == {1: {"a": "1"}, 2: {"a": "2"}, 6: {"a": "4"}}
    assert [entry[:2] for entry in broken] == [(3, "bad_json"), (4, "bad_json"), (5, "bad_json"), (7, "bad_json")]
    assert count == 7


def test_a_short_document_of_many_lines_is_read_as_well(read):
    body = {"data": {"items": [{"a": 1}, {"a": 2}]}}
    assert read(json.dumps(body, indent=2), "data.items")[0] == {1: {"a": "1"}, 2: {"a": "2"}}
    assert read(json.dumps([{"a": 1}, {"a": 2}], indent=2))[0] == {1: {"a": "1"}, 2: {"a": "2"}}
    assert read('[{"a":1},{"a":2}]')[0] == {1: {"a": "1"}, 2: {"a": "2"}}


@pytest.mark.parametrize("block_bytes", [1, 30, 1000])
def test_the_block_size_changes_nothing(block_bytes, read):
    text = "".join(f'{{"a":{n},"b{n % 3}":"x"}}\n' for n in range(60)) + "x\n"
    assert read(text, block_bytes=block_bytes) == read(text)


def test_other_encodings_are_read(read):
    assert read('{"größe":"Ä"}\n', encoding="utf-16")[0] == {1: {"größe": "Ä"}}


def test_refusals(read, monkeypatch):
    with pytest.raises(InputRefused, match="the file is empty; expected a record"):
        read("")
    with pytest.raises(InputRefused, match="line 2, byte 14: 0xe4 is not UTF-8"):
        read(b'{"a":1}\n{"a":"\xe4"}\n')
    monkeypatch.setattr(reading_jsonl, "MAX_COLUMNS", 10)
    with pytest.raises(InputRefused, match="more than 10 different names"):
        read("\n".join(f'{{"k{n}":1}}' for n in range(20)), block_bytes=20)


KEYS = st.text(st.characters(codec="ascii", exclude_characters="._"), max_size=4)
VALUES = st.one_of(st.text(max_size=10), st.integers(), st.booleans(), st.decimals(-1000, 1000, places=3).map(float))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters="._"), max_size=4), VALUES, max_size=4),
        min_size=1,
        max_size=5,
    )
)
def test_what_another_program_wrote_reads_back_equal(read, rows):
    found, broken, _ = read("\n".join(json.dumps(row) for row in rows))
    assert broken == []
    for row, cells in zip(rows, found.values(), strict=True):
        kept = {key: value for key, value in row.items() if value != ""}
        assert set(cells) == set(kept)
        for key, value in kept.items():
            if isinstance(value, str | bool):
                assert cells[key] == (value if isinstance(value, str) else str(value).lower())
            else:
                assert type(value)(cells[key]) == value
