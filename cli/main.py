"""The `evenstock` command: its parts, and the one place where failures become exit codes. Heavy imports wait inside the commands."""

import io
import os
import sys
import tempfile
from pathlib import Path

import typer
from typer.exceptions import Abort, TyperException

from cli import backtest, checking, demo, forecast, gates, health, landing, layout, plan, recovery, run
from cli.screen import complain
from pipelines.domain.errors import EvenstockError, MachineFailed
from pipelines.domain.foreign_text import clean
from pipelines.machine.failures import remedy_of

# Typer answers an interrupt with this code itself.
INTERRUPTED = 130
# How the story of a fault begins, which belongs into the log.
TRACEBACK = "Traceback (most recent call last)"

app = typer.Typer(
    name="evenstock",
    help="Rebalances stock between warehouses: extracts in, gated marts, forecast, audited transfer plan out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("demo", epilog="Example: evenstock demo --items 40 --days 28")(demo.demo)
app.command("backtest", epilog="Example: evenstock backtest --world A,B --samples 3 --out backtest")(backtest.backtest)
app.command("run", epilog="Example: evenstock run --as-of 2026-01-31")(run.run)
app.command("land", epilog="Example: evenstock land stock_2026-01-31.csv --feed wms_stock")(landing.land)
app.command("check", epilog="Example: evenstock check stock.csv --feed wms_stock --json")(checking.check)
app.command("health", epilog="Example: evenstock health --as-of 2026-01-31")(health.health)
app.command("backup", epilog="Example: evenstock backup /mnt/backups")(recovery.backup)
app.command("restore", epilog="Example: evenstock restore /mnt/backups --force")(recovery.restore)
app.command("rebuild", epilog="Example: evenstock rebuild --run 3fba37f51f9b780e")(recovery.rebuild)
app.command("prune", epilog="Example: evenstock prune --dry-run")(recovery.prune)
app.add_typer(forecast.app, name="forecast")
app.add_typer(gates.app, name="gates", help="Show what the quality gates said, and what they froze.")
app.add_typer(layout.app, name="layout", help="List, draft, check and try layouts: how a source's file becomes a feed.")
app.add_typer(plan.app, name="plan", help="Solve, audit, pull, show, explain and decide on plans.")


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and exit with the code of the public contract."""
    _open_streams()
    code = call(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    except OSError as error:
        _forget_stdout()
        code = code or _report_crash(error)
    sys.exit(code)


def call(arguments: list[str]) -> int:
    """Run a command line; returns its exit code and says in one line on stderr what went wrong."""
    command = typer.main.get_command(app)
    try:
        if arguments and "--help" not in arguments:
            _keep_to_environment()
        result = command.main(args=arguments, prog_name="evenstock", standalone_mode=False)
        if result == INTERRUPTED:
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except EvenstockError as error:
        return _report(error)
    except (Abort, KeyboardInterrupt):
        complain("stopped; nothing half-done is kept")
        return INTERRUPTED
    except TyperException as error:
        return _report_misuse(error)
    except SystemExit as error:
        # Typer ends the process itself where stdout has no reader any more.
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        _forget_stdout()
        return 0
    except Exception as error:
        return _report_crash(error)


def _keep_to_environment() -> None:
    """Every command keeps to the limits that the environment sets, and refuses a misspelt variable, also where it needs no home."""
    from pipelines.settings import keep_limits

    keep_limits()


def _open_streams() -> None:
    """Stand-ins for streams the caller closed, or the next file opened would take their numbers; and no text that cannot be printed."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report(error: EvenstockError) -> int:
    if error.exit_code == 1 and not isinstance(error, MachineFailed):
        return _report_crash(error)
    complain(str(error))
    return error.exit_code


def _report_crash(error: Exception) -> int:
    """One line on the screen, with the remedy where the machine is at fault; the whole story in a file."""
    said = clean(" ".join(str(error).partition(TRACEBACK)[0].split()))[:300] or type(error).__name__
    remedy = f"; {found}" if (found := remedy_of(said)) else ""
    log = _write_log(error)
    complain(f"internal error: {said}{remedy}" + (f"; the details are in {log}" if log else ""))
    return 1


def _write_log(error: Exception) -> Path | None:
    """The log in the home or, where that cannot be written, in the folder of temporary files; None where neither can."""
    import datetime as dt
    import traceback

    name = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    story = "".join(traceback.format_exception(error))
    for find in (_home_logs, _temporary_folder):
        try:
            folder = find()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(story, encoding="utf-8", errors="backslashreplace")
            return folder / name
        except (OSError, RuntimeError):
            continue
    return None


def _home_logs() -> Path:
    return Path(os.environ.get("EVENSTOCK_HOME") or "var").expanduser().resolve() / "logs"


def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="evenstock-"))


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
