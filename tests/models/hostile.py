"""Writing files that no tool writes, and saying how they have to be refused."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from rmaudit import errors
from rmaudit.models import read_checkpoint

SAFETENSORS = "model.safetensors"
PICKLE = "pytorch_model.bin"
_ADVICE = re.compile("copy|save|remove|check|download|give|correct|git lfs pull|merge|needs|expected")


def entry(start: int = 0, end: int = 8, shape: Any = (2,), dtype: Any = "F32") -> dict[str, Any]:
    """What a safetensors header says of a tensor; by default one of two float32 numbers."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def safetensors(header: Any, data: bytes = bytes(8), length: int | None = None) -> bytes:
    """A file of this header (bytes are taken as they are), which may lie about its own length."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def repeated(*pairs: tuple[str, Any]) -> bytes:
    """A JSON object with exactly these keys, in this order."""
    return ("{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}").encode()


def folder_of(folder: Path, files: Mapping[str, bytes] = MappingProxyType({})) -> Path:
    """A folder with a configuration and these files."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def refused(folder: Path, expected: str, read: Callable[[Path], Any] = read_checkpoint) -> str:
    """Reading it raises an error for the user: one readable line, which names the place and says what to do."""
    with pytest.raises(errors.RmauditError, match=expected) as caught:
        read(folder)
    message = str(caught.value)
    assert str(folder) in message
    assert _ADVICE.search(message.replace(str(folder), ""))
    assert message.isprintable()
    assert len(message) < 1000
    return message


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail, rather than wait for ever, where the body hangs."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"still busy after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
