"""Whatever is not a reward model that can be read is refused, with what was found and what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, T5Config

from rmaudit import errors
from rmaudit.models import families, load_reward_model
from rmaudit.models.families import FAMILIES
from tests.models.conftest import Saved
from tests.models.spoiling import reconfigure, rewrite, shard, tensors_of
from tests.tiny import save_tiny_reward_model


def test_no_such_folder() -> None:
    with pytest.raises(errors.CheckpointNotFoundError, match="no folder '/no/such/folder', and it is not a hub id"):
        load_reward_model("/no/such/folder")
    with pytest.raises(errors.CheckpointNotFoundError, match="no folder 'no-such-model'"):
        load_reward_model("no-such-model")


@pytest.mark.parametrize("family", ["llama", "gpt2", "opt", "cohere"])
def test_a_causal_language_model(saved: Saved, family: str) -> None:
    with pytest.raises(errors.MissingRewardHeadError, match="without a reward head") as caught:
        load_reward_model(saved(family, head="none"))
    assert all(key in str(caught.value) for family in FAMILIES for key in family.keys)


def test_a_library_that_hides_missing_keys_hides_nothing_here(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """TRL sets this attribute, and then transformers reports nothing as missing."""
    from transformers import LlamaModel, LlamaPreTrainedModel

    for cls in (LlamaPreTrainedModel, LlamaModel):
        monkeypatch.setattr(cls, "_keys_to_ignore_on_load_missing", [r".*"])
    tensors = tensors_of(folder)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(errors.BrokenCheckpointError, match=r"model\.layers\.1\.mlp\.up_proj|layers\.1\.mlp\.up_proj"):
        load_reward_model(rewrite(folder, tensors))


@pytest.mark.parametrize("config", [BertConfig, T5Config], ids=["encoder", "encoder-decoder"])
def test_what_is_no_decoder(folder: Path, config: type) -> None:
    (folder / "config.json").write_text(config().to_json_string(use_diff=False))
    expected = "bert is an encoder:" if config is BertConfig else "t5 is an encoder-decoder;"
    with pytest.raises(errors.UnsupportedModelError, match=f"{expected}.*black box"):
        load_reward_model(folder)


def test_a_model_whose_tokens_see_those_after_them(folder: Path) -> None:
    with pytest.raises(errors.UnsupportedModelError, match="a token sees those after it"):
        load_reward_model(save_tiny_reward_model(folder, "gemma3_text", config={"use_bidirectional_attention": True}))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (
            {"reward_head.weight": (1, 32)},
            r"beside the backbone lie reward_head\.weight \[1, 32\]: no registered family",
        ),
        ({"score.0.weight": (8, 32), "score.2.weight": (1, 8)}, "no registered family has exactly these"),
        ({"score.weight": (1, 32), "weights.fc.0.weight": (8, 32)}, r"weights\.fc\.0\.weight \[8, 32\]"),
        ({"v_head.summary.weight": (1, 32)}, "no registered family has exactly these"),
        (
            {"score.weight": (1, 32), "v_head.summary.weight": (1, 32), "v_head.summary.bias": (1,)},
            r"side by side \(sequence_classification, trl_value_head\)",
        ),
        ({"score.weight": (2, 32)}, r"score\.weight has shape \[2, 32\]: 2 outputs.*num_labels=1"),
    ],
)
def test_a_head_that_is_not_known(folder: Path, head: dict[str, tuple[int, ...]], expected: str) -> None:
    tensors = tensors_of(folder)
    del tensors["score.weight"]
    with pytest.raises(errors.UnknownRewardHeadError, match=expected):
        load_reward_model(rewrite(folder, {**tensors, **{key: torch.ones(shape) for key, shape in head.items()}}))


def test_a_head_that_cannot_be_used(folder: Path) -> None:
    tensors = tensors_of(folder)
    for weight, expected in [
        (torch.ones(1, 16), r"shape \[1, 16\], but the backbone gives vectors of width 32"),
        (torch.ones(1, 32, dtype=torch.int8), "holds I8, not floating point"),
        (torch.full((1, 32), torch.nan), "holds NaN or infinity"),
    ]:
        with pytest.raises(errors.BrokenCheckpointError, match=expected):
            load_reward_model(rewrite(folder, {**tensors, "score.weight": weight}))


def test_backbone_weights_that_do_not_fit(folder: Path) -> None:
    tensors = tensors_of(folder)
    half_a_layer = {key: tensor for key, tensor in tensors.items() if "layers.2.mlp" not in key}
    with pytest.raises(errors.BrokenCheckpointError, match=r"3 of 29 backbone weights missing: layers\.2\.mlp"):
        load_reward_model(rewrite(folder, half_a_layer))
    longer = {**tensors, "model.layers.3.mlp.up_proj.weight": torch.ones(64, 32)}
    with pytest.raises(errors.BrokenCheckpointError, match=r"no place in the model .* model\.layers\.3\.mlp\.up_proj"):
        load_reward_model(rewrite(folder, longer))
    wider = {**tensors, "model.norm.weight": torch.ones(64)}
    with pytest.raises(
        errors.BrokenCheckpointError, match=r"model\.norm\.weight is \[64\], config\.json asks for \[32\]"
    ):
        load_reward_model(rewrite(folder, wider))
    with pytest.raises(errors.BrokenCheckpointError, match="no weight of a llama backbone"):
        load_reward_model(rewrite(folder, {"score.weight": tensors["score.weight"]}))


def test_a_missing_shard(folder: Path) -> None:
    shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(errors.BrokenCheckpointError, match="1 of 2 shards missing: model-00002-of-00002.safetensors"):
        load_reward_model(folder)
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(errors.BrokenCheckpointError, match="shards without model.safetensors.index.json"):
        load_reward_model(folder)


def test_an_index_that_lies(folder: Path) -> None:
    index = shard(folder) / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    content["weight_map"]["model.extra"] = "model-00001-of-00002.safetensors"
    index.write_text(json.dumps(content))
    with pytest.raises(errors.BrokenCheckpointError, match=r"the index promises model\.extra here"):
        load_reward_model(folder)
    content["weight_map"]["model.extra"] = "../../elsewhere.safetensors"
    index.write_text(json.dumps(content))
    with pytest.raises(errors.BrokenCheckpointError, match="not the name of a file beside it"):
        load_reward_model(folder)


@pytest.mark.parametrize("spoil", ["cut", "garbage", "empty", "pointer"])
def test_damaged_safetensors(folder: Path, spoil: str) -> None:
    file = folder / "model.safetensors"
    content = {
        "cut": file.read_bytes()[:-100],
        "garbage": b"\xff" * 1000,
        "empty": b"",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 100\n",
    }[spoil]
    file.write_bytes(content)
    expected = "git-lfs pointer" if spoil == "pointer" else "not a whole safetensors file"
    with pytest.raises(errors.BrokenCheckpointError, match=f"model.safetensors: .*{expected}"):
        load_reward_model(folder)


def test_a_pickle_with_more_than_tensors(folder: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return (Path(folder / "executed").touch, ())

    (folder / "model.safetensors").unlink()
    for content in ({"score.weight": Hostile()}, {"score.weight": "text"}):
        torch.save(content, folder / "pytorch_model.bin")
        with pytest.raises(errors.BrokenCheckpointError, match="save the model as safetensors"):
            load_reward_model(folder)
    assert not (folder / "executed").exists()


def test_folders_without_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.rename(folder / "other.safetensors")
    with pytest.raises(errors.BrokenCheckpointError, match=r"no weights.*the folder holds config\.json, other\."):
        load_reward_model(folder)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(errors.UnsupportedModelError, match="PEFT adapter"):
        load_reward_model(folder)
    (folder / "model-q4.gguf").write_bytes(b"GGUF")
    for path in (folder, folder / "model-q4.gguf"):
        with pytest.raises(errors.UnsupportedModelError, match="GGUF"):
            load_reward_model(path)


def test_damaged_configuration(folder: Path) -> None:
    with pytest.raises(errors.UnsupportedModelError, match=r"quantised \(gptq\)"):
        load_reward_model(reconfigure(folder, quantization_config={"quant_method": "gptq", "bits": 4}))
    with pytest.raises(errors.UnsupportedModelError, match="model type 'lama' is unknown"):
        load_reward_model(reconfigure(folder, quantization_config=None, model_type="lama"))
    for content, expected in [("{", "not valid JSON"), ("[]", "expected a JSON object, found list")]:
        (folder / "config.json").write_text(content)
        with pytest.raises(errors.BrokenCheckpointError, match=expected):
            load_reward_model(folder)
    (folder / "config.json").unlink()
    with pytest.raises(errors.BrokenCheckpointError, match="config.json is missing"):
        load_reward_model(folder)


def test_remote_code_is_not_run_unasked(folder: Path) -> None:
    (folder / "modeling.py").write_text(f"open({str(folder / 'executed')!r}, 'w')\n")
    remote = {"AutoConfig": "modeling.Config", "AutoModel": "modeling.Model"}
    with pytest.raises(errors.UnsupportedModelError, match="it ships its own code.*--allow-remote-code"):
        load_reward_model(reconfigure(folder, model_type="strange", auto_map=remote))
    load_reward_model(reconfigure(folder, model_type="llama"))
    assert not (folder / "executed").exists()


def test_a_missing_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(errors.BrokenCheckpointError, match="no tokenizer could be loaded"):
        load_reward_model(folder)


def test_illegal_options(folder: Path) -> None:
    with pytest.raises(errors.UsageError, match="unknown dtype 'float23'; did you mean 'float32'"):
        load_reward_model(folder, dtype="float23")
    with pytest.raises(errors.UsageError, match="device 'gpu' cannot be used"):
        load_reward_model(folder, device="gpu")


def test_a_head_that_two_families_claim(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "FAMILIES", (*FAMILIES, replace(FAMILIES[0], name="twin")))
    with pytest.raises(errors.UnknownRewardHeadError, match=r"claim it \(sequence_classification, twin\)"):
        load_reward_model(folder)
