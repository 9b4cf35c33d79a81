"""What config.json says of a quantisation, where it cannot be true or names a format that is not read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models import load_reward_model
from tests.models.conftest import Spoilable
from tests.models.spoiling import reconfigure, refused, rewrite, tensors_of

MODULE = "model.layers.0.mlp.up_proj"
WEIGHT = f"{MODULE}.weight"
LEGAL = r"rmaudit decodes bitsandbytes \(nf4.*give a checkpoint in one of these formats, or the unquantised one"


@pytest.mark.parametrize(
    ("part", "dtype", "title"),
    [
        ("qweight", torch.int32, "GPTQ or AWQ, config.json says gptq"),
        ("qzeros", torch.int32, "GPTQ or AWQ"),
        ("W_q", torch.uint8, "HQQ"),
        ("weight._data", torch.int8, "quanto"),
        ("_weight_qdata", torch.int8, "torchao"),
        ("weight_blocks", torch.uint8, "MXFP4"),
        ("weight_global_scale", torch.float32, "NVFP4"),
        ("weight_scale_2", torch.float32, "NVFP4"),
        ("weight_zero_point", torch.int8, "asymmetric, with zero points"),
        ("weight_g_idx", torch.int32, "groups in the order of activations"),
        ("weight_scales", torch.float16, "EETQ"),
        ("bitmask", torch.uint8, "compressed-tensors, sparse"),
        ("input_scale", torch.float32, "activations rounded with stored scales"),
        ("k_scale", torch.float32, "activations rounded with stored scales"),
    ],
)
def test_formats_that_are_not_decoded_are_named(folder: Path, part: str, dtype: torch.dtype, title: str) -> None:
    tensors = tensors_of(folder)
    del tensors[WEIGHT]
    tensors[f"{MODULE}.{part}"] = torch.ones(4, 4).to(dtype)
    reconfigure(rewrite(folder, tensors), quantization_config={"quant_method": "gptq"})
    refused(folder, UnsupportedModelError, rf"\({title}.*{re.escape(f'{MODULE}.{part}')}", LEGAL)


def test_methods_that_are_not_known(quantised: Spoilable, folder: Path) -> None:
    spoilt = {**tensors_of(folder), WEIGHT: torch.ones(64, 32).to(torch.uint8)}
    for method in ("bitnet", "spqr", 5, ["x"]):
        settings = {"quant_method": method} if isinstance(method, str) else method
        reconfigure(rewrite(folder, spoilt), quantization_config=settings)
        refused(folder, UnsupportedModelError, rf"stored quantised \(.*\): {re.escape(WEIGHT)} is U8", LEGAL)
    reconfigure(folder, quantization_config={"quant_method": "fp8"})
    rewrite(folder, {**spoilt, WEIGHT: torch.ones(64, 32).to(torch.int16)})
    refused(folder, UnsupportedModelError, "is stored as I16, in a way that is not read")
    fp8 = reconfigure(quantised("fp8"), quantization_config={"quant_method": "quark"})
    refused(fp8, UnsupportedModelError, r"stored quantised \(quark\)\. rmaudit decodes")


@pytest.mark.parametrize(
    ("changes", "error", "expected"),
    [
        ({"symmetric": False}, UnsupportedModelError, "asymmetric zero points; legal: symmetric"),
        ({"num_bits": 3}, BrokenCheckpointError, r"num_bits of config.json \(3\)"),
        ({"num_bits": None}, BrokenCheckpointError, "weights of the quantisation is .*; expected num_bits"),
        ({"type": "float"}, BrokenCheckpointError, r"num_bits of config.json \(not given\)"),
        ({"group_size": 0}, BrokenCheckpointError, "expected num_bits, strategy and group_size"),
        ({"group_size": 32}, BrokenCheckpointError, "one for each group of 32"),
        ({"strategy": "tensor_group"}, BrokenCheckpointError, "one for each tensor_group"),
        ({"strategy": "block", "block_structure": "1x2"}, BrokenCheckpointError, "or block_structure"),
    ],
)
def test_a_config_group_that_does_not_fit(
    quantised: Spoilable, changes: dict[str, Any], error: type[Exception], expected: str
) -> None:
    folder = quantised("int4")
    settings = json.loads((folder / "config.json").read_text())["quantization_config"]
    settings["config_groups"]["group_0"]["weights"].update(changes)
    refused(reconfigure(folder, quantization_config=settings), error, expected)


def test_settings_that_make_no_sense(quantised: Spoilable) -> None:
    folder = quantised("int4")
    settings = json.loads((folder / "config.json").read_text())["quantization_config"]
    for changes, expected in [
        ({"config_groups": [1]}, "config_groups of the quantisation is .*; expected an object"),
        ({"config_groups": {"0": 5}}, "0 of the quantisation is 5; expected an object"),
        ({"config_groups": {}}, r"num_bits of config.json \(not given\)"),
    ]:
        refused(reconfigure(folder, quantization_config={**settings, **changes}), BrokenCheckpointError, expected)
    rotated = {**settings, "transform_config": {"config_groups": {"u": {"type": "hadamard"}}}}
    refused(reconfigure(folder, quantization_config=rotated), UnsupportedModelError, "stored rotated")
    refused(reconfigure(folder, quantization_config=None), BrokenCheckpointError, r"config.json \(not given\)")
    blocks = quantised("fp8_blocks")
    for size, expected in [([16], "expected two numbers"), (None, "one for each tensor;"), ([16, 0], "two numbers")]:
        reconfigure(blocks, quantization_config={"quant_method": "fp8", "weight_block_size": size})
        refused(blocks, BrokenCheckpointError, expected)


def test_numbers_that_a_group_of_other_bits_would_fit_too(quantised: Spoilable) -> None:
    """Where one int32 holds a whole row, its width does not tell 4 from 8 bits."""
    folder = quantised("int4")
    settings = json.loads((folder / "config.json").read_text())["quantization_config"]
    weights = settings["config_groups"]["group_0"]["weights"]
    settings["config_groups"]["group_1"] = {"weights": {**weights, "num_bits": 8}}
    load_reward_model(reconfigure(folder, quantization_config=settings))
    narrow = {
        "weight_packed": torch.ones(64, 1, dtype=torch.int32),
        "weight_shape": torch.tensor([64, 4]),
        "weight_scale": torch.ones(64, 1),
    }
    rewrite(folder, {**tensors_of(folder), **{f"{MODULE}.{part}": tensor for part, tensor in narrow.items()}})
    refused(folder, UnsupportedModelError, "with num_bits of 4, 8; legal: 4, 8")
