"""Published figures, to the digits given: statsforecast 2.1.1 for methods, stockpyl 1.0.2 for stock targets, tables for the rest."""

import numpy as np
import pytest

from pipelines.forecasting.aggregated_methods import adida, imapa
from pipelines.forecasting.distribution import dispersion, negative_binomial_quantile, textbook_safety_stock
from pipelines.forecasting.methods import croston, smooth, tsb
from pipelines.forecasting.newsvendor import newsvendor_normal, newsvendor_poisson, normal_loss

SERIES = np.array([0, 0, 5, 0, 0, 0, 3, 0, 4, 0, 0, 2, 0, 0, 0, 0, 6, 0, 1, 0, 0, 0, 2, 0], dtype=float)[:, None]


@pytest.mark.parametrize(
    ("method", "published"),
    [
        (lambda y: croston(y)[:, 0], "1.269521"),
        (lambda y: croston(y, debias=True)[:, 0], "1.206045"),
        (lambda y: tsb(y, alpha_size=0.1, alpha_probability=0.1)[:, 0], "1.098401"),
        (lambda y: tsb(y, alpha_size=0.2, alpha_probability=0.05)[:, 0], "0.704621"),
        (lambda y: smooth(y, alpha=0.1)[:, 0], "0.769611"),
        (adida, "1.023244"),
        (imapa, "0.861980"),
    ],
    ids=["Croston", "SBA", "TSB", "TSB slow", "SES", "ADIDA", "IMAPA"],
)
def test_methods(method, published):
    panel = np.hstack([SERIES, np.zeros((24, 1)), 10 * SERIES])
    found = np.nan_to_num(method(panel))
    assert f"{found[0]:.6f}" == published
    assert found[1] == 0 and found[2] == pytest.approx(10 * found[0], rel=1e-6), "series in one panel do not touch each other"


def test_safety_stock():
    assert f"{textbook_safety_stock(np.array([0.95]), 1.0, 1.0, 0.0, 0.0)[0]:.6f}" == "1.644854"
    assert f"{textbook_safety_stock(np.array([0.95]), 4.0, 10.0, 0.0, 0.0)[0]:.3f}" == "32.897"
    assert f"{textbook_safety_stock(np.array([0.95]), 5.0, 20.0, 100.0, 1.5)[0]:.3f}" == "257.460"


def test_service_reached_under_a_lead_time_that_varies():
    """d = 20 a day with variance 40, L gamma of mean 5 and sd 3, target 95 %: 0.709 ignoring sL, 0.930 with a normal, 0.949 with ours."""
    rng = np.random.default_rng(3)
    sums = rng.negative_binomial(20.0 * rng.gamma(25.0 / 9.0, 9.0 / 5.0, 200_000), 0.5)
    mean, variance = np.array([100.0]), np.array([5.0 * 40.0 + 20.0**2 * 3.0**2])
    stock = {
        "ignoring sL": mean + textbook_safety_stock(np.array([0.95]), 5.0, np.sqrt(40.0), 20.0, 0.0),
        "normal": mean + textbook_safety_stock(np.array([0.95]), 5.0, np.sqrt(40.0), 20.0, 3.0),
        "negative binomial": negative_binomial_quantile(np.array([0.95]), mean, dispersion(mean, variance)),
    }
    reached = {name: float((sums <= units[0]).mean()) for name, units in stock.items()}
    assert reached == pytest.approx({"ignoring sL": 0.709, "normal": 0.930, "negative binomial": 0.949}, abs=0.004)


@pytest.mark.parametrize(
    ("made", "published"),
    [
        (newsvendor_normal(0.18, 0.70, 50, 8), ("56.603955927", "1.997605193")),
        (newsvendor_normal(0.18, 0.70, 50, 8, stock_units=40), ("40.000000000", "7.356131553")),
        (newsvendor_normal(0.18, 0.70, 50, 8, lead_periods=4), ("264.766894374", "4.466781004")),
        (newsvendor_poisson(0.18, 0.70, 50), ("56.000000000", "1.797235212")),
        (newsvendor_poisson(1, 4, 6), ("8.000000000", "3.570106946")),
    ],
    ids=["normal", "normal at 40", "normal, lead time 4", "Poisson 50", "Poisson 6"],
)
def test_newsvendor(made, published):
    assert tuple(f"{value:.9f}" for value in made) == published


def test_normal_loss():
    assert [f"{normal_loss(z):.10f}" for z in (0, 0.5, 1, 2)] == ["0.3989422804", "0.1977965574", "0.0833154706", "0.0084907026"]
