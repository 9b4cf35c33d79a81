"""Files that are written: checked before the work begins, and never left half done."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rmaudit.errors import UsageError


def write_atomically(path: Path, text: str) -> None:
    """Write to a temporary name beside `path`, then rename: a killed run never leaves a half file there.

    The bytes are the text in UTF-8, with the line ends it has, on every system. Raises UsageError where the place cannot be
    written to.
    """
    content = text.encode("utf-8")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error) from error


def check_folder(folder: Path, names: tuple[str, ...] = ()) -> None:
    """Make sure that files of these names can be written into a folder, and leave it as it was.

    Tried, not asked: permission bits say nothing of a full or read-only disk. Raises UsageError.
    """
    missing: list[Path] = []
    try:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _refused(folder, error) from error
    finally:
        for place in missing:  # the innermost first
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
    for name in names:
        if (folder / name).is_dir():
            raise UsageError(f"{folder / name}: cannot be written: a folder is there; move it, or name another place")


def check_target(file: Path) -> None:
    """Make sure that one file can be written. Raises UsageError."""
    check_folder(file.parent, (file.name,))


def _refused(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path}: cannot be written: {error.strerror or error}; name another place")
