"""Files are written whole or not at all, and a place that cannot be written to is known beforehand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rmaudit.errors import UsageError
from rmaudit.outputs import check_folder, check_target, write_atomically


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "new" / "run.json"
    write_atomically(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "\ud800")

    def refuse(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(UsageError, match="run.json: cannot be written: No space left on device; name another place"):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert list(file.parent.iterdir()) == [file]


def test_a_write_replaces_the_whole_file_and_keeps_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write_atomically(file, "a long old text")
    write_atomically(file, "a\nb\r\n")
    assert file.read_bytes() == b"a\nb\r\n"


def test_a_folder_that_can_be_written_to_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    check_folder(tmp_path, ("run.json", "kept"))
    check_folder(tmp_path / "a" / "b")
    check_target(tmp_path / "c" / "scores.jsonl")
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "afile").write_text("x")
    (tmp_path / "run.json").mkdir()
    for folder in (tmp_path / "afile", tmp_path / "afile" / "b", Path("/proc/nope"), tmp_path / ("n" * 300)):
        with pytest.raises(UsageError, match="cannot be written"):
            check_folder(folder)
    with pytest.raises(UsageError, match="run.json: cannot be written: a folder is there"):
        check_folder(tmp_path, ("run.json",))
    with pytest.raises(UsageError, match="cannot be written"):
        check_target(tmp_path / "afile" / "x.html")
