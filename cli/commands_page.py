"""Writes docs/commands.md from the commands and settings themselves. No command lives here.

`python -m cli.commands_page docs/commands.md`
"""

import re
import sys
from pathlib import Path
from typing import Any

import typer

HEAD = """# Commands

Written from the code by `python -m cli.commands_page docs/commands.md`; a test keeps it current. Names, options, outputs and
exit codes are a public contract.

## Exit codes

| code | meaning |
|---|---|
| 0 | done; a FALLBACK plan is 0 too, with a warning on stderr |
| 1 | the machine failed (disk, memory): file and remedy; or an internal error: one line and the path of a log, no traceback |
| 2 | usage: a wrong option, date, feed or setting |
| 3 | input refused: a file or folder that cannot be accepted, with file, line, column and remedy |
| 4 | a gate blocks, or nothing has landed; the publication is untouched |
| 5 | no valid plan, the audit found a violation, or a rebuilt run differs |
| 6 | busy: who holds the lease, and since when |
| 7 | decision refused: stale, outdated, illegal or unknown |

Results go to stdout, progress and complaints to stderr.
"""

SETTINGS_HEAD = """## Settings

Environment variables, each with a default. Unknown `EVENSTOCK_` variables are refused. What people decide (service targets,
thresholds, gamma, eta, limits) stands in `EVENSTOCK_HOME/policy.yaml`; its keys are those of `pipelines/domain/policy.py`.

| variable | default | what |
|---|---|---|
"""


def commands_page() -> str:
    """The page: exit codes, every command with its arguments and options, every setting."""
    from cli.main import app

    parts = [HEAD]
    for path, command in walk_commands(typer.main.get_command(app), "evenstock"):
        parts.append(_describe(path, command))
    parts.append(SETTINGS_HEAD + "\n".join(_settings_rows()) + "\n")
    return "\n".join(parts)


def walk_commands(command: Any, path: str) -> list[tuple[str, Any]]:
    """Every command below `command` that runs by itself, with the words that call it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(path, command)]
    itself = [(path, command)] if command.invoke_without_command else []
    return itself + [found for name, child in inner.items() for found in walk_commands(child, f"{path} {name}")]


def _describe(path: str, command: Any) -> str:
    rows = ["| argument or option | default | what |", "|---|---|---|"]
    for parameter in command.params:
        if "--help" in parameter.opts:
            continue
        is_option = parameter.param_type_name == "option"
        name = ", ".join(parameter.opts) if is_option else (parameter.metavar or str(parameter.name).upper())
        if is_option and parameter.metavar:
            name += f" {parameter.metavar}"
        default = "required" if parameter.required else _default(parameter.default)
        rows.append(f"| `{_cell(name)}` | {default} | {_cell(getattr(parameter, 'help', '') or '')} |")
    example = f"\n{_words(command.epilog)}\n" if command.epilog else ""
    table = "\n" + "\n".join(rows) + "\n" if len(rows) > 2 else ""
    return f"## `{path}`\n\n{_words(command.help)}\n{table}{example}"


def _default(value: Any) -> str:
    return "" if value is None or value is False or str(value) in ("", "()") else f"`{value}`"


def _words(text: str | None) -> str:
    return " ".join(re.sub(r"\[/?[a-z]+\]", "", text or "").split())


def _cell(text: str) -> str:
    return _words(text).replace("|", "\\|")


def _settings_rows() -> list[str]:
    from pipelines.settings import PREFIX, Settings

    rows = []
    for name, known in Settings.model_fields.items():
        rows.append(f"| `{PREFIX}{name.upper()}` | {_default(known.default)} | {_cell(known.description or '')} |")
    return rows


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(commands_page(), encoding="utf-8")
