"""Configurations and tokenizers that were made to mislead: an error each; no code of the checkpoint runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rmaudit import errors
from rmaudit.models import load_reward_model
from tests.models.hostile import refused, repeated, within
from tests.models.spoiling import reconfigure

HUGE = 10**12
MARK = "ran"
REMOTE = {"AutoConfig": "modeling.Config", "AutoModel": "modeling.Model", "AutoTokenizer": ["modeling.Slow", None]}


def put_code(folder: Path) -> None:
    """Code that leaves a mark as soon as it is imported."""
    (folder / "modeling.py").write_text(f"open({str(folder / MARK)!r}, 'w')\nclass Config: ...\n")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON .*recursion"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"rms_norm_eps": NaN}', "NaN"),
        (b'{"model_type": "\\udc80"}', "not valid JSON .*surrogates"),
        (repeated(("model_type", "llama"), ("model_type", "gemma2")), "'model_type' stands 2 times"),
        (repeated(("rope_parameters", {}), ("hidden_size", 32), ("hidden_size", 32)), "'hidden_size' stands 2 times"),
        (b'{"rope_parameters": {"factor": 1, "factor": 2}}', "'factor' stands 2 times"),
    ],
)
def test_a_configuration_that_means_nothing_or_two_things(folder: Path, content: bytes, expected: str) -> None:
    (folder / "config.json").write_bytes(content)
    refused(folder, rf"config\.json: .*{expected}.*; correct it, or copy or download it again")


@pytest.mark.parametrize("value", [["llama"], {}, 5, True, None, "", "LLAMA", "\0", "../llama", "llama\n", "x" * 5000])
def test_model_types_that_are_none(folder: Path, value: Any) -> None:
    with pytest.raises(errors.ModelError, match="model_type|model type") as caught:
        load_reward_model(reconfigure(folder, model_type=value))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", ["32", -1, 0, HUGE, 10**30, 1.5, [32], {}, float("inf"), "x", False])
@pytest.mark.parametrize(
    "name", ["hidden_size", "intermediate_size", "vocab_size", "num_attention_heads", "num_key_value_heads", "head_dim"]
)
def test_sizes_that_cannot_be(folder: Path, name: str, value: Any) -> None:
    """No memory is taken and no time lost for what the files do not hold."""
    with within(10), pytest.raises(errors.ModelError):
        load_reward_model(reconfigure(folder, **{name: value}))


@pytest.mark.parametrize("value", ["3", -1, 0, 2, 4, 1.5, [3], {}, float("inf"), None])
def test_numbers_of_layers_that_cannot_be(folder: Path, value: Any) -> None:
    with within(10), pytest.raises(errors.ModelError):
        load_reward_model(reconfigure(folder, num_hidden_layers=value))


def test_code_is_not_run_unasked(folder: Path) -> None:
    put_code(folder)
    for auto_map in (REMOTE, {"AutoModel": "modeling.Model"}, {"AutoConfig": "../model/modeling.Config"}):
        reconfigure(folder, model_type="strange", auto_map=auto_map)
        with pytest.raises(errors.UnsupportedModelError, match="model type 'strange' is unknown"):
            load_reward_model(folder)
        # transformers has a llama of its own and does not need the checkpoint's.
        load_reward_model(reconfigure(folder, model_type="llama", auto_map=auto_map))
    assert not (folder / MARK).exists()


@pytest.mark.parametrize("name", ["tokenizer_config.json", "config.json"])
def test_a_tokenizers_code_is_not_run_unasked(folder: Path, name: str) -> None:
    put_code(folder)
    file = folder / name
    file.write_text(json.dumps({**json.loads(file.read_text()), "tokenizer_class": "Slow", "auto_map": REMOTE}))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(errors.BrokenCheckpointError, match="no tokenizer could be loaded"):
        load_reward_model(folder)
    assert not (folder / MARK).exists()


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"5", b"\xff" * 100, b'{"model": ' * 10_000, b'{"added_tokens": 5}']
)
def test_broken_tokenizer_files(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with within(20), pytest.raises(errors.RmauditError, match="okenizer"):
        load_reward_model(folder)
