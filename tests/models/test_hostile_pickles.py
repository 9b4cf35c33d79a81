"""A .bin file is a program: whatever it asks for, nothing of it runs, and no crash, hang or other model comes of it."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rmaudit import errors
from rmaudit.models import load_reward_model, read_checkpoint
from tests.models.conftest import Loaded
from tests.models.hostile import PICKLE, SAFETENSORS, folder_of, refused, within
from tests.models.spoiling import CONVERSATIONS, tensors_of

TENSORS = {"a": torch.arange(4.0)}
MARK = "ran"
ASKS = r"pytorch_model\.bin: it asks for .*, which plain tensors never do.* nothing of it was run"
DAMAGED = r"pytorch_model\.bin: cannot be read as plain tensors"
NOT_PLAIN = r"pytorch_model\.bin: expected plain dense tensors under names, found "


class Runs:
    """Unpickled, it calls a function; every one of these would leave a mark in the working directory."""

    calls: tuple[tuple[Callable[..., Any], tuple[Any, ...]], ...] = (
        (os.system, (f"touch {MARK}",)),
        (os.mkdir, (MARK,)),
        (exec, (f"open({MARK!r}, 'w')",)),
        (eval, (f"open({MARK!r}, 'w')",)),
        (Path.touch, (Path(MARK),)),
        (torch.load, (MARK,)),
        (torch.storage._load_from_bytes, (pickle.dumps(5),)),
    )

    def __init__(self, call: int = 0) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.calls[self.call]


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    yield
    assert not list(work.iterdir())


def saved(content: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


def legacy(content: Any) -> bytes:
    return saved(content, _use_new_zipfile_serialization=False)


def rezipped(program: bytes | None = None, compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    """What torch.save writes, with another program or more members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(TENSORS))) as old, zipfile.ZipFile(stream, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, program if program and name.endswith("data.pkl") else old.read(name))
        for name, content in members.items():
            new.writestr(name, content)
    return stream.getvalue()


def refused_bin(tmp_path: Path, content: bytes, expected: str) -> None:
    refused(folder_of(tmp_path / "model", {PICKLE: content}), expected)


@pytest.mark.parametrize("call", range(len(Runs.calls)))
@pytest.mark.parametrize("written", [saved, legacy, pickle.dumps])
def test_code_is_not_run(tmp_path: Path, written: Callable[[Any], bytes], call: int) -> None:
    for content in (Runs(call), {"a": Runs(call)}, {**TENSORS, "b": [{"c": (Runs(call),)}]}, {Runs(call): 1}):
        refused_bin(tmp_path, written(content), ASKS)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    refused_bin(tmp_path, pickle.dumps({"a": Runs()}, protocol=protocol), ASKS)
    refused_bin(tmp_path, saved({"a": Runs()}, pickle_protocol=max(protocol, 2)), ASKS)


def test_code_in_other_wrappings(tmp_path: Path) -> None:
    with_code = pickle.dumps(Runs(), protocol=2)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:  # as torch 0.1 did
        for name in ("sys_info", "pickle", "storages", "tensors"):
            part = tarfile.TarInfo(name)
            part.size = len(with_code)
            archive.addfile(part, io.BytesIO(with_code))
    refused_bin(tmp_path, stream.getvalue(), DAMAGED)
    refused_bin(tmp_path, rezipped(with_code, code__model=b"", constants=with_code), ASKS)
    refused_bin(tmp_path, rezipped(**{"other/data.pkl": with_code}), f"{DAMAGED} .*2 files data.pkl")
    refused_bin(tmp_path, saved(TENSORS)[:50] + with_code, DAMAGED)
    # A whole legacy file is five pickles: code behind the first is as bad.
    refused_bin(tmp_path, pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2) + with_code, ASKS)
    refused_bin(tmp_path, saved({"a": np.array([Runs()], dtype=object)}), ASKS)
    refused_bin(tmp_path, pickle.dumps({"a": np.ones(3)}, protocol=2), "it asks for numpy")
    refused_bin(tmp_path, saved(torch.nn.Linear(2, 2)), r"it asks for torch\.nn\.modules\.linear\.Linear")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: torch.eye(2).to_sparse(), NOT_PLAIN + r"a tensor \(torch\.sparse_coo\) under 'a'"),
        (lambda: torch.eye(2).to_sparse_csr(), NOT_PLAIN + r"a tensor \(torch\.sparse_csr\) under 'a'"),
        (lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "it asks for torch"),
        (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "it asks for torch"),
        (lambda: torch.ones(2, device="meta"), NOT_PLAIN),
        (lambda: torch.zeros(1).expand(10**12), NOT_PLAIN),  # four bytes that would become four terabytes
        (lambda: torch.zeros(2, 1).expand(2, 2), NOT_PLAIN),
        (lambda: 5, NOT_PLAIN + "int under 'a'"),
        (lambda: "text", NOT_PLAIN + "str under 'a'"),
        (lambda: None, NOT_PLAIN + "NoneType under 'a'"),
        (lambda: {"b": torch.ones(1)}, NOT_PLAIN + "dict under 'a'"),
        (lambda: bytearray(4), "it asks for"),
        (lambda: torch.Generator(), "it asks for|cannot be read"),
    ],
)
def test_values_that_are_no_plain_tensors(tmp_path: Path, make: Callable[[], Any], expected: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the kinds of tensors
        content = saved({"a": make()})
    refused_bin(tmp_path, content, expected)


@pytest.mark.parametrize("key", [5, None, 1.5, (1, ("a",)), True, torch.ones(1), "", "\x1b[2J", "a\0b", "x" * 10_000])
def test_keys_that_are_no_names(tmp_path: Path, key: Any) -> None:
    expected = (
        r"tensor is called .*printable" if isinstance(key, str) else NOT_PLAIN + r"a tensor \(torch.strided\) under"
    )
    refused_bin(tmp_path, saved({key: torch.ones(1)}), expected)


def test_contents_that_are_no_dictionary_of_tensors(tmp_path: Path) -> None:
    loop: dict[str, Any] = {}
    loop["a"] = loop
    refused_bin(tmp_path, saved(loop), NOT_PLAIN + "dict under 'a'")
    for content in ([loop], torch.ones(2), None, ("a", torch.ones(1))):
        refused_bin(tmp_path, saved(content), "expected a dictionary of tensors")


NUMBER = b"K\x01"
NAMED_A = b"X\x01\0\0\0a"


@pytest.mark.parametrize(
    "program", [b"}" + b")" + b"\x85" * 3_000_000 + NUMBER + b"s.", b"]" * 100_000 + b"a" * 99_999 + b"."]
)
@pytest.mark.parametrize("bare", [True, False])
def test_nesting_that_would_overrun_the_stack(tmp_path: Path, program: bytes, bare: bool) -> None:
    """Hashing a tuple that is nested so deep ends the process; nested lists do no harm, and are no model."""
    program = b"\x80\x02" + program
    with within(20):
        refused_bin(tmp_path, program if bare else rezipped(program), "nests deeper than 100|dictionary|cannot be read")


def test_nesting_behind_the_memo(tmp_path: Path) -> None:
    program = b"\x80\x02})q\0" + b"h\0\x85q\0" * 1000 + NUMBER + b"s."
    refused_bin(tmp_path, rezipped(program), "nests deeper than 100")


@pytest.mark.parametrize(
    "program",
    [
        b"", b".", b"\x80\x02.", b"\x80\x09N.", b"a.", b"s.", b"t.", b"(t", b"}(" + NUMBER + b"u.", b"h\0.", b"q\0.",
        b"R.", b"b.", b"X\xff\xff\xff\xffa.", b"X\xff\xff\xff\x7fa.", b"\x8a\xff", b"Q.", NUMBER + b"Q.",
        NUMBER * 1000 + b".", b"\xff", b"}" + NAMED_A + b".",
    ],
)  # fmt: skip
def test_programs_that_make_no_sense(tmp_path: Path, program: bytes) -> None:
    with within(10):
        refused_bin(tmp_path, program, DAMAGED)
        refused_bin(tmp_path, rezipped(b"\x80\x02" + program), f"{DAMAGED}|expected a dictionary")


def test_every_truncation(tmp_path: Path) -> None:
    old = legacy(TENSORS)
    for length in range(len(old)):
        refused_bin(tmp_path, old[:length], DAMAGED)
    new = saved(TENSORS)
    for length in [*range(100), *range(100, len(new), 7)]:
        refused_bin(tmp_path, new[:length], DAMAGED)


def test_storages_that_are_smaller_than_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(saved(TENSORS))) as archive:
        program = archive.read("archive/data.pkl")
    shape, said = struct.pack("<BB", ord("K"), 4), b"J" + struct.pack("<i", 2**30)
    assert program.count(shape) == 2
    refused_bin(tmp_path, rezipped(program.replace(shape, said)), f"{DAMAGED}|{NOT_PLAIN}")
    first = program.index(shape)
    refused_bin(tmp_path, rezipped(program[: first + 2] + program[first + 2 :].replace(shape, said)), DAMAGED)


def test_a_file_that_grows_when_unpacked(tmp_path: Path) -> None:
    content = rezipped(compression=zipfile.ZIP_DEFLATED, **{"archive/data/9": bytes(1_000_000)})
    assert len(content) < 10_000
    refused_bin(tmp_path, content, "its parts are larger than the file itself")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_program_never_crashes(tmp_path: Path, data: st.DataObject) -> None:
    """Damage inside a name or a shape cannot be seen; what is read is then still a few tensors."""
    content = bytearray(data.draw(st.sampled_from([saved(TENSORS), legacy(TENSORS)])))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    folder = folder_of(tmp_path / "model", {PICKLE: bytes(content)})
    try:
        checkpoint = read_checkpoint(folder)
    except errors.BrokenCheckpointError as error:
        assert str(folder) in str(error)  # noqa: PT017 (an error is not the only legal end)
    else:
        assert all(checkpoint.read(key).numel() <= 4 for key in checkpoint.tensors)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_random_bytes(tmp_path: Path, content: bytes) -> None:
    refused_bin(tmp_path, content, "pytorch_model.bin")


@pytest.mark.parametrize("written", [saved, legacy])
def test_honest_files_are_read(folder: Path, loaded: Loaded, written: Callable[[Any], bytes]) -> None:
    """Also parameters, transposed tensors and those with metadata of their module, as state dictionaries have them."""
    tensors: dict[str, Any] = dict(tensors_of(folder))
    (folder / SAFETENSORS).unlink()
    tensors["score.weight"] = torch.nn.Parameter(tensors["score.weight"])
    key = "model.layers.0.mlp.up_proj.weight"
    tensors[key] = tensors[key].t().contiguous().t()
    (folder / PICKLE).write_bytes(written(tensors))
    rm = load_reward_model(folder)
    assert rm.score(CONVERSATIONS).tolist() == loaded().score(CONVERSATIONS).tolist()
