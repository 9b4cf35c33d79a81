"""Safetensors headers, indices and folders that were made to mislead: an error each, never another model."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from rmaudit import errors
from rmaudit.models import load_reward_model, read_checkpoint
from tests.models.conftest import Loaded, Saved
from tests.models.hostile import PICKLE, SAFETENSORS, entry, folder_of, refused, repeated, safetensors, within
from tests.models.spoiling import CONVERSATIONS, shard

INDEX = "model.safetensors.index.json"
WHOLE = save({"a": torch.arange(3.0), "b": torch.ones(2, 2)}, metadata={"format": "pt"})
NOT_WHOLE = r"model\.safetensors: not a whole safetensors file \("
#: A folder per test is enough: every example overwrites the one file.
fuzzing = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_every_truncation(tmp_path: Path) -> None:
    for length in range(len(WHOLE)):
        refused(folder_of(tmp_path, {SAFETENSORS: WHOLE[:length]}), NOT_WHOLE)
    refused(folder_of(tmp_path, {SAFETENSORS: WHOLE + b"\0"}), NOT_WHOLE)
    assert read_checkpoint(folder_of(tmp_path, {SAFETENSORS: WHOLE})).tensors.keys() == {"a", "b"}


@pytest.mark.parametrize("length", [0, 1, 10_000, 100_000_001, 2**31, 2**63, 2**64 - 1])
def test_a_header_that_lies_about_its_length(tmp_path: Path, length: int) -> None:
    refused(folder_of(tmp_path, {SAFETENSORS: safetensors({"a": entry()}, length=length)}), NOT_WHOLE)


def test_a_negative_header_length(tmp_path: Path) -> None:
    refused(folder_of(tmp_path, {SAFETENSORS: struct.pack("<q", -8) + WHOLE[8:]}), NOT_WHOLE)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"a": }', "not valid JSON"),
        (b"{} {}", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"\xff": 1}', "not valid JSON .*utf-8"),
        (b'{"\\ud800": 1}', "not valid JSON .*surrogates"),
        (b'{"a": NaN}', "NaN"),
        (b"[]", "expected a JSON object, found list"),
        (b"null", "expected a JSON object, found NoneType"),
        (b"5", "expected a JSON object, found int"),
        (b"9" * 10_000, "not valid JSON"),
        (b"[" * 200_000, "not valid JSON .*recursion"),
        (b'{"a":' * 200_000, "not valid JSON .*recursion"),
        (b'{"a":' * 900 + b"0" + b"}" * 900, "recursion limit"),
    ],
)
def test_a_header_that_is_no_json_object(tmp_path: Path, header: bytes, expected: str) -> None:
    refused(folder_of(tmp_path, {SAFETENSORS: safetensors(header)}), NOT_WHOLE + ".*" + expected)


@pytest.mark.parametrize(
    "pairs",
    [
        [("a", entry()), ("a", entry())],
        [("a", entry()), ("a", entry(shape=(1, 2)))],
        [("a", entry()), ("b", entry(8, 16)), ("a", entry(16, 24))],
        [("a", entry()), ("a", entry(dtype="I32"))],
    ],
)
def test_a_tensor_that_the_header_has_twice(tmp_path: Path, pairs: list[tuple[str, Any]]) -> None:
    """safetensors takes the last without a word; a reader that takes the first has another model."""
    end = max(value["data_offsets"][1] for _, value in pairs)
    refused(folder_of(tmp_path, {SAFETENSORS: safetensors(repeated(*pairs), bytes(end))}), "'a' stands 2 times")


def test_a_key_twice_in_other_spelling_or_deeper(tmp_path: Path) -> None:
    escaped = repeated(("a", entry()), ("?", entry())).replace(b'"?"', b'"\\u0061"')
    refused(folder_of(tmp_path, {SAFETENSORS: safetensors(escaped)}), "'a' stands 2 times")
    inner = json.dumps({"a": entry()}).replace('"dtype"', '"dtype": "I32", "dtype"').encode()
    refused(folder_of(tmp_path, {SAFETENSORS: safetensors(inner)}), "'dtype' stands 2 times")


@pytest.mark.parametrize(
    "header",
    [
        {"a": entry(-8, 0)},
        {"a": entry(8, 0)},
        {"a": entry(0, 16, (4,))},
        {"a": entry(2**63, 2**63 + 8)},
        {"a": entry(2**64 - 8, 2**64)},
        {"a": entry(8, 16)},
        {"a": {**entry(), "data_offsets": [0]}},
        {"a": {**entry(), "data_offsets": [0.0, 8.0]}},
        {"a": {**entry(), "data_offsets": None}},
        {"a": entry(), "b": entry()},
        {"a": entry(0, 8), "b": entry(4, 12)},
        {"a": entry(0, 8), "b": entry(16, 24)},
        {"a": 5},
        {},
        {"__metadata__": {"format": 5}, "a": entry()},
        {"__metadata__": [], "a": entry()},
    ],
)
def test_offsets_that_cannot_be(tmp_path: Path, header: Any) -> None:
    refused(folder_of(tmp_path, {SAFETENSORS: safetensors(header)}), NOT_WHOLE)


@pytest.mark.parametrize(
    "shape",
    [[-2], [-1, -2], [3], [1], [], [0], [2**62], [2**64], [2**32, 2**32], [2**63, 2], "2", None, [2.0], ["2"], [[2]]],
)
def test_shapes_that_do_not_fit_the_bytes(tmp_path: Path, shape: Any) -> None:
    refused(folder_of(tmp_path, {SAFETENSORS: safetensors({"a": entry(shape=shape)})}), NOT_WHOLE)


@pytest.mark.parametrize("shape", [[0, 2**63], [0, 2**64 - 1]])
def test_sizes_that_torch_cannot_hold(tmp_path: Path, shape: list[int]) -> None:
    content = safetensors({"a": entry(0, 0, shape)}, b"")
    refused(folder_of(tmp_path, {SAFETENSORS: content}), r"safetensors: a has shape \[0, .*torch counts up to")


@pytest.mark.parametrize("dtype", ["F31", "", "f32", "torch.float32", 5, None, ["F32"], {}])
def test_unknown_dtypes(tmp_path: Path, dtype: Any) -> None:
    refused(folder_of(tmp_path, {SAFETENSORS: safetensors({"a": entry(dtype=dtype)})}), NOT_WHOLE)


@pytest.mark.parametrize("key", ["", "a\0b", "\x1b[2Jcleared", "two\nlines", "\u202eright to left", "x" * 100_000])
def test_keys_that_no_message_can_show(tmp_path: Path, key: str) -> None:
    refused(folder_of(tmp_path, {SAFETENSORS: safetensors({key: entry()})}), "tensor is called .*printable")
    torn = safetensors({key: entry(4, 12)}, bytes(12))  # where safetensors' own message quotes the key
    refused(folder_of(tmp_path, {SAFETENSORS: torn}), NOT_WHOLE)


def test_very_many_tensors(folder: Path) -> None:
    header = {f"model.layers.{index}.weight": entry(0, 0, (0,)) for index in range(20_000)}
    (folder / SAFETENSORS).write_bytes(safetensors(header, b""))
    with within(20), pytest.raises(errors.BrokenCheckpointError, match="no weight of a llama backbone"):
        load_reward_model(folder)


@fuzzing
@given(content=st.binary(max_size=300))
def test_random_bytes(tmp_path: Path, content: bytes) -> None:
    refused(folder_of(tmp_path, {SAFETENSORS: content}), "model.safetensors")


@fuzzing
@given(header=st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_random_headers(tmp_path: Path, header: bytes) -> None:
    refused(folder_of(tmp_path, {SAFETENSORS: safetensors(header)}), "model.safetensors")


@settings(fuzzing, max_examples=80)
@given(data=st.data())
def test_a_damaged_header_is_never_another_model(
    folder: Path, saved: Saved, loaded: Loaded, data: st.DataObject
) -> None:
    """What changed was either the metadata, which say nothing of tensors, or is noticed."""
    content = bytearray((saved("llama") / SAFETENSORS).read_bytes())
    length = int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, 7 + length))] ^= data.draw(st.integers(1, 255))
    (folder / SAFETENSORS).write_bytes(content)
    try:
        scores = load_reward_model(folder).score(CONVERSATIONS)
    except errors.RmauditError as error:
        assert str(folder) in str(error)  # noqa: PT017 (an error is not the only legal end)
    else:
        assert scores.tolist() == loaded().score(CONVERSATIONS).tolist()


@pytest.mark.parametrize("name", [SAFETENSORS, PICKLE, "config.json", INDEX, "value_head.safetensors"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "dead link", "device"])
def test_what_is_no_file(tmp_path: Path, name: str, kind: str) -> None:
    """Another file of the folder would be read in its place, or opening it would never return."""
    folder = folder_of(tmp_path / "model")
    if name != PICKLE:
        (folder / SAFETENSORS).write_bytes(WHOLE)
    file = folder / name
    file.unlink(missing_ok=True)
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to({"loop": name, "dead link": "../blobs/gone", "device": "/dev/zero"}[kind])
    with within(5):
        refused(folder, rf"{name}: neither a file nor a link to one")


@pytest.mark.parametrize("name", [SAFETENSORS, PICKLE, "config.json", INDEX])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path / "model", {} if name == PICKLE else {SAFETENSORS: WHOLE})
    file = folder / name
    file.touch()
    file.chmod(0)
    if os.access(file, os.R_OK):  # as root; nobody can read the first page of a process
        file.unlink()
        file.symlink_to("/proc/self/mem")
        if not file.is_file():
            pytest.skip("root reads everything here")
    refused(folder, rf"{name}: cannot be read \(.*\); check the file and its permissions")


def test_a_folder_that_cannot_be_searched(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "model", {SAFETENSORS: WHOLE})
    folder.chmod(0)
    try:
        if os.access(folder, os.R_OK):
            pytest.skip("root reads everything")
        refused(folder, "cannot be")
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize(
    "name",
    [
        "../model-00001-of-00002.safetensors", "/etc/passwd", "/dev/zero", "a/b.safetensors", ".", "..", "",
        "model-00001-of-00002.safetensors/", "a\0.safetensors", "\x1b[2J.safetensors", "x" * 5000 + ".safetensors",
        "config.json", PICKLE, None, 5, True, ["model.safetensors"], {"file": "model.safetensors"},
    ],
)  # fmt: skip
def test_an_index_that_leads_elsewhere(tmp_path: Path, name: Any) -> None:
    index = json.dumps({"weight_map": {"a": name}}).encode()
    folder = folder_of(tmp_path, {INDEX: index, "a.safetensors": WHOLE, PICKLE: WHOLE})
    refused(folder, rf"{INDEX}: a lies in .*, which is not the name of a file beside it \(expected \*\.safetensors\)")


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (
            repeated(("weight_map", {"a": "1.safetensors"}), ("weight_map", {"a": "2.safetensors"})),
            "'weight_map' stands",
        ),
        (b'{"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}}', "'a' stands 2 times in one object"),
        (b'{"weight_map": {"a": "1.safetensors"}}', "1 of 1 shards missing: 1.safetensors; copy or download them"),
        (b'{"weight_map": {"a": "' + b"x" * 400 + b'.safetensors"}}', "cannot be read|shards missing"),
        (b'{"weight_map": []}', "no weight_map in it"),
        (b'{"weight_map": {}}', "no weight_map in it"),
        (b'{"weight_map": ' + b"[" * 200_000, "not valid JSON .*recursion"),
        (b'{"weight_map": ' * 200_000, "not valid JSON .*recursion"),
        (b'"weight_map"', "expected a JSON object, found str"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b"", "not valid JSON"),
    ],
)
def test_an_index_that_is_none(tmp_path: Path, index: bytes, expected: str) -> None:
    refused(folder_of(tmp_path, {INDEX: index}), expected)


@pytest.mark.parametrize("name", [INDEX, "config.json"])
def test_a_text_too_large_to_parse(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path, {SAFETENSORS: WHOLE})
    with (folder / name).open("wb") as opened:
        opened.truncate(10**12)  # takes no room on the disk
    refused(folder, f"{name}: larger than 100000000 bytes")


def test_a_shard_that_is_no_file(folder: Path) -> None:
    file = shard(folder) / "model-00002-of-00002.safetensors"
    file.unlink()
    file.mkdir()
    refused(folder, "model-00002-of-00002.safetensors: neither a file nor a link to one")
