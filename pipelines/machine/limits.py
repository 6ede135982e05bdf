"""What a process may use: memory, threads and temporary space of DuckDB connections, time and memory of the solver.

In one place for every room; the shells set it from the settings.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessLimits:
    """Limits of each DuckDB connection, sizes as DuckDB writes them (512MB), and of the solver's own process."""

    memory: str = "2GB"
    temporary: str = "8GB"
    threads: int = 2
    solver_megabytes: int = 0
    solver_grace_seconds: float = 30.0

    def config(self, folder: Path) -> dict[str, str | bool | int | float | list[str]]:
        """DuckDB's settings, with its temporary files in `folder`; nothing is installed or loaded from outside."""
        return {
            "memory_limit": self.memory,
            "threads": self.threads,
            "temp_directory": str(folder),
            "max_temp_directory_size": self.temporary,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }


_limits = ProcessLimits()


def use_limits(limits: ProcessLimits) -> None:
    """Make `limits` those of whatever this process opens and starts from now on; the shells call it with the settings' values."""
    global _limits
    _limits = limits


def process_limits() -> ProcessLimits:
    """The limits of this process."""
    return _limits


def lock_down_sql(folders: list[Path]) -> list[str]:
    """Statements that leave a connection only `folders` to read and write, and nothing to set any more.

    The order matters: folders can no longer be named once access is off, and nothing can be set once it is locked.
    """
    quoted = ", ".join("'" + f"{folder}/".replace("'", "''") + "'" for folder in sorted(set(folders)))
    named = [f"SET allowed_directories = [{quoted}]"] if folders else []
    return [*named, "SET enable_external_access = false", "SET lock_configuration = true"]
