"""`evenstock forecast` on files: the public contract of what goes in, what comes out, and what is refused."""

import datetime as dt
import hashlib

import numpy as np
import pandas as pd
import pytest

from cli.main import call

AS_OF = dt.date(2026, 3, 31)
PLACES, ITEMS = ("B", "A"), ("y", "x", "w")


def demand(days=120, seed=0, whole=True):
    rng = np.random.default_rng(seed)
    dates = [AS_OF - dt.timedelta(days=n) for n in range(days)]
    parts = []
    for place in PLACES:
        for n, item in enumerate(ITEMS):
            units = rng.poisson(0.5 + 2 * n, days) * (1.0 if whole else 0.25)
            parts.append(pd.DataFrame({"location_id": place, "item_id": item, "date": dates, "units": units}))
    return pd.concat(parts, ignore_index=True)


def run(folder, frame, *more, name="demand"):
    frame.to_parquet(folder / f"{name}.parquet", index=False)
    out = [f"--{kind}={folder / f'{name}-{kind}.parquet'}" for kind in ("out", "paths", "estimates")]
    base = ["forecast", "--demand", str(folder / f"{name}.parquet"), "--as-of", str(AS_OF)]
    return call([*base, *([] if "--horizon" in more else ["--horizon", "10"]), *more, *out])


def made(folder, kind, name="demand"):
    return pd.read_parquet(folder / f"{name}-{kind}.parquet")


def digests(folder, name="demand"):
    return [hashlib.sha256((folder / f"{name}-{kind}.parquet").read_bytes()).hexdigest() for kind in ("out", "paths", "estimates")]


def test_every_series_gets_every_day_ahead_in_order(tmp_path):
    frame = demand()
    assert run(tmp_path, frame) == 0
    out, paths, estimates = (made(tmp_path, kind) for kind in ("out", "paths", "estimates"))
    assert list(out.columns) == ["location_id", "item_id", "date", "mean", "q05", "q50", "q95"]
    expected = [(a, b, AS_OF + dt.timedelta(days=n)) for a in sorted(PLACES) for b in sorted(ITEMS) for n in range(1, 11)]
    assert list(out[["location_id", "item_id", "date"]].itertuples(index=False, name=None)) == expected
    assert (np.diff(out[["q05", "q50", "q95"]].to_numpy(), axis=1) >= 0).all() and (out["mean"] >= 0).all()
    assert (out[["q05", "q50", "q95"]].to_numpy() % 1 == 0).all()
    assert list(paths.columns) == ["location_id", "item_id", "path", "week", "units"]
    assert len(paths) == 6 * 80 * 2 and set(paths["path"]) == set(range(80)) and set(paths["week"]) == {1, 2}
    assert paths.equals(paths.sort_values(["location_id", "item_id", "path", "week"]).reset_index(drop=True))
    assert len(estimates) == len(frame)
    true = {item: 0.5 + 2 * n for n, item in enumerate(ITEMS)}
    for item, group in out.groupby("item_id"):
        assert group["mean"].mean() == pytest.approx(true[item], rel=0.35, abs=0.2)
    weekly = paths.groupby("item_id")["units"].mean()
    assert weekly["w"] == pytest.approx(7 * out[out["item_id"] == "w"]["mean"].mean(), rel=0.2)


def test_the_order_of_rows_plays_no_part_and_the_seed_moves_only_paths(tmp_path):
    frame = demand()
    assert run(tmp_path, frame, name="a") == run(tmp_path, frame.sample(frac=1.0, random_state=1), name="b") == 0
    assert digests(tmp_path, "a") == digests(tmp_path, "b")
    assert run(tmp_path, frame, "--seed", "1", name="c") == 0
    assert [x == y for x, y in zip(digests(tmp_path, "a"), digests(tmp_path, "c"), strict=True)] == [True, False, True]


def test_what_lies_in_the_future_is_refused_or_never_seen(tmp_path, one_line):
    frame = demand()
    later = frame.assign(date=[day + dt.timedelta(days=30) for day in frame["date"]], units=1000.0)
    both = pd.concat([frame, later[[day > AS_OF for day in later["date"]]]])
    assert run(tmp_path, both, name="late") == 3
    assert "column date lies after --as-of 2026-03-31 in 180 of 900 rows: row 721" in one_line()
    assert not (tmp_path / "late-out.parquet").exists()
    assert run(tmp_path, both, "--ignore-future", name="late") == run(tmp_path, frame) == 0
    assert digests(tmp_path, "late") == digests(tmp_path)


def test_absent_days_are_days_without_demand_and_none_before_the_first_row(tmp_path):
    frame = demand()
    frame = frame[~((frame["item_id"] == "w") & (frame["date"] < AS_OF - dt.timedelta(days=40)))]
    begins = frame.groupby(["location_id", "item_id"])["date"].transform("min")
    sparse = frame[(frame["units"] > 0) | (frame["date"] == begins)]
    assert run(tmp_path, frame, name="zeros") == run(tmp_path, sparse, name="absent") == 0
    assert len(sparse) < len(frame) and digests(tmp_path, "zeros") == digests(tmp_path, "absent")
    zeros = made(tmp_path, "out", "zeros")
    assert zeros[zeros["item_id"] == "w"]["mean"].mean() > 3.5


def test_weeks_and_real_amounts(tmp_path):
    frame = demand(whole=False)
    frame["date"] = [AS_OF - dt.timedelta(days=6 + 7 * (n % 120)) for n in range(len(frame))]
    assert run(tmp_path, frame, "--freq", "W", "--horizon", "4") == 0
    out, paths = made(tmp_path, "out"), made(tmp_path, "paths")
    assert sorted(set(out["date"])) == [AS_OF + dt.timedelta(days=1 + 7 * n) for n in range(4)]
    assert set(paths["week"]) == {1, 2, 3, 4}
    mean = out.groupby("item_id")["mean"].mean()
    assert mean["w"] == pytest.approx(4.5 / 4, rel=0.2) and (out["q95"] % 1 != 0).any()


@pytest.mark.parametrize("freq", ["D", "W"])
def test_every_estimate_says_how_it_was_made_and_how_sure_it_is(freq, tmp_path):
    frame = demand(days=200)
    rng = np.random.default_rng(5)
    days = 7 if freq == "W" else 1
    place = frame.groupby(["location_id", "item_id"]).cumcount()
    frame["date"] = [AS_OF - dt.timedelta(days=days * (n + 1) - 1) for n in place]
    frame["in_stock_share"] = rng.choice([1.0, 0.5, 0.0], len(frame), p=[0.7, 0.2, 0.1])
    cut = frame["in_stock_share"] < 1
    frame.loc[cut, "units"] = np.floor(frame.loc[cut, "units"] * (0.2 + 0.5 * frame.loc[cut, "in_stock_share"]))
    assert run(tmp_path, frame, "--freq", freq, "--horizon", "2") == 0
    made_of = made(tmp_path, "estimates")
    assert list(made_of.columns) == ["location_id", "item_id", "date", "units", "in_stock_share", "estimate", "lower", "upper", "method"]
    assert len(made_of) == len(frame) and not made_of.isna().any().any()
    whole = made_of["in_stock_share"] == 1
    assert (made_of["method"] == "sold").equals(whole)
    assert (made_of.loc[whole, ["estimate", "lower", "upper"]].eq(made_of.loc[whole, "units"], axis=0)).all().all()
    short = made_of[~whole]
    assert set(short["method"]) == {"exposure", "flag", "rate"}
    assert set(short[short["method"] == "flag"]["in_stock_share"]) == {0.0} and (short[short["method"] == "rate"]["units"] == 0).all()
    assert (short["lower"] >= short["units"]).all() and (short["upper"] >= short["lower"]).all()
    assert (short["estimate"] > short["units"]).all() and (short["upper"] > short["lower"]).mean() > 0.9


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--horizon", "0"], 3, "--horizon"),
        (["--horizon", "-3"], 3, "--horizon"),
        (["--horizon", "many"], 2, "--horizon"),
        (["--freq", "M"], 2, "--freq"),
        (["--method", "best"], 2, "--method"),
        (["--as-of", "31.3.2026"], 2, "--as-of"),
        (["--as-of", "2020-01-01"], 3, "column date"),
        (["--items", "none.parquet"], 3, "none.parquet"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_writes_nothing(more, code, said, tmp_path, one_line):
    assert run(tmp_path, demand(days=5), *more) == code
    assert said in one_line()
    assert [path.name for path in tmp_path.iterdir()] == ["demand.parquet"]


def test_what_is_required_and_what_is_read_is_not_overwritten(tmp_path, capfd):
    demand(days=5).to_parquet(tmp_path / "d.parquet", index=False)
    base = ["forecast", "--demand", str(tmp_path / "d.parquet"), "--as-of", str(AS_OF), "--horizon", "2"]
    for arguments, said in (
        (base, "--out is missing"),
        (["forecast", "--as-of", str(AS_OF), "--horizon", "2", "--out", str(tmp_path / "o.parquet")], "--demand is missing"),
        ([*base, "--out", str(tmp_path / "d.parquet")], "cannot be written as well"),
        ([*base, "--out", str(tmp_path / "o.parquet"), "--paths", str(tmp_path / "o.parquet")], "same file"),
    ):
        assert call(arguments) == 2
        assert said in capfd.readouterr().err
