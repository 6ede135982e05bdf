"""Lane tariffs: each part of a departure's price, by hand."""

import pytest

from pipelines.domain.network import LaneTariff, great_circle_km

PLAIN = LaneTariff(100, 10, 2, 600, 1.8, 0.05, 0.25)


def test_no_units_cost_nothing():
    assert PLAIN.cost_usd(0, 0, 0.0, 0.0) == 0.0


def test_volume_drives_pallets_when_it_is_larger():
    assert PLAIN.pallets(100.0, 3.7) == 3
    assert PLAIN.pallets(1200.0, 0.1) == 2
    assert PLAIN.pallets(0.0, 0.0) == 1


def test_a_third_pallet_needs_a_second_truck():
    assert PLAIN.cost_usd(10, 1, 1201.0, 0.0) == pytest.approx(200 + 30 + 0.25 + 0.5)


def test_weight_rate_has_a_minimum_and_duty_comes_on_value():
    lane = LaneTariff(0, 0, 1, 1000, 10, 0, 0, rate_usd_per_kg=0.5, minimum_cost_usd=40, duty_share=0.1)
    assert lane.cost_usd(1, 1, 20.0, 0.0, value_usd=200.0) == pytest.approx(40 + 20)
    assert lane.cost_usd(1, 1, 100.0, 0.0, value_usd=0.0) == pytest.approx(50)


def test_distance_is_symmetric_and_zero_at_home():
    assert great_circle_km(10, 20, 10, 20) == 0
    assert great_circle_km(0, 0, 0, 180) == pytest.approx(20015.1, abs=0.1)
    assert great_circle_km(40, -75, 34, -118) == pytest.approx(great_circle_km(34, -118, 40, -75))
