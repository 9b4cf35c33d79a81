"""Quantised checkpoints that cannot be read: every part that is missing or contradicts another is named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from tests.models.conftest import Spoilable
from tests.models.spoiling import Tensors, refused, rewrite, tensors_of
from tests.models.trained import library_scores

MODULE = "model.layers.0.mlp.up_proj"
WEIGHT = f"{MODULE}.weight"
STATE = f"{WEIGHT}.quant_state.bitsandbytes__nf4"


def library_loads(folder: Path, dequantise: bool) -> list[float] | None:
    """The scores of transformers; None where it raises, or where it lists a key as missing."""
    config = AutoConfig.from_pretrained(folder)
    config.quantization_config["dequantize"] = dequantise
    try:
        with redirect_stderr(StringIO()):
            options: dict[str, Any] = {"config": config, "dtype": torch.float32, "output_loading_info": True}
            model, info = AutoModelForSequenceClassification.from_pretrained(folder, **options)
            return None if any(info.values()) else library_scores(model.eval())
    except RuntimeError:
        return None


@pytest.mark.parametrize(
    ("kind", "part", "silent"),
    [
        ("int8", "weight_packed", False),
        ("int8", "weight_scale", False),
        ("int4", "weight_shape", False),
        ("int4", "weight_scale", False),
        ("fp8", "weight_scale", True),
        ("fp8", "weight", False),
        ("fp8_blocks", "weight_scale_inv", False),
        ("fp8_blocks", "weight", False),
    ],
)
def test_a_part_that_is_missing_is_named(quantised: Spoilable, kind: str, part: str, silent: bool) -> None:
    """transformers loads one of these without a word, with the raw numbers of fp8 as weights."""
    folder = quantised(kind)
    tensors = tensors_of(folder)
    whole = library_loads(folder, True)
    del tensors[f"{MODULE}.{part}"]
    rewrite(folder, tensors)
    refused(folder, BrokenCheckpointError, re.escape(f"{MODULE}.{part}"), "is missing, without which it would be other")
    found = library_loads(folder, True)
    assert (found is not None) is silent
    if found is not None:
        assert np.abs(np.array(found) - np.array(whole)).max() > 0.05


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("nf4", "weight.absmax"),
        ("nf4", "weight.quant_map"),
        ("nf4", "weight.quant_state.bitsandbytes__nf4"),
        ("nf4", "weight"),
        ("nf4_double", "weight.absmax"),
        ("nf4_double", "weight.nested_absmax"),  # which transformers loads without a word
        ("nf4_double", "weight.nested_quant_map"),
        ("fp4", "weight.quant_map"),
        ("bnb-int8", "SCB"),
        ("bnb-int8", "weight"),
    ],
)
def test_a_part_of_bitsandbytes_that_is_missing_is_named(quantised: Spoilable, kind: str, part: str) -> None:
    folder = quantised(kind)
    tensors = tensors_of(folder)
    del tensors[f"{MODULE}.{part}"]
    refused(
        rewrite(folder, tensors),
        BrokenCheckpointError,
        f"{re.escape(f'{MODULE}.{part}')}( |,).*is missing, without which",
    )


@pytest.mark.parametrize(
    ("kind", "parts", "expected"),
    [
        (
            "nf4",
            ["absmax", "quant_map", "quant_state.bitsandbytes__nf4"],
            "is U8, and .*absmax, .*quant_map and .*nf4 ",
        ),
        (
            "bnb-int8",
            ["SCB", "weight_format"],
            "is I8, and .*up_proj.SCB .* or .*up_proj.weight_scale .* is missing",
        ),
        (
            "fp8",
            ["weight_scale"],
            "is F8_E4M3, and .*up_proj.weight_scale_inv .* or .*up_proj.weight_scale .* is missing",
        ),
    ],
)
def test_all_parts_missing_but_the_numbers(quantised: Spoilable, kind: str, parts: list[str], expected: str) -> None:
    folder = quantised(kind)
    gone = {f"{MODULE}.{part}" for part in parts} | {f"{WEIGHT}.{part}" for part in parts}
    rewrite(folder, {key: tensor for key, tensor in tensors_of(folder).items() if key not in gone})
    refused(folder, BrokenCheckpointError, expected)


def as_bytes(state: Mapping[str, Any]) -> torch.Tensor:
    return torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8)


def test_a_four_bit_state_that_cannot_be_true(quantised: Spoilable) -> None:
    folder = quantised("nf4_double")
    tensors = tensors_of(folder)
    state = json.loads(bytes(tensors[STATE].tolist()))
    for changes, expected in [
        ({"shape": [64, 65]}, r"up_proj\.weight is U8 \[2048, 1\], expected 2080 bytes for a weight \[64, 65\]"),
        ({"shape": [2**40, 2**40]}, "expected 6044629"),
        ({"shape": [-64, -64]}, "holds {.*-64.*; expected quant_type nf4, shape"),
        ({"shape": 5}, "holds {.*; expected quant_type nf4"),
        ({"blocksize": 32}, r"up_proj\.weight\.absmax is U8 \[64\], expected 128 codes"),
        ({"blocksize": True}, "holds {"),
        ({"quant_type": "fp4"}, "holds {.*'fp4'.*; expected quant_type nf4"),
        ({"dtype": "int8"}, r"holds {.*dtype \(float32, bfloat16, float16\)"),
        ({"nested_blocksize": 16}, r"nested_absmax is F32 \[1\], expected 4 floating"),
        ({"nested_offset": "0"}, "holds {"),
    ]:
        refused(rewrite(folder, {**tensors, STATE: as_bytes({**state, **changes})}), BrokenCheckpointError, expected)
    for text in (b"{", b"\xff", b"[]"):
        spoilt = {**tensors, STATE: torch.tensor(list(text), dtype=torch.uint8)}
        refused(rewrite(folder, spoilt), BrokenCheckpointError, "bitsandbytes__nf4: .*JSON")
    long = {**tensors, STATE: torch.zeros(20_000, dtype=torch.uint8)}
    refused(rewrite(folder, long), BrokenCheckpointError, "expected the bytes .* of a short JSON text")


@pytest.mark.parametrize(
    ("kind", "changes", "error", "expected"),
    [
        ("nf4", {f"{WEIGHT}.quant_map": torch.ones(8)}, BrokenCheckpointError, "expected 16 floating-point numbers"),
        ("bnb-int8", {f"{MODULE}.SCB": torch.ones(3)}, BrokenCheckpointError, "expected 64 floating-point"),
        ("bnb-int8", {f"{MODULE}.weight_format": torch.tensor(2)}, UnsupportedModelError, "in the layout 2"),
        ("bnb-int8", {f"{MODULE}.weight_scale": torch.ones(64)}, BrokenCheckpointError, "in two ways"),
        (
            "int4",
            {f"{MODULE}.weight_shape": torch.tensor([64, 320])},
            BrokenCheckpointError,
            r"num_bits of config.json \(4\)",
        ),
        ("int4", {f"{MODULE}.weight_shape": torch.tensor([2**40, 2**40])}, BrokenCheckpointError, "is I32"),
        ("int4", {f"{MODULE}.weight_scale": torch.ones(64, 3)}, BrokenCheckpointError, "one for each group of 16"),
        ("int8", {f"{MODULE}.weight_scale": torch.ones(64, 2)}, BrokenCheckpointError, "one for each channel"),
        (
            "fp8",
            {WEIGHT: torch.ones(64, 32)},
            BrokenCheckpointError,
            "is F32, plain floating point, and .*weight_scale",
        ),
        ("fp8", {WEIGHT: torch.ones(64, 32).to(torch.uint8)}, UnsupportedModelError, "as U8 with weight_scale; legal"),
        (
            "fp8_blocks",
            {f"{WEIGHT}_scale_inv": torch.ones(2, 2)},
            BrokenCheckpointError,
            "one for each tensor, block of 16 x 16",
        ),
        (
            "fp8_blocks",
            {f"{WEIGHT}_scale_inv": torch.ones(4, 2).to(torch.uint8)},
            UnsupportedModelError,
            "its scales are U8; legal: floating point",
        ),
    ],
)
def test_parts_that_do_not_fit(
    quantised: Spoilable, kind: str, changes: Tensors, error: type[Exception], expected: str
) -> None:
    folder = quantised(kind)
    refused(rewrite(folder, {**tensors_of(folder), **changes}), error, expected)
