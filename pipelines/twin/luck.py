"""Common random numbers: one independent stream per (seed, kind, entity, day), so that two policies meet the same luck."""

import hashlib

import numpy as np


def stream(seed: int, kind: str, *entity: object) -> np.random.Generator:
    """A counter-based generator whose draws depend on its key alone, never on what was drawn before elsewhere.

    The key is the first 128 bits of sha256 over `seed|kind|entity...`, fed to Philox (Salmon et al., SC 2011).

    >>> int(stream(7, "lane_lead", "A>B:road", 3).integers(1000)) == int(stream(7, "lane_lead", "A>B:road", 3).integers(1000))
    True
    """
    text = "|".join([str(seed), kind, *map(str, entity)])
    key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))
