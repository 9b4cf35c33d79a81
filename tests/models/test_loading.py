"""What is loaded is what the files hold, without network, noise or traces."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub.utils import are_progress_bars_disabled
from safetensors.torch import load_file
from transformers.core_model_loading import revert_weight_conversion
from transformers.utils import logging

from rmaudit import errors
from rmaudit.models import HeadFamily, LinearHead, Part, families, load_reward_model, read_checkpoint
from tests.models.conftest import Loaded, Saved
from tests.models.spoiling import CONVERSATIONS, rewrite, shard, tensors_of
from tests.tiny import CONFIGS


@pytest.mark.parametrize("family", CONFIGS)
def test_every_weight_is_the_files(family: str, saved: Saved, loaded: Loaded) -> None:
    """Bit for bit. Fused experts are compared through transformers' own way back to the file."""
    backbone = loaded(family).backbone
    in_file = tensors_of(saved(family))
    held = revert_weight_conversion(backbone, backbone.state_dict())
    assert len(held) == len(in_file) - 1
    for key, tensor in held.items():
        assert torch.equal(tensor, in_file[f"{backbone.base_model_prefix}.{key}"]), key
    assert not any(module.training for module in backbone.modules())


@pytest.mark.parametrize(
    ("head", "family", "key"),
    [
        ("sequence", "sequence_classification", "score"),
        ("token", "token_classification", "score"),
        ("trl", "trl_value_head", "v_head.summary"),
        ("trl-side-file", "trl_value_head", "v_head.summary"),
    ],
)
@pytest.mark.parametrize("backbone", ["llama", "gpt2", "opt", "cohere"])
def test_the_head_is_the_files_bit_for_bit(
    saved: Saved, loaded: Loaded, head: str, family: str, key: str, backbone: str
) -> None:
    rm = loaded(backbone, head=head)
    file = "value_head.safetensors" if head == "trl-side-file" else "model.safetensors"
    in_file = load_file(saved(backbone, head=head) / file)
    assert rm.load_report.family == family
    held = rm.head.held()
    assert torch.equal(held.pop("weight"), in_file[f"{key}.weight"])
    assert (f"{key}.bias" in in_file) == bool(held)
    assert all(torch.equal(tensor, in_file[f"{key}.bias"]) for tensor in held.values())
    assert rm.load_report.head[f"{key}.weight"] == [1, 32]


def test_the_bias_of_a_token_classifier_counts(loaded: Loaded) -> None:
    """The same weights without the bias: transformers drops it silently, here it is in every score."""
    rm = loaded("llama", head="token")
    difference = rm.score(CONVERSATIONS) - loaded("llama").score(CONVERSATIONS)
    bias = float(rm.head.held()["bias"])
    assert bias > 0.5
    assert difference == pytest.approx(bias, abs=1e-6)


def test_a_bias_in_double_precision_is_rounded_as_the_weight_is(folder: Path, saved: Saved) -> None:
    tensors = {**tensors_of(saved("llama", head="token")), "score.bias": torch.tensor([0.1], dtype=torch.float64)}
    rm = load_reward_model(rewrite(folder, tensors))
    assert rm.head.held()["bias"].item() == torch.tensor(0.1, dtype=torch.float32).item() != 0.1


def test_the_head_that_scores_is_compared_not_a_copy_of_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that changes on its way to the device is noticed."""
    plain = LinearHead.to

    def spoiling(head: LinearHead, *args: Any, **options: Any) -> LinearHead:
        moved = plain(head, *args, **options)
        moved.weight[0, 3] += 1e-6
        return moved

    monkeypatch.setattr(LinearHead, "to", spoiling)
    with pytest.raises(errors.BrokenCheckpointError, match=r"score\.weight in memory is not what the file holds"):
        load_reward_model(folder)


def test_a_new_head_is_a_new_row(folder: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    row = HeadFamily(
        name="ours",
        title="ours",
        kind="linear",
        parts={"weight": Part("our_head.weight", "1 width")},
        head=lambda tensors, given: LinearHead(tensors),
    )
    monkeypatch.setattr(families, "FAMILIES", (*families.FAMILIES, row))
    renamed = {key.replace("score.", "our_head."): tensor for key, tensor in tensors_of(folder).items()}
    rm = load_reward_model(rewrite(folder, renamed))
    assert rm.load_report.family == "ours"
    assert rm.score(CONVERSATIONS).tolist() == loaded().score(CONVERSATIONS).tolist()


def test_the_architectures_string_has_no_say(saved: Saved, loaded: Loaded) -> None:
    for lie in ("LlamaForCausalLM", "LlamaForRewardModelWithGating"):
        lying = loaded("llama", architectures=[lie])
        assert lying.load_report.family == "sequence_classification"
        assert lying.score(CONVERSATIONS).tolist() == loaded("llama").score(CONVERSATIONS).tolist()
        assert lying.load_report.fingerprint == loaded("llama").load_report.fingerprint
    with pytest.raises(errors.MissingRewardHeadError):
        load_reward_model(saved("llama", head="none", architectures=["LlamaForSequenceClassification"]))


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "module._orig_mod.", "pretrained_model."])
def test_prefixes_of_wrappers_are_taken_off(folder: Path, loaded: Loaded, wrapper: str) -> None:
    rewrite(folder, {wrapper + key: tensor for key, tensor in tensors_of(folder).items()})
    assert load_reward_model(folder).score(CONVERSATIONS).tolist() == loaded().score(CONVERSATIONS).tolist()
    assert load_reward_model(folder).fingerprint == loaded().fingerprint


def test_a_backbone_without_prefix(folder: Path, loaded: Loaded) -> None:
    rewrite(folder, {key.removeprefix("model."): tensor for key, tensor in tensors_of(folder).items()})
    assert load_reward_model(folder).score(CONVERSATIONS).tolist() == loaded().score(CONVERSATIONS).tolist()


def test_shards_and_pickles_are_the_same_model(folder: Path, loaded: Loaded) -> None:
    expected = loaded().score(CONVERSATIONS).tolist()
    tensors = tensors_of(folder)
    assert load_reward_model(shard(folder)).score(CONVERSATIONS).tolist() == expected
    assert load_reward_model(folder).fingerprint == loaded().fingerprint
    for file in folder.glob("model*"):
        file.unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    assert load_reward_model(folder).score(CONVERSATIONS).tolist() == expected
    assert load_reward_model(folder).fingerprint == loaded().fingerprint


def test_by_products_of_training_are_no_head(folder: Path, loaded: Loaded) -> None:
    by_products = {
        "lm_head.weight": torch.zeros(279, 32),
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.zeros(4),
    }
    rewrite(folder, {**tensors_of(folder), **by_products})
    assert load_reward_model(folder).score(CONVERSATIONS).tolist() == loaded().score(CONVERSATIONS).tolist()


def test_weights_do_not_look_into_the_file(folder: Path, loaded: Loaded) -> None:
    rm = load_reward_model(folder)
    (folder / "model.safetensors").write_bytes(bytes(10))
    assert rm.score(CONVERSATIONS).tolist() == loaded().score(CONVERSATIONS).tolist()


def test_dtype(folder: Path, loaded: Loaded) -> None:
    """A bfloat16 file in float32 is exact; the head is float32 whatever the backbone's dtype."""
    in_bfloat16 = {key: tensor.bfloat16() for key, tensor in tensors_of(folder).items()}
    rewrite(folder, in_bfloat16)
    wide, narrow = load_reward_model(folder), load_reward_model(folder, dtype="bfloat16")
    assert torch.equal(wide.backbone.embed_tokens.weight, in_bfloat16["model.embed_tokens.weight"].float())
    assert (wide.load_report.dtype, narrow.load_report.dtype) == ("float32", "bfloat16")
    assert wide.load_report.head_dtype == narrow.load_report.head_dtype == "BF16"
    assert narrow.head.held()["weight"].dtype == torch.float32
    assert narrow.score(CONVERSATIONS) == pytest.approx(wide.score(CONVERSATIONS), abs=0.1)
    assert any(score != torch.tensor(score).bfloat16().item() for score in narrow.score(CONVERSATIONS))


def test_gemma2_keeps_its_soft_cap(loaded: Loaded) -> None:
    rm = loaded("gemma2")
    assert rm.load_report.attention == "eager"
    assert rm.backbone.config.attn_logit_softcapping == 50.0


def test_the_report_says_what_was_loaded(saved: Saved, loaded: Loaded) -> None:
    report = loaded("llama").load_report
    assert report.as_dict() == load_reward_model(saved("llama")).load_report.as_dict()
    assert json.loads(json.dumps(report.as_dict())) == report.as_dict()
    assert report.family == "sequence_classification"
    assert report.head == {"score.weight": [1, 32]}
    assert report.position == "last token that is not the padding token"
    assert (report.bos_token_id, report.eos_token_id, report.pad_token_id) == (1, 2, 0)
    assert (report.layers, report.hidden_size, report.readout_width, report.vocabulary) == (3, 32, 32, 279)
    # embedding, final norm; per layer attention (q, o and half-size k, v), MLP, two norms
    assert report.parameters == 279 * 32 + 32 + 3 * (3 * 32 * 32 + 3 * 32 * 64 + 2 * 32)
    assert len(report.template_sha256) == len(report.fingerprint) == 64
    assert report.preamble == "<s><|user|>"
    assert report.ending == ["r", ".", "</s>"]


def test_the_fingerprint_changes_with_what_changes_scores(folder: Path, loaded: Loaded) -> None:
    seen = {loaded().fingerprint}
    for options in ({"bos_policy": "none"}, {"dtype": "bfloat16"}, {"max_length": 99}, {"truncate": "prompt-left"}):
        seen.add(load_reward_model(folder, **options).fingerprint)
    tensors = tensors_of(folder)
    tensors["score.weight"][0, 0] += 1
    seen.add(load_reward_model(rewrite(folder, tensors)).fingerprint)
    seen.add(load_reward_model(folder, allow_remote_code=True).fingerprint)
    assert len(seen) == 7


def test_a_hub_id_that_the_hub_does_not_give(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(hub_id: str, **options: Any) -> str:
        raise OSError("the hub is not reached")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(errors.CheckpointNotFoundError, match=r"'someone/model'.*the hub is not reached"):
        load_reward_model("someone/model")


def test_a_hub_id_is_loaded_from_where_the_hub_put_it(
    monkeypatch: pytest.MonkeyPatch, saved: Saved, loaded: Loaded
) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda hub_id, **options: str(saved("llama")))
    rm = load_reward_model("someone/model")
    assert rm.name == "someone/model"
    assert rm.fingerprint == loaded("llama").fingerprint


@pytest.mark.parametrize("family", ["llama", "gpt2", "cohere", "mixtral"])
def test_no_network_for_a_folder(monkeypatch: pytest.MonkeyPatch, saved: Saved, family: str) -> None:
    tried: list[Any] = []

    def refuse(*args: Any, **options: Any) -> Any:
        tried.append(args)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert load_reward_model(saved(family)).score(CONVERSATIONS).shape == (2,)
    assert tried == []


def test_loading_is_silent_and_leaves_settings_alone(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = (logging.get_verbosity(), logging.is_progress_bar_enabled(), are_progress_bars_disabled())
    load_reward_model(folder)
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled(), are_progress_bars_disabled()) == before


def test_headers_are_read_without_weights(saved: Saved) -> None:
    checkpoint = read_checkpoint(saved("llama", head="trl-side-file"))
    assert checkpoint.tensors["v_head.summary.weight"].shape == (1, 32)
    assert checkpoint.tensors["v_head.summary.weight"].file.name == "value_head.safetensors"
    assert checkpoint.tensors["model.norm.weight"].dtype == "F32"
    assert checkpoint.read("model.norm.weight").shape == (32,)


def test_importing_the_room_does_not_import_torch() -> None:
    code = "import sys, rmaudit.models; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_second_copy_of_the_backbone(folder: Path, loaded: Loaded) -> None:
    """As Starling's code saves it: the language model, and its backbone once more. A copy that differs is refused."""
    tensors = tensors_of(folder)
    head = tensors.pop("score.weight")
    inner = {f"transformer.{key.removeprefix('model.')}": tensor for key, tensor in tensors.items()}
    outer = {f"model.{key}": tensor.clone() for key, tensor in tensors.items()}
    whole = {**inner, **outer, "model.lm_head.weight": torch.ones(279, 32), "v_head.weight": head}
    rm = load_reward_model(rewrite(folder, whole), family="starling")
    assert rm.score(CONVERSATIONS).tolist() == loaded().score(CONVERSATIONS).tolist()
    whole["model.model.norm.weight"] += 1
    with pytest.raises(errors.ModelError, match=r"model\.model\.norm\.weight|norm\.weight"):
        load_reward_model(rewrite(folder, whole), family="starling")
