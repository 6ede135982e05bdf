"""Layouts as landing keeps them: a copy under its digest, so that bytes are read for ever by the layout that they landed with."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.landing.landed import LandedFile
from pipelines.extracts.layouts.layout import LAYOUT_NAME, LAYOUTS_DIR, Layout, load_layout
from pipelines.machine.writing import write_bytes

FOLDER = "layouts"


@dataclass(frozen=True)
class FoundLayout:
    """A layout and the file that it was read from."""

    layout: Layout
    file: Path


def find_layout(name_or_path: str | Path, folders: tuple[Path, ...] = ()) -> FoundLayout:
    """A layout by name, the site's `folders` before the shipped ones, or by path. Raises `UsageError` as `load_layout` does."""
    text = str(name_or_path)
    if not re.fullmatch(LAYOUT_NAME, text):
        return FoundLayout(load_layout(name_or_path, folders), Path(name_or_path))
    layout = load_layout(text, folders)
    files = [Path(folder) / f"{text}.yaml" for folder in (*folders, LAYOUTS_DIR)]
    return FoundLayout(layout, next(file for file in files if file.is_file()))


def keep_layout(landing_dir: Path, found: FoundLayout) -> None:
    """Copy a layout's file under its digest, once."""
    target = _place(landing_dir, found.layout.name, found.layout.digest)
    if not target.is_file():
        write_bytes("landing.layout", target, found.file.read_bytes())


def kept_layout(landed: LandedFile) -> Layout | None:
    """The layout that a file landed with; None for the canonical one. Raises `InputRefused` if its copy is missing or changed."""
    if not landed.layout:
        return None
    file = _place(landed.path.parent.parent, landed.layout, landed.layout_sha256)
    try:
        layout = load_layout(file)
    except UsageError as error:
        raise InputRefused(f"{file}: the layout that {landed.source_name} landed with cannot be read ({error}); land it again") from error
    if layout.digest != landed.layout_sha256:
        raise InputRefused(f"{file}: not the layout that {landed.source_name} landed with any more; land it again")
    return layout


def _place(landing_dir: Path, name: str, digest: str) -> Path:
    return Path(landing_dir) / FOLDER / digest[:16] / f"{name}.yaml"
