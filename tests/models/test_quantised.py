"""Quantised checkpoints: every weight is what the library that wrote it decodes, and so are the scores."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from compressed_tensors.quantization.utils import calculate_qparams

from rmaudit.attribution import head_parts, residual_parts, token_parts
from rmaudit.errors import AttributionError
from rmaudit.models import load_reward_model
from rmaudit.models.checkpoint import read_checkpoint
from rmaudit.models.quantised import find_quantised
from rmaudit.models.tensor_files import TensorInfo
from rmaudit.scoring.engine_local import LocalEngine
from tests.models.conftest import Quantise, Saved
from tests.models.spoiling import CONVERSATIONS, Tensors, reconfigure, rewrite, shard, tensors_of
from tests.models.trained import QUANTISED, save_adapter, with_bitsandbytes

FORMS = {"int8": "int8", "int4": "int4", "fp8": "fp8", "fp8_blocks": "fp8"}
BITSANDBYTES = {"nf4": "nf4", "nf4_double": "nf4", "fp4": "fp4", "nf4_head": "nf4", "int8": "bitsandbytes int8"}
_NAMES = {
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int8: "I8",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float32: "F32",
}


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("kind", QUANTISED)
def test_weights_and_scores_are_those_of_the_library(quantise: Quantise, kind: str, head: bool) -> None:
    written = quantise(kind, head)
    checkpoint = read_checkpoint(written.folder)
    assert set(checkpoint.decoded.values()) == {FORMS[kind]}
    assert ("score.weight" in checkpoint.decoded) is head
    for key in checkpoint.decoded:
        assert torch.equal(checkpoint.read(key), written.weights[key]), key
    rm = load_reward_model(written.folder)
    np.testing.assert_allclose(rm.score_ids(written.ids), written.scores, rtol=0, atol=1e-5)
    np.testing.assert_allclose(LocalEngine(rm).score_ids(written.ids), written.scores, rtol=0, atol=1e-5)
    assert rm.load_report.packing.startswith("prefix tree")
    rounds = "a server of this format mostly rounds" if kind == "fp8_blocks" else "activations are not rounded"
    assert f"({21 + head} as {FORMS[kind]}) were decoded to floating point; {rounds}" in rm.load_report.notes[0]


@pytest.mark.parametrize("name", BITSANDBYTES)
def test_weights_and_scores_are_those_of_bitsandbytes(tmp_path: Path, name: str) -> None:
    folder, reference = with_bitsandbytes(tmp_path, name)
    checkpoint = read_checkpoint(folder)
    assert checkpoint.decoded == dict.fromkeys(reference["sha256"], BITSANDBYTES[name])
    for key, sha256 in reference["sha256"].items():
        weight = checkpoint.read(key)
        assert (tuple(weight.shape), weight.is_contiguous()) == (checkpoint.tensors[key].shape, True)
        assert hashlib.sha256(weight.float().numpy().tobytes()).hexdigest() == sha256, key
    rm = load_reward_model(folder)
    np.testing.assert_allclose(rm.score_ids(reference["ids"]), reference["scores"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(LocalEngine(rm).score_ids(reference["ids"]), reference["scores"], rtol=0, atol=1e-5)
    assert ("mostly rounds activations as well" in rm.load_report.notes[0]) is (name == "int8")


def test_codes_may_lie_in_a_floating_dtype(tmp_path: Path) -> None:
    """As bnb_4bit_quant_storage=bfloat16 writes them, for sharded training."""
    folder, reference = with_bitsandbytes(tmp_path, "nf4")
    tensors = tensors_of(folder)
    codes = {
        key: t.reshape(-1).view(torch.bfloat16) for key, t in tensors.items() if t.dtype == torch.uint8 and t.ndim == 2
    }
    assert len(codes) == 7
    rewrite(folder, {**tensors, **codes})
    found = load_reward_model(folder).score_ids(reference["ids"])
    np.testing.assert_allclose(found, reference["scores"], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("form", "arguments"),
    [
        ("pack-quantized", {"num_bits": 4, "type": "int", "strategy": "channel"}),
        ("pack-quantized", {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 20}),
        ("pack-quantized", {"num_bits": 8, "type": "int", "strategy": "tensor"}),
        ("int-quantized", {"num_bits": 8, "type": "int", "strategy": "channel"}),
        ("float-quantized", {"num_bits": 8, "type": "float", "strategy": "tensor"}),
        ("float-quantized", {"num_bits": 8, "type": "float", "strategy": "block", "block_structure": [16, 24]}),
    ],
)
def test_every_way_to_share_a_scale_is_decoded_as_by_compressed_tensors(form: str, arguments: dict[str, Any]) -> None:
    """One weight of sizes that neither words nor blocks divide."""
    weight = torch.randn((37, 60), generator=torch.Generator().manual_seed(0))
    weights = QuantizationArgs(symmetric=True, **arguments)
    blocks = {"tensor": (37, 60), "channel": (1, 60), "group": (1, 20), "block": (16, 24)}[arguments["strategy"]]
    padded = torch.nn.functional.pad(weight, (0, -60 % blocks[1], 0, -37 % blocks[0]))
    parts = padded.unflatten(1, (-1, blocks[1])).unflatten(0, (-1, blocks[0]))
    scale = calculate_qparams(parts.amin((1, 3)), parts.amax((1, 3)), weights)[0]
    compressor = BaseCompressor.load_from_registry(form)
    scheme = QuantizationScheme(targets=["Linear"], weights=weights)
    stored = compressor.compress(
        {"weight": weight, "weight_scale": scale.squeeze() if scale.numel() == 1 else scale}, scheme
    )
    expected = compressor.decompress(dict(stored), scheme)["weight"]

    tensors = {f"a.{name}": torch.as_tensor(tensor) for name, tensor in stored.items()}
    infos = {key: TensorInfo(tuple(t.shape), _NAMES[t.dtype], Path("file"), key) for key, t in tensors.items()}
    config = {
        "quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"0": scheme.model_dump()}}
    }
    found = find_quantised(infos, config, "here", lambda info: tensors[info.key_in_file].clone())
    assert found.infos["a.weight"].shape == (37, 60)
    assert torch.equal(found.weights["a.weight"].make(), expected)
    assert set(infos) - {"a.weight"} == found.companions & set(infos)


@pytest.mark.parametrize("kind", QUANTISED)
def test_a_plain_head_on_a_quantised_backbone_is_attributed_to_exactly(quantise: Quantise, kind: str) -> None:
    rm = load_reward_model(quantise(kind).folder)
    assert (rm.load_report.head_dtype, rm.load_report.head_quantised) == ("F32", False)
    [score, _] = rm.score(CONVERSATIONS)
    for found in (head_parts(rm, CONVERSATIONS[0]), residual_parts(rm, CONVERSATIONS[0])):
        assert found.score == pytest.approx(score, abs=1e-5)
        assert found.error <= 1e-5 * max(1, abs(score))
    assert token_parts(rm, CONVERSATIONS[0]).converged


@pytest.mark.parametrize("kind", [*QUANTISED, "nf4_head"])
def test_a_quantised_head_scores_and_is_not_attributed_to(quantise: Quantise, tmp_path: Path, kind: str) -> None:
    nf4 = kind == "nf4_head"
    rm = load_reward_model(with_bitsandbytes(tmp_path, kind)[0] if nf4 else quantise(kind, True).folder)
    told = "F32/nf4 decoded to F32" if nf4 else f"{FORMS[kind]} decoded to F32"  # the bias is plain
    assert (rm.load_report.head_dtype, rm.load_report.head_quantised) == (told, True)
    assert np.isfinite(rm.score(CONVERSATIONS)).all()
    reason = r"the head is stored quantised \(.*decoded to F32\).*save the model with its head unquantised"
    with pytest.raises(AttributionError, match=reason):
        rm.linear_map(rm.encode(CONVERSATIONS[0]).ids)
    for attribute in (head_parts, residual_parts, token_parts):
        with pytest.raises(AttributionError, match=reason):
            attribute(rm, CONVERSATIONS[0])


def test_an_adapter_on_a_quantised_model(quantise: Quantise, saved: Saved, tmp_path: Path) -> None:
    """It is added to the decoded weights, and the head that it brings along is plain, whatever the base's was."""
    adapter = save_adapter(tmp_path / "adapter", saved("llama"), "seq_cls")
    base = quantise("int4", True)
    checkpoint = read_checkpoint(base.folder)
    decoded = Path(shutil.copytree(saved("llama"), tmp_path / "decoded"))
    rewrite(decoded, {key: checkpoint.read(key) for key in checkpoint.tensors})
    rm = load_reward_model(adapter.folder, base=base.folder)
    expected = load_reward_model(adapter.folder, base=decoded).score_ids(base.ids)
    np.testing.assert_allclose(rm.score_ids(base.ids), expected, rtol=0, atol=1e-6)
    assert np.abs(expected - base.scores).max() > 0.01
    assert (rm.load_report.head_dtype, rm.load_report.head_quantised) == ("F32", False)


def test_the_fingerprint_is_of_the_weights(quantise: Quantise, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(quantise("int4").folder, tmp_path / "copy"))
    before = load_reward_model(folder).fingerprint
    tensors = tensors_of(folder)
    assert load_reward_model(shard(folder)).fingerprint == before
    rewrite(folder, tensors)
    (folder / "model.safetensors.index.json").unlink()
    scale: Tensors = {"model.layers.0.mlp.up_proj.weight_scale": 2 * tensors["model.layers.0.mlp.up_proj.weight_scale"]}
    assert load_reward_model(rewrite(folder, {**tensors, **scale})).fingerprint != before


def test_a_pickled_file_and_a_wrapper_change_nothing(tmp_path: Path) -> None:
    folder, reference = with_bitsandbytes(tmp_path, "nf4_double")
    before = load_reward_model(folder)
    tensors = tensors_of(folder)
    (folder / "model.safetensors").unlink()
    torch.save({f"module.{key}": tensor for key, tensor in tensors.items()}, folder / "pytorch_model.bin")
    after = load_reward_model(folder)
    assert after.score_ids(reference["ids"]).tolist() == before.score_ids(reference["ids"]).tolist()
    assert after.fingerprint == before.fingerprint


def test_plain_weights_that_the_configuration_calls_quantised(folder: Path) -> None:
    before = load_reward_model(folder).score(CONVERSATIONS)
    for method in ("gptq", "bitsandbytes", "nonsense", "fp8"):
        rm = load_reward_model(reconfigure(folder, quantization_config={"quant_method": method, "bits": 4}))
        assert rm.score(CONVERSATIONS).tolist() == before.tolist()
        told = f"config.json calls the weights quantised ({method}), and the files hold plain floating point"
        assert rm.load_report.notes[0].startswith(told)
        assert not rm.load_report.head_quantised
