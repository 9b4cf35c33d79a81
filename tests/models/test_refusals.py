"""Whatever is not a reward model that can be read is refused, with what was found and what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from transformers import BartConfig, BertConfig, MBartConfig, MvpConfig, T5Config

from rmaudit import errors
from rmaudit.models import families, load_reward_model
from rmaudit.models.families import FAMILIES
from tests.models.conftest import Saved
from tests.models.spoiling import reconfigure, rewrite, tensors_of


def test_no_such_folder() -> None:
    with pytest.raises(errors.CheckpointNotFoundError, match="no folder '/no/such/folder', and it is not a hub id"):
        load_reward_model("/no/such/folder")
    with pytest.raises(errors.CheckpointNotFoundError, match="no folder 'no-such-model'"):
        load_reward_model("no-such-model")


def test_a_mistyped_folder_is_not_looked_for_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> str:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(
        errors.CheckpointNotFoundError, match=r"no folder 'runs/last'.* a folder 'runs' the hub was not"
    ):
        load_reward_model("runs/last")
    for path in ("./someone/model", "../model", "~/no-such-model", "a/b/c", "someone/model/"):
        with pytest.raises(errors.CheckpointNotFoundError, match="no folder .*give the folder that holds config.json"):
            load_reward_model(path)
    for path in ("x" * 5000, "~no-such-user/model", "a\0b"):
        with pytest.raises(errors.CheckpointNotFoundError, match="give the folder that holds config.json"):
            load_reward_model(path)


@pytest.mark.parametrize("family", ["llama", "gpt2", "opt", "cohere"])
def test_a_causal_language_model(saved: Saved, family: str) -> None:
    with pytest.raises(errors.MissingRewardHeadError, match="without a reward head") as caught:
        load_reward_model(saved(family, head="none"))
    for way_out in ("python -m rmaudit.models.catalogue", "--judge-tokens Yes,No", "--reference MODEL"):
        assert way_out in str(caught.value)
    assert len(str(caught.value)) < 800


def test_a_library_that_hides_missing_keys_hides_nothing_here(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """TRL sets this attribute, and then transformers reports nothing as missing."""
    from transformers import LlamaModel, LlamaPreTrainedModel

    for cls in (LlamaPreTrainedModel, LlamaModel):
        monkeypatch.setattr(cls, "_keys_to_ignore_on_load_missing", [r".*"])
    tensors = tensors_of(folder)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(errors.BrokenCheckpointError, match=r"model\.layers\.1\.mlp\.up_proj|layers\.1\.mlp\.up_proj"):
        load_reward_model(rewrite(folder, tensors))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (BertConfig, "bert is an encoder:"),
        (T5Config, "t5 is an encoder-decoder:"),
        # Those are among transformers' masked language models too.
        (BartConfig, "bart is an encoder-decoder:"),
        (MBartConfig, "mbart is an encoder-decoder:"),
        (MvpConfig, "mvp is an encoder-decoder:"),
    ],
)
def test_what_is_no_decoder(folder: Path, config: type, expected: str) -> None:
    (folder / "config.json").write_text(config().to_json_string(use_diff=False))
    with pytest.raises(errors.UnsupportedModelError, match=f"{expected}.*black box"):
        load_reward_model(folder)
    reconfigure(folder, is_encoder_decoder=False)
    with pytest.raises(errors.UnsupportedModelError, match=f"{expected}.*black box"):
        load_reward_model(folder)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (
            {"reward_head.weight": (1, 32)},
            r"beside the backbone lie reward_head\.weight \[1, 32\]: no registered family",
        ),
        ({"score.0.weight": (8, 32)}, "no registered family has exactly these"),
        ({"score.weight": (1, 32), "gate.fc.0.weight": (8, 32)}, r"gate\.fc\.0\.weight \[8, 32\]"),
        ({"score.0.weight": (8, 32), "score.2.weight": (3, 8)}, "no registered family has exactly these"),
        (
            {"score.0.weight": (8, 32), "score.0.bias": (8,), "score.2.weight": (3, 8), "score.2.bias": (3,)},
            r"several families have .*mlp_score, qwen_prm",
        ),
        ({"value_head.weight": (8, 32)}, r"has shape \[8, 32\], where OpenRLHF.* has \[1, 32\]; it is another head"),
        ({"v_head.weight": (1, 32)}, r"several families have such a head \(internlm2, athene, starling.*--family NAME"),
        ({"v_head.summary.weight": (1, 32)}, "no registered family has exactly these"),
        (
            {"score.weight": (1, 32), "v_head.summary.weight": (1, 32), "v_head.summary.bias": (1,)},
            r"side by side \(sequence_classification, trl_value_head\)",
        ),
        ({"score.weight": (2, 32)}, "the head has 2 outputs; which of them.*never guessed: give --head-output 0"),
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
        (torch.ones(1), r"score\.weight has shape \[1\], where .* has \[outputs, 32\]"),
        (torch.ones(1, 32, 1), r"score\.weight has shape \[1, 32, 1\], where .* has \[outputs, 32\]"),
    ]:
        with pytest.raises(errors.BrokenCheckpointError, match=expected):
            load_reward_model(rewrite(folder, {**tensors, "score.weight": weight}))


def test_a_bias_that_cannot_be_used(folder: Path) -> None:
    with pytest.raises(errors.BrokenCheckpointError, match=r"score\.bias has shape \[1, 32\], where .* has \[1\]"):
        load_reward_model(rewrite(folder, {**tensors_of(folder), "score.bias": torch.ones(1, 32)}))


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.float8_e4m3fn])
def test_quantised_weights_that_the_configuration_does_not_mention(folder: Path, dtype: torch.dtype) -> None:
    tensors = tensors_of(folder)
    tensors["model.layers.0.self_attn.q_proj.weight"] = (torch.ones(32, 32) * 3).to(dtype)
    with pytest.raises(errors.BrokenCheckpointError, match=r"1 backbone weights are not floating.*q_proj\.weight is"):
        load_reward_model(rewrite(folder, tensors))


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


def test_damaged_configuration(folder: Path) -> None:
    with pytest.raises(errors.UnsupportedModelError, match="model type 'lama' is unknown"):
        load_reward_model(reconfigure(folder, model_type="lama"))
    for strange in (["llama"], {}, 5):
        with pytest.raises(errors.BrokenCheckpointError, match="model_type is .*; expected a name"):
            load_reward_model(reconfigure(folder, model_type=strange))
    with pytest.raises(errors.UnsupportedModelError, match="model type 'lama' is unknown"):
        load_reward_model(reconfigure(folder, model_type="lama", auto_map=5))
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
    with pytest.raises(errors.UsageError, match="device 'meta' cannot be used: it holds shapes and no numbers"):
        load_reward_model(folder, device="meta")
    with pytest.raises(errors.UsageError, match=r"unknown dtype torch\.float32"):
        load_reward_model(folder, dtype=torch.float32)
    with pytest.raises(errors.UsageError, match="unknown BOS policy None; legal: as-is"):
        load_reward_model(folder, bos_policy=None)
    for length in ("5", 5.5, True, 0):
        with pytest.raises(errors.UsageError, match="max_length: expected a whole number, at least 1 token, got"):
            load_reward_model(folder, max_length=length)


def test_a_head_that_two_families_claim(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "FAMILIES", (*FAMILIES, replace(FAMILIES[0], name="twin")))
    with pytest.raises(
        errors.UnknownRewardHeadError, match=r"several families have such a head \(sequence_classification, twin\)"
    ):
        load_reward_model(folder)
