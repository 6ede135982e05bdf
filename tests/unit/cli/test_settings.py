"""The environment is read in one place, and what is unknown or insecure in it is refused with the remedy."""

from pathlib import Path

import pytest

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.settings import Settings, load_policy, load_settings, refuse_unknown


def test_home_is_absolute_and_its_folders_lie_under_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENSTOCK_HOME", "./state")
    home = load_settings().folders
    assert home.root == tmp_path / "state"
    folders = ("inbox", "landing", "lake", "quarantine", "gates", "published", "outbox", "dagster", "logs", "run_log", "policy_file")
    assert all(getattr(home, name).is_relative_to(home.root) for name in folders)


@pytest.mark.parametrize(
    ("name", "said"),
    [("EVENSTOCK_SEDE", "did you mean EVENSTOCK_SEED"), ("EVENSTOCK_HOEM", "did you mean EVENSTOCK_HOME"), ("EVENSTOCK_XYZZY", "known: ")],
)
def test_an_unknown_variable_is_refused_with_the_nearest_known_one(name, said):
    with pytest.raises(UsageError, match=said):
        refuse_unknown({name: "1"})


def test_every_setting_has_a_variable_that_is_known():
    refuse_unknown({f"EVENSTOCK_{name.upper()}": "" for name in Settings.model_fields})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVENSTOCK_HOME", "/"),
        ("EVENSTOCK_SEED", "-1"),
        ("EVENSTOCK_SEED", "two"),
        ("EVENSTOCK_DUCKDB_MEMORY", "80%"),
        ("EVENSTOCK_DUCKDB_MEMORY", "2GB'; ATTACH 'x"),
        ("EVENSTOCK_DUCKDB_THREADS", "0"),
        ("EVENSTOCK_LEDGER_URL", "sqlite://"),
        ("EVENSTOCK_LEDGER_URL", "sqlite:///relative.sqlite"),
        ("EVENSTOCK_LEDGER_URL", "postgresql://u:p@db.example.com/ledger"),
        ("EVENSTOCK_LEDGER_URL", "mysql://localhost/ledger"),
        ("EVENSTOCK_START_DATE", "yesterday"),
    ],
)
def test_a_bad_value_is_refused_by_name(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"^{name}: "):
        load_settings()


@pytest.mark.parametrize(
    "value",
    ["sqlite:////srv/ledger.sqlite", "postgresql+psycopg://u@localhost/ledger", "postgresql://u@db.example.com/ledger?sslmode=verify-full"],
)
def test_a_durable_and_safe_ledger_is_accepted(monkeypatch, value):
    monkeypatch.setenv("EVENSTOCK_LEDGER_URL", value)
    assert load_settings().ledger_url == value


def test_a_home_that_everybody_may_write_is_refused(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(UsageError, match="can be written by everybody"):
        load_settings(home=tmp_path)


def test_the_policy_file_is_read_and_refused_by_name(tmp_path):
    home = load_settings(home=tmp_path).folders
    assert load_policy(home).planning.gamma == 0.5
    home.policy_file.write_text("planning:\n  gamma: 0.35\n")
    assert load_policy(home).planning.gamma == 0.35
    home.policy_file.write_text("planning:\n  gama: 0.35\n")
    with pytest.raises(InputRefused, match=r"policy\.yaml.*unknown key 'gama'"):
        load_policy(home)
    home.policy_file.write_text("planning: [\n")
    with pytest.raises(InputRefused, match="not readable as YAML"):
        load_policy(home)


def test_no_variable_is_read_elsewhere():
    """Only the settings read EVENSTOCK_ variables; the command line's crash log, which must work without settings, is the exception."""
    root = Path(__file__).resolve().parents[3]
    readers = {
        path.relative_to(root).as_posix()
        for package in ("pipelines", "quality", "dagster_project", "cli")
        for path in (root / package).rglob("*.py")
        if 'environ.get("EVENSTOCK' in path.read_text()
        or 'environ["EVENSTOCK' in path.read_text()
        or 'getenv("EVENSTOCK' in path.read_text()
    }
    assert readers <= {"cli/main.py"}


def test_the_example_lists_every_setting_with_its_default():
    text = (Path(__file__).resolve().parents[3] / ".env.example").read_text()
    listed = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    defaults = {f"EVENSTOCK_{name.upper()}": known.default for name, known in Settings.model_fields.items()}
    assert listed == {name: "" if value is None else str(value) for name, value in defaults.items()}


def test_a_file_of_variables_is_not_read(tmp_path, monkeypatch):
    """As .env.example says: what is not exported does not hold."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("EVENSTOCK_SEED=7\n")
    assert load_settings().seed == 0
