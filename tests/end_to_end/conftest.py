"""A small battery and tiny models for runs of the whole way, and a way to call the command line in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rmaudit.cli import main
from rmaudit.registry import battery_folder

from tests.tiny import save_tiny_reward_model


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def rmaudit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run the command line with these arguments."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["rmaudit", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama reward model that reads 2,048 tokens."""
    return save_tiny_reward_model(tmp_path_factory.mktemp("model"), "llama", positions=2048)


@pytest.fixture(scope="session")
def small_battery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first item of ten domains of the core battery, with all fillers."""
    folder = tmp_path_factory.mktemp("battery")
    source = battery_folder("core")
    (folder / "items").mkdir()
    for file in sorted((source / "items").glob("*.jsonl"))[:10]:
        first = file.read_text(encoding="utf-8").splitlines()[0]
        (folder / "items" / file.name).write_text(first + "\n", encoding="utf-8")
    (folder / "fillers.jsonl").write_bytes((source / "fillers.jsonl").read_bytes())
    return folder


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    """Ten preference pairs under ten prompts."""
    rows = [
        {"prompt": f"Name a fruit, number {n}.", "chosen": f"An apple, {n} of them.", "rejected": "No " * (n + 1)}
        for n in range(10)
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file
