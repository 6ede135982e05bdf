"""Streams of luck: equal for equal keys, unrelated otherwise, and evenly spread."""

import numpy as np

from pipelines.twin.luck import stream


def test_equal_keys_give_equal_draws_whatever_was_drawn_before():
    stream(1, "a", "x", 3).random(1000)
    assert np.array_equal(stream(1, "a", "x", 4).random(5), stream(1, "a", "x", 4).random(5))


def test_every_part_of_the_key_matters():
    keys = [(1, "a", "x", 3), (2, "a", "x", 3), (1, "b", "x", 3), (1, "a", "y", 3), (1, "a", "x", 4)]
    assert len({float(stream(*key).random()) for key in keys}) == len(keys)


def test_first_draws_of_many_streams_are_uniform_and_uncorrelated():
    draws = np.array([stream(7, "lane_lead", "A>B:road", day).random(2) for day in range(2000)])
    assert abs(draws.mean() - 0.5) < 0.02 and abs(draws.var() - 1 / 12) < 0.005
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.07 and abs(np.corrcoef(draws[:, 0], draws[:, 1])[0, 1]) < 0.07
