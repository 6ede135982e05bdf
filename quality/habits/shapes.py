"""Shapes of texts: which kind of letter stands where. Counted over whole columns at once, since codes come by the ten thousand."""

import re
import string
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa

_KINDS = {kind: letters for kind, letters in (("9", string.digits), ("A", string.ascii_uppercase), ("a", string.ascii_lowercase))}
_TRANSLATED = str.maketrans({letter: kind for kind, letters in _KINDS.items() for letter in letters})
# The same by byte: of UTF-8, only ASCII letters have bytes of their own.
_BYTES = np.arange(256, dtype=np.uint8)
for _letter, _kind in _TRANSLATED.items():
    _BYTES[_letter] = ord(_kind)


def shape_of(text: str) -> str:
    """Letters and digits by kind, one for one.

    >>> shape_of("SO-2026"), loose_shape_of("SO-2026")
    ('AA-9999', 'A-9')
    """
    return text.translate(_TRANSLATED)


def loose_shape_of(text: str) -> str:
    """The shape without lengths."""
    return re.sub(r"(.)\1+", r"\1", shape_of(text))


def count_shapes(texts: pd.Series) -> Counter[str]:
    """How many of the texts (none of them empty of a value) have each shape.

    >>> count_shapes(pd.Series(["SO-1", "PO-2", "é9"])) == Counter({"AA-9": 2, "é9": 1})
    True
    """
    found = pa.array(texts.to_numpy(dtype=object), pa.large_string())
    if not len(found):
        return Counter()
    _, offsets, letters = found.buffers()
    kinds = _BYTES[np.frombuffer(letters, dtype=np.uint8)] if letters else np.zeros(0, dtype=np.uint8)
    shapes = pa.LargeStringArray.from_buffers(len(found), offsets, pa.py_buffer(kinds.tobytes()))
    counts = shapes.value_counts()
    return Counter(dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)))


def count_loose_shapes(shapes: Counter[str]) -> Counter[str]:
    """The same without lengths, from counted shapes."""
    loose: Counter[str] = Counter()
    for shape, count in shapes.items():
        loose[loose_shape_of(shape)] += count
    return loose
