"""Plausible weekly demand futures: 80 per series, from a seed of item, location and date only. Means and spreads come from elsewhere."""

import hashlib
from collections.abc import Sequence

import numpy as np

PATHS = 80
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def series_seeds(keys: Sequence[tuple[object, object]], as_of: object, seed: int) -> np.ndarray:
    """One 64-bit seed per (location, item): the digest of both, the date and the seed, whatever other series there are."""
    digests = [hashlib.blake2b(f"{location}\x1f{item}\x1f{as_of}\x1f{seed}".encode(), digest_size=8).digest() for location, item in keys]
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


def spread_uniforms(seeds: np.ndarray, columns: int) -> np.ndarray:
    """Uniforms in (0, 1), shape (N, 80, columns), each column stratified: its 80 values lie one in each eightieth, in random order."""
    counter = np.arange(2 * PATHS * columns, dtype=np.uint64)
    bits = _mix(seeds[:, None] + (counter[None, :] + np.uint64(1)) * GOLDEN).reshape(len(seeds), 2, PATHS, columns)
    order = np.argsort(np.argsort(bits[:, 0], axis=1, kind="stable"), axis=1, kind="stable")
    return (order + (bits[:, 1] >> np.uint64(11)) * 2.0**-53) / PATHS


def _mix(value: np.ndarray) -> np.ndarray:
    """Splitmix64's finaliser (Steele, Lea, Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
