"""`evenstock backup`, `restore`, `rebuild` and `prune`: state kept, brought back, made again, and let go."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.numbers import finite
from cli.screen import complain, print_table, progress_bar, say
from pipelines.domain.errors import InputRefused, RebuildDiffers, UsageError

if TYPE_CHECKING:
    from pipelines.flows.rebuild import Comparison
    from pipelines.flows.retention import Removal
    from pipelines.settings import Settings

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done and do nothing.")]
MAX_SHOWN = 5


def backup(
    target: Annotated[
        Path | None, typer.Argument(metavar="TARGET", help="Folder of backups; beside the home, named after it, if not given.")
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", metavar="S", min=0, callback=finite, help="Seconds to wait for a night or decision to end.")
    ] = 30.0,
    dry_run: DryRun = False,
) -> None:
    """Back up landed files, ledger, publications, policy, layouts and verdicts into a new folder, with the sha256 of every file.

    Files that the newest backup there has already are linked to it. People may decide meanwhile. Exit 6 while a night holds the home
    for longer than --wait; exit 3 if something was damaged and had to be left out.
    """
    from pipelines.settings import load_settings
    from pipelines.store.backup import make_backup

    settings = load_settings()
    home = settings.folders
    folder = target or home.root.with_name(f"{home.root.name}-backups")
    if dry_run:
        return say(f"would write a backup of {home.root} into {folder.resolve()}")
    with progress_bar() as tell:
        done = make_backup(home, folder, _now(), ledger_url=settings.ledger_url, patience_s=wait, tell=tell)
    contents = done.contents
    say(f"{done.path}: {len(contents.files):,} files, {contents.bytes:,} bytes, {done.reused:,} of them linked to the backup before")
    if not contents.ledger_revision:
        complain("warning: the ledger is on a server and not in this backup; dump it there as well (pg_dump)")
    if contents.left_out:
        more = f"; and {len(contents.left_out) - MAX_SHOWN} more" if len(contents.left_out) > MAX_SHOWN else ""
        raise InputRefused(
            f"the backup was made without {len(contents.left_out)} damaged: {'; '.join(contents.left_out[:MAX_SHOWN])}{more}"
        )


def restore(
    backup: Annotated[Path, typer.Argument(metavar="BACKUP", help="A backup, or a folder of backups, of which the newest counts.")],
    force: Annotated[bool, typer.Option("--force", help="Also over a home that holds something, which is kept aside.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Bring a home back from a backup: every file checked, the lake read anew, and only then put in its place.

    The home must be empty, unless --force, which keeps the one before aside. Exit 3 for a backup that is damaged or of a newer release.
    """
    from pipelines.flows.restoring import restore_backup
    from pipelines.settings import load_settings
    from pipelines.store.backup_list import check_names, find_backup, read_list

    home = load_settings().folders
    if dry_run:
        folder = find_backup(backup)
        listed = read_list(folder)
        check_names(folder, listed.files)
        return say(f"would restore {folder} ({len(listed.files):,} files, {listed.bytes:,} bytes, made {listed.made_at}) into {home.root}")
    with progress_bar() as tell:
        done = restore_backup(home, backup, _now(), force=force, tell=tell)
    for remark in done.remarks:
        complain(f"warning: {remark}")
    readers = f"readers see run {done.contents.current}" if done.contents.current else "nothing is published in it"
    say(f"{home.root} is as it was at {done.contents.made_at}: {len(done.contents.files):,} files checked, {readers}")
    if done.aside:
        say(f"what was there before is kept in {done.aside}")


def rebuild(
    run: Annotated[str, typer.Option("--run", metavar="ID", help="Run to make again, as the ledger or a manifest names it.")] = "",
    into: Annotated[Path | None, typer.Option("--into", metavar="FOLDER", help="New folder for it; else rebuilt/ID in the home.")] = None,
    all_state: Annotated[bool, typer.Option("--all", help="Make again what is missing or damaged of lake and publications.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Make a past run again from landed files and the ledger, beside the live state, and compare every digest. Exit 5 if one differs.

    With --all, make lake, quarantine, verdicts and publications again where they are missing or damaged, and leave the rest alone.
    """
    from pipelines.settings import load_settings

    if bool(run) == all_state:
        raise UsageError("give --run ID for one run, or --all for lake and publications")
    settings = load_settings()
    if dry_run:
        return _say_rebuild(settings, run)
    if all_state:
        return _rebuild_all(settings)
    from dagster_project.rebuild import rebuild_run

    folder = (into or settings.folders.rebuilt / run).absolute()
    with progress_bar() as tell:
        tell("loading", 0.0)
        found = rebuild_run(settings, run, folder, tell)
    if not found.same:
        raise RebuildDiffers(f"{_difference(found)}; it lies in {folder}")
    say(f"run {run} came out the same: {found.files} files agree, plan, manifest and marts among them; it lies in {folder}")


def _say_rebuild(settings: "Settings", run: str) -> None:
    """What a rebuild would do, and whether what it needs is there."""
    from pipelines.flows.rebuild import find_landed, find_past_run
    from pipelines.flows.retention import kept_runs
    from pipelines.settings import load_policy
    from pipelines.store.ledger import open_ledger
    from pipelines.store.publication import verify

    home = settings.folders
    ledger = open_ledger(home.root, settings.ledger_url or None, read_only=True)
    runs = kept_runs(ledger.proposed_runs(), load_policy(home).retention)
    names = [run] if run else [kept["run_id"] for kept in runs if verify(home.published / kept["run_id"])]
    for name in names:
        past = find_past_run(ledger, name)
        files = sum(len(find_landed(home, feed, ranges)) for feed, ranges in past.made_of["partitions"].items())
        say(f"would make run {name} of {past.as_of} again from {files:,} landed files")
    if not run:
        say(f"would read what is missing of the lake, and make {len(names)} publications again")


def _rebuild_all(settings: "Settings") -> None:
    from dagster_project.rebuild import restore_state

    with progress_bar() as tell:
        tell("loading", 0.0)
        done = restore_state(settings, tell)
    say(f"lake and quarantine stand; {len(done.judged)} dates judged again, {len(done.published)} publications made again")
    for told in done.impossible:
        complain(f"warning: {told}")
    if done.differing:
        raise RebuildDiffers("; ".join(_difference(found) for found in done.differing))


def _difference(found: "Comparison") -> str:
    parts = [f"run {found.run_id} came out as {found.rebuilt_id}" if found.run_id != found.rebuilt_id else f"run {found.run_id} differs"]
    if found.causes:
        parts.append(f"because of {'; '.join(found.causes[:MAX_SHOWN])}")
    if found.differing:
        parts.append(f"{len(found.differing)} of {found.files} files differ: {', '.join(found.differing[:MAX_SHOWN])}")
    return ", ".join(parts)


def prune(dry_run: DryRun = False) -> None:
    """Remove what the policy's retention no longer keeps, and say what that frees.

    What the current publication, plans under decision and open transfers need always stays, and so do the ledger and the outbox.
    """
    from contextlib import ExitStack

    from pipelines.flows.retention import find_removals, remove
    from pipelines.settings import load_policy, load_settings
    from pipelines.store.backup import hold_retention
    from pipelines.store.lease import hold_lease
    from pipelines.store.ledger import open_ledger

    settings, now = load_settings(), _now()
    home, retention = settings.folders, load_policy(settings.folders).retention
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(hold_lease(home.root, "evenstock prune", now))
            stack.enter_context(hold_retention(home, "evenstock prune", now))
        runs = open_ledger(home.root, settings.ledger_url or None, read_only=True).proposed_runs()
        found = find_removals(home, runs, retention, dt.datetime.fromisoformat(now).timestamp())
        if not dry_run:
            with progress_bar() as tell:
                remove(found, lambda removal: tell(f"removing {removal.kind}", 0.5))
    _show_removals(found, "would free" if dry_run else "freed")


def _show_removals(found: "list[Removal]", verb: str) -> None:
    from pipelines.flows.retention import KINDS

    rows = [
        [kind, f"{sum(1 for r in found if r.kind == kind):,}", f"{sum(r.bytes for r in found if r.kind == kind):,}"]
        for kind in KINDS
        if any(r.kind == kind for r in found)
    ]
    if rows:
        print_table(["kind", "files and folders", "bytes"], rows)
    say(f"{verb} {sum(removal.bytes for removal in found):,} bytes in {len(found):,} files and folders")


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
