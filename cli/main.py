"""The `evenstock` command: its parts, and the one place where failures become exit codes. Heavy imports wait inside the commands."""

import os
import sys
from pathlib import Path

import typer
from typer.exceptions import Abort, TyperException

from cli import demo, landing, plan, run
from cli.screen import clean, complain
from pipelines.domain.errors import EvenstockError

# Typer answers an interrupt with this code itself.
INTERRUPTED = 130

app = typer.Typer(
    name="evenstock",
    help="Rebalances stock between warehouses: extracts in, gated marts, forecast, audited transfer plan out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("demo", epilog="Example: evenstock demo --items 40 --days 28")(demo.demo)
app.command("run", epilog="Example: evenstock run --as-of 2026-01-31")(run.run)
app.command("land", epilog="Example: evenstock land stock_2026-01-31.csv --feed wms_stock")(landing.land)
app.command("check", epilog="Example: evenstock check stock.csv --feed wms_stock --json")(landing.check)
app.add_typer(plan.app, name="plan", help="Solve, audit, pull, show, explain and decide on plans.")


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and exit with the code of the public contract."""
    code = call(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    sys.exit(code)


def call(arguments: list[str]) -> int:
    """Run a command line; returns its exit code and says in one line on stderr what went wrong."""
    command = typer.main.get_command(app)
    try:
        result = command.main(args=arguments, prog_name="evenstock", standalone_mode=False)
        if result == INTERRUPTED:
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except EvenstockError as error:
        return _report(error)
    except BrokenPipeError:
        _forget_stdout()
        return 0
    except (Abort, KeyboardInterrupt):
        complain("stopped; nothing half-done is kept")
        return INTERRUPTED
    except TyperException as error:
        return _report_misuse(error)
    except Exception as error:
        return _report_crash(error)


def _report(error: EvenstockError) -> int:
    if error.exit_code == 1:
        return _report_crash(error)
    complain(str(error))
    return error.exit_code


def _report_crash(error: Exception) -> int:
    """One line on the screen, the whole story in a file."""
    said = clean(" ".join(str(error).split()))[:300] or type(error).__name__
    try:
        complain(f"internal error: {said}; the details are in {_write_log(error)}")
    except OSError:
        complain(f"internal error: {said}")
    return 1


def _write_log(error: Exception) -> Path:
    import datetime as dt
    import traceback

    home = Path(os.environ.get("EVENSTOCK_HOME") or "var").expanduser().resolve()
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return path


def _report_misuse(error: TyperException) -> int:
    """A wrong call: one line with the remedy, or the help itself where nothing was asked for."""
    said = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(said, file=sys.stderr)
    else:
        complain(f"{said} (see: {context.command_path} --help)" if context is not None else said)
    return 2


def _forget_stdout() -> None:
    # What is still buffered has no reader; pointing stdout to nowhere keeps the interpreter from complaining at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
