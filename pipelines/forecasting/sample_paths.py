"""Plausible weekly demand futures: 80 per series, from a seed of item, location and date only, whose sums follow given laws.

Means, spreads and laws come from elsewhere.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

PATHS = 80
SHARES = np.clip(np.arange(PATHS) / (PATHS - 1.0), 0.25 / PATHS, 1.0 - 0.25 / PATHS)
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


def follow_sums(raw: np.ndarray, level: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Weekly paths (n, 80, W) whose running sums take the values `wanted` (n, 80, W), rising along the paths, in the order of `raw`'s.

    Order-preserving mapping of quantiles, week by week: the path whose raw sum of h weeks is the r-th smallest gets the r-th of what the
    law of h weeks gives. Ties keep the order of the sums before (first that of `level`, (n, 80)), so that sums nearly never would fall;
    where one would it stays.

    >>> follow_sums(np.ones((1, 2, 2)), np.array([[2.0, 1.0]]), np.array([[[0.0, 1.0], [2.0, 4.0]]])).tolist()
    [[[2.0, 2.0], [0.0, 1.0]]]
    """
    weeks = np.empty(raw.shape)
    rank = _ranks(level, np.zeros(level.shape))
    total = np.zeros(level.shape)
    reached = np.zeros(level.shape)
    for week in range(raw.shape[2]):
        total += raw[:, :, week]
        rank = _ranks(total, rank)
        now = np.maximum(np.take_along_axis(wanted[:, :, week], rank, axis=1), reached)
        weeks[:, :, week] = now - reached
        reached = now
    return weeks


def _ranks(values: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """Ranks along the paths (n, 80), ties in the order of `ties`."""
    order = np.lexsort((ties, values), axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(values.shape[1])[None, :], axis=1)
    return ranks


def _mix(value: np.ndarray) -> np.ndarray:
    """Splitmix64's finaliser (Steele, Lea, Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
