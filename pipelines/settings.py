"""One place that reads the environment: `EVENSTOCK_*` variables, and the policy file beside the state.

Only the composition roots of the shells call it; every other room is handed values. What the folders hold is their owners' business.
"""

import datetime as dt
import difflib
import os
import re
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pipelines.domain.errors import InputRefused, UsageError, shown
from pipelines.domain.policy import Policy
from pipelines.domain.policy_reading import parse_policy
from pipelines.extracts.arrival.settling import Settling
from pipelines.machine.boundaries import FAULT_VARIABLE, TESTING_VARIABLE, arm_from_environment
from pipelines.machine.limits import ProcessLimits, use_limits
from pipelines.store.home import Home

PREFIX = "EVENSTOCK_"
# Set by us for dbt's profile and therefore seen in the environment of our own children.
STORE_VARIABLES = tuple(f"EVENSTOCK_STORE{part}" for part in ("", "_MEMORY", "_TEMP", "_THREADS"))
INTERNAL = (FAULT_VARIABLE, TESTING_VARIABLE, *STORE_VARIABLES)
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")


class LimitSettings(BaseSettings):
    """What a process may use; the part of the settings that commands without a home keep to as well."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    duckdb_memory: str = Field(default="2GB", description="Memory limit of each DuckDB connection, such as 2GB or 512MB.")
    duckdb_temp: str = Field(default="8GB", description="Limit of DuckDB's temporary files.")
    duckdb_threads: int = Field(default=2, ge=1, le=64, description="Threads of each DuckDB connection.")
    solver_megabytes: int = Field(default=0, ge=0, le=1_000_000, description="Address space of the solver's process; 0 means no limit.")
    solver_grace_seconds: float = Field(
        default=30.0, ge=1, le=3600, description="How long after its own time limit a solver that does not answer is killed."
    )

    @field_validator("duckdb_memory", "duckdb_temp")
    @classmethod
    def _check_size(cls, value: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,5}(MB|GB)", value):
            raise ValueError(f"{value!r} is not a size such as 512MB or 2GB")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment; no files."""
        return init_settings, env_settings

    @property
    def limits(self) -> ProcessLimits:
        """What a process that works with these settings may use."""
        solver = self.solver_megabytes, self.solver_grace_seconds
        return ProcessLimits(self.duckdb_memory, self.duckdb_temp, self.duckdb_threads, *solver)


class Settings(LimitSettings):
    """Every variable that Evenstock reads. Unknown `EVENSTOCK_` variables and insecure values are refused."""

    home: Path = Field(default=Path("var"), description="Folder of all state; made absolute.")
    seed: int = Field(default=0, ge=0, description="Seed of everything random.")
    real_data: Path | None = Field(default=None, description="Folder of the real data sets (m5/, geo/), for the demo and the tests.")
    start_date: dt.date = Field(default=dt.date(2011, 1, 1), description="First business date Dagster offers as a partition.")
    forecast_threads: int = Field(default=1, ge=1, le=64, description="Threads of LightGBM where a forecast uses it (--method ml).")
    dbt_target: Path | None = Field(default=None, description="Folder for dbt's parsed project; empty means a folder in the home.")
    ledger_url: str = Field(default="", description="SQLAlchemy URL of the ledger; empty means ledger.sqlite in the home.")
    drop_seconds: float = Field(
        default=60.0, ge=0, le=86400, description="How long a file without manifest or marker must stay unchanged to count as whole."
    )
    drop_looks: int = Field(default=2, ge=1, le=1000, description="How many looks of the landing sensor in a row must see it unchanged.")

    @field_validator("home", "real_data", "dbt_target")
    @classmethod
    def _make_absolute(cls, value: Path | None) -> Path | None:
        if value is None:
            return None
        try:
            return value.expanduser().resolve()
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{value} leads nowhere ({error}); name a folder") from None

    @field_validator("ledger_url")
    @classmethod
    def _check_ledger(cls, value: str) -> str:
        parts = urlsplit(value)
        if not value or (parts.scheme.startswith("sqlite") and value.startswith("sqlite:////")):
            return value
        if not parts.scheme.startswith("postgresql"):
            raise ValueError("give sqlite:////absolute/path or postgresql://...; an in-memory or relative ledger would be lost")
        mode = (parse_qs(parts.query).get("sslmode") or [""])[0]
        if (parts.hostname or "") not in LOCAL_HOSTS and mode not in ("require", "verify-ca", "verify-full"):
            raise ValueError("a ledger on another host needs ?sslmode=require or stricter")
        return value

    @model_validator(mode="after")
    def _refuse_shared_home(self) -> Self:
        _refuse_no_folder(self.home)
        if self.home in (Path("/"), Path(os.path.expanduser("~"))):  # noqa: PTH111  (Path.home() fails where there is none)
            raise ValueError(f"home {self.home} is not a folder of its own; name one that Evenstock may fill")
        if self.home.is_dir() and self.home.stat().st_mode & stat.S_IWOTH:
            raise ValueError(f"home {self.home} can be written by everybody; run chmod o-w on it or choose another folder")
        return self

    @property
    def folders(self) -> Home:
        """The folders under the home."""
        return Home(self.home)

    @property
    def settling(self) -> Settling:
        """When a file of a drop without manifest or marker counts as whole."""
        return Settling(self.drop_looks, self.drop_seconds)


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings from the environment, with `overrides` on top; this process keeps to their limits from now on.

    Raises `UsageError` naming the variable and the remedy.
    """
    refuse_unknown(os.environ if environ is None else environ)
    arm_from_environment(os.environ if environ is None else environ)
    with _naming_variables():
        settings = Settings(**overrides)
    use_limits(settings.limits)
    return settings


def keep_limits() -> None:
    """Keep this process to the limits of the environment from now on, whatever its home is. Raises `UsageError` as `load_settings` does."""
    refuse_unknown(os.environ)
    with _naming_variables():
        use_limits(LimitSettings().limits)


@contextmanager
def _naming_variables() -> Generator[None]:
    """A value that is refused is told by the name of its variable."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else "EVENSTOCK_HOME"
        raise UsageError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


def refuse_unknown(environ: Mapping[str, str]) -> None:
    """Raise `UsageError` for the first `EVENSTOCK_` variable nobody reads, with the nearest known name.

    >>> refuse_unknown({"EVENSTOCK_SEED": "1", "PATH": "/bin"})
    """
    known = sorted([PREFIX + name.upper() for name in Settings.model_fields] + list(INTERNAL))
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name.removeprefix(PREFIX), [word.removeprefix(PREFIX) for word in known], n=1)
            meant = f"did you mean {PREFIX}{near[0]}?" if near else f"known: {', '.join(known)}"
            raise UsageError(f"unknown variable {name}; {meant}")


def _refuse_no_folder(home: Path) -> None:
    """Raise `ValueError` unless the home is a folder or can be made one."""
    try:
        found = next(path for path in (home, *home.parents) if path.is_symlink() or path.exists())
        is_folder = found.is_dir()
    except OSError as error:
        raise ValueError(f"home {shown(str(home), 200)} cannot be reached ({error.strerror}); name a folder that can") from None
    if not is_folder:
        raise ValueError(f"home {home} cannot be a folder, because {found} is none; name a folder")


def load_policy(home: Home) -> Policy:
    """The policy beside the state, or the defaults where there is none. Raises `InputRefused` naming the file and the key."""
    import yaml

    file = home.policy_file
    try:
        if not file.is_symlink() and not file.exists():
            return Policy()
        if not file.is_file():
            raise InputRefused(f"{file}: not a file, or a link to nothing; write the policy there or remove it")
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        return parse_policy({} if values is None else values, str(file))
    except OSError as error:
        raise InputRefused(f"{file}: cannot be read ({error.strerror}); give the right to read it or remove it") from None
    except RecursionError:
        raise InputRefused(f"{file}: nested too deeply for a policy; keep to subject and key") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputRefused(f"{file}: not readable as YAML ({shown(' '.join(str(error).split()), 200)})") from None
