"""Where transformers loads something else than the trained reward model, and only logs it, rmaudit does not.

Each test first shows the plain call going wrong, and then what rmaudit gives instead: the right score, or a refusal.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    DebertaV2Config,
    T5Config,
    T5GemmaConfig,
)
from transformers.modeling_layers import GenericForSequenceClassification

from rmaudit import errors
from rmaudit.models import load_reward_model
from tests.models.conftest import Loaded, Saved
from tests.models.plain import ROWS, WRONG, Scores, assert_scores, classifier, largest, one_by_one, reference
from tests.models.spoiling import Tensors, reconfigure, rewrite, tensors_of
from tests.tiny import save_tiny_reward_model


def loaded_at_random(folder: Path, **options: Any) -> tuple[Scores, Scores, dict[str, Any]]:
    """Plain scores after two seeds, and what transformers says of the second loading."""
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=1, dtype="float32", output_loading_info=True, **options
        )
        found.append(one_by_one(model.eval(), ROWS))
    return found[0], found[1], {kind: sorted(keys) for kind, keys in info.items() if keys}


def renamed(tensors: Tensors, head: str, bias: float | None = None) -> Tensors:
    """The same tensors with the head under another name, and perhaps with a bias."""
    moved = {key.replace("score.", f"{head}."): tensor for key, tensor in tensors.items()}
    return moved if bias is None else {**moved, f"{head}.bias": torch.tensor([bias])}


def refused(folder: Path, **options: Any) -> str:
    """Why rmaudit does not load a folder."""
    with pytest.raises(errors.ModelError) as caught:
        load_reward_model(folder, **options)
    return f"{caught.type.__name__}: {caught.value}"


@pytest.fixture(scope="module")
def right(saved: Saved) -> Scores:
    """The scores of the model that the tests spoil."""
    return reference(classifier(saved("llama")), saved("llama"), ROWS)


def test_a_language_model_gets_a_random_head(saved: Saved) -> None:
    folder = saved("llama", head="none")
    one, other, info = loaded_at_random(folder)
    assert largest(one, other) > WRONG
    assert info == {"missing_keys": ["score.weight"], "unexpected_keys": ["lm_head.weight"]}
    assert AutoModelForSequenceClassification.from_pretrained(folder).score.out_features == 2
    assert refused(folder).startswith("MissingRewardHeadError")


def test_a_library_that_declares_the_head_new_hears_nothing(monkeypatch: pytest.MonkeyPatch, saved: Saved) -> None:
    """TRL sets these two while it loads, and then no key is missing or unexpected."""
    monkeypatch.setattr(
        GenericForSequenceClassification, "_keys_to_ignore_on_load_missing", [r"^score\.weight$"], False
    )
    monkeypatch.setattr(GenericForSequenceClassification, "_keys_to_ignore_on_load_unexpected", [r"^lm_head\."], False)
    one, other, info = loaded_at_random(saved("llama", head="none"))
    assert largest(one, other) > WRONG
    assert info == {}
    assert refused(saved("llama", head="none")).startswith("MissingRewardHeadError")


@pytest.mark.parametrize(
    ("head", "bias", "family"),
    [
        ("value_head", None, "openrlhf"),
        ("value_head", 3.0, None),
        ("v_head", None, None),
        ("v_head", 3.0, None),
        ("v_head.summary", 3.0, "trl_value_head"),
        ("regression_head", None, "ultra"),
        ("score_head", None, "beaver"),
        ("score_head", 3.0, "beaver"),
        ("rm_head", None, None),
        ("out_proj", 3.0, "open_assistant"),
        ("reward_head", 3.0, None),
        ("classifier", None, "classifier"),
        ("classifier", 3.0, None),
    ],
)
def test_a_head_under_another_name(
    folder: Path, head: str, bias: float | None, family: str | None, right: Scores
) -> None:
    rewrite(folder, renamed(tensors_of(folder), head, bias))
    one, other, info = loaded_at_random(folder)
    assert largest(one, other) > WRONG
    assert info["missing_keys"] == ["score.weight"]
    assert f"{head}.weight" in info["unexpected_keys"]
    if family is not None:
        rm = load_reward_model(folder)
        assert rm.load_report.family == family
        assert_scores(rm, ROWS, right + (bias or 0.0))
        return
    told = refused(folder)
    assert f"{head}.weight [1, 32]" in told
    assert ("--family NAME" if (head, bias) == ("v_head", None) else "no registered family has exactly these") in told


def test_the_bias_of_a_token_classifier_is_dropped(folder: Path, right: Scores) -> None:
    rewrite(folder, {**tensors_of(folder), "score.bias": torch.tensor([3.0])})
    one, other, info = loaded_at_random(folder)
    assert max(largest(one, right), largest(other, right)) < 1e-5, "three less than it was trained to"
    assert info == {"unexpected_keys": ["score.bias"]}
    assert_scores(load_reward_model(folder), ROWS, right + 3)


@torch.no_grad()
def test_a_classifier_read_as_a_token_classifier_is_the_same(saved: Saved, loaded: Loaded) -> None:
    """The other way round nothing is lost: the bias that is missing is zero."""
    model = AutoModelForTokenClassification.from_pretrained(saved("llama"), num_labels=1, dtype="float32").eval()
    last = [model(input_ids=torch.tensor([row])).logits[0, -1].item() for row in ROWS]
    assert largest(torch.tensor(last).numpy(), loaded("llama").score_ids(ROWS)) < 1e-5


def test_a_head_of_another_shape(folder: Path) -> None:
    tensors = tensors_of(folder)
    two = torch.cat([tensors["score.weight"], -2 * tensors["score.weight"]])
    rewrite(folder, {**tensors, "score.weight": two})
    with pytest.raises(RuntimeError, match="ignore_mismatched_sizes"):
        classifier(folder)
    one, other, _ = loaded_at_random(folder, ignore_mismatched_sizes=True)
    assert largest(one, other) > WRONG
    assert "the head has 2 outputs; which of them" in refused(folder)
    first = load_reward_model(folder, head_output=0).score_ids(ROWS)
    assert largest(load_reward_model(folder, head_output=1).score_ids(ROWS), -2 * first) < 1e-5


@torch.no_grad()
def test_weights_in_half_precision_are_computed_in_it(folder: Path) -> None:
    """transformers takes the file's dtype, so that scores lie on a coarse grid; here it is float32 unless asked."""
    rewrite(folder, {key: tensor.bfloat16() for key, tensor in tensors_of(folder).items()})
    reconfigure(folder, dtype="bfloat16")
    plain = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1).eval()
    assert plain.dtype == plain.score.weight.dtype == torch.bfloat16
    exact = reference(classifier(folder), folder, ROWS)
    assert largest(one_by_one(plain, ROWS), exact) > WRONG
    rm = load_reward_model(folder)
    assert {parameter.dtype for parameter in rm.backbone.parameters()} == {torch.float32}
    assert (rm.load_report.dtype, rm.load_report.head_dtype) == ("float32", "BF16")
    assert_scores(rm, ROWS, exact)


def test_keys_with_the_prefix_of_a_wrapper(folder: Path, right: Scores) -> None:
    rewrite(folder, {f"module.{key}": tensor for key, tensor in tensors_of(folder).items()})
    one, other, info = loaded_at_random(folder)
    assert largest(one, other) > WRONG
    assert len(info["missing_keys"]) == len(info["unexpected_keys"]) == len(tensors_of(folder))
    assert_scores(load_reward_model(folder), ROWS, right)


def test_half_a_layer(folder: Path, right: Scores) -> None:
    rewrite(folder, {key: tensor for key, tensor in tensors_of(folder).items() if "layers.2.mlp" not in key})
    one, other, info = loaded_at_random(folder)
    assert 0 < largest(one, other) < WRONG < largest(one, right), "hardly random, and wrong"
    assert len(info["missing_keys"]) == 3
    assert "3 of 29 backbone weights missing: layers.2.mlp.down_proj.weight" in refused(folder)


def test_a_layout_that_calls_itself_a_classifier(tmp_path: Path, right: Scores) -> None:
    """Starling 34B: not one key is what transformers looks for, so all weights are random, without an exception."""
    folder = save_tiny_reward_model(tmp_path / "Starling-RM-34B", architectures=["LlamaForSequenceClassification"])
    tensors = renamed(tensors_of(folder), "v_head")
    rewrite(folder, {key.replace("model.", "transformer."): tensor for key, tensor in tensors.items()})
    one, other, info = loaded_at_random(folder)
    assert largest(one, other) > WRONG
    assert len(info["missing_keys"]) == len(tensors)
    rm = load_reward_model(folder)
    assert (rm.load_report.family, rm.load_report.position) == ("starling", "token before the first token 0")
    assert_scores(rm, ROWS, right)


@torch.no_grad()
def test_layers_where_a_classifier_has_one(saved: Saved, folder: Path) -> None:
    """INF-ORM and its like: a linear head is made up and the layers are dropped."""
    tensors, noise = tensors_of(folder), torch.Generator().manual_seed(3)
    del tensors["score.weight"]
    shapes = {"score.0.weight": (32, 32), "score.0.bias": (32,), "score.2.weight": (1, 32), "score.2.bias": (1,)}
    head = {key: 0.3 * torch.randn(shape, generator=noise) for key, shape in shapes.items()}
    reconfigure(rewrite(folder, {**tensors, **head}), architectures=["LlamaForSequenceClassification"])
    one, other, info = loaded_at_random(folder)
    assert largest(one, other) > WRONG
    assert info == {"missing_keys": ["score.weight"], "unexpected_keys": sorted(head)}
    backbone = AutoModel.from_pretrained(folder, dtype="float32").eval()
    h = torch.stack([backbone(input_ids=torch.tensor([row])).last_hidden_state[0, -1] for row in ROWS])
    hidden = (h @ head["score.0.weight"].T + head["score.0.bias"]).relu()
    rm = load_reward_model(folder)
    assert rm.load_report.family == "mlp_score"
    assert_scores(rm, ROWS, (hidden @ head["score.2.weight"][0] + head["score.2.bias"]).double().numpy())


def test_two_heads_side_by_side(folder: Path) -> None:
    """transformers takes the one that its class has, trained or not."""
    tensors = tensors_of(folder)
    both = {**tensors, **renamed({"score.weight": 2 * tensors["score.weight"]}, "v_head.summary", 3.0)}
    _, _, info = loaded_at_random(rewrite(folder, both))
    assert info == {"unexpected_keys": ["v_head.summary.bias", "v_head.summary.weight"]}
    told = refused(folder)
    assert "side by side (sequence_classification, trl_value_head); save only the one that was trained" in told
    assert all(f"{key} [" in told for key in both.keys() - tensors.keys())


def test_a_file_that_has_no_place_for_a_head(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.gguf").write_bytes(b"GGUF" + bytes(64))
    for given in (folder, folder / "model.gguf"):
        assert "GGUF" in (told := refused(given))
        assert "no place for a reward head; give the folder of the original checkpoint" in told


def test_every_kind_of_refusal_is_its_own(folder: Path, saved: Saved) -> None:
    """A reason and a way out each, in words of its own; a judge is told how its answers are named."""
    told = [refused(saved("llama", head="none"))]
    for config in (BertConfig, DebertaV2Config, T5Config, T5GemmaConfig):
        (folder / "config.json").write_text(config().to_json_string(use_diff=False))
        told.append(refused(folder))
    (folder / "model.safetensors").rename(folder / "model.gguf")
    told.append(refused(folder))
    words = [
        "--judge-tokens Yes,No",
        *["is an encoder:"] * 2,
        *["is an encoder-decoder"] * 2,
        "the original checkpoint",
    ]
    assert all(word in text for word, text in zip(words, told, strict=True))
    assert all("black box" in text for text in told[1:5])
    assert [text.split(":")[0] for text in told] == ["MissingRewardHeadError", *["UnsupportedModelError"] * 5]


CODE = """import sys
import torch
from rmaudit.models import load_reward_model
torch.manual_seed(1)
for folder in sys.argv[1:]:
    rm = load_reward_model(folder)
    print(*(score.hex() for score in rm.score_ids([[1, 20, 30, 40, 2], [1, 50]]).tolist()))"""


def test_two_seeds_in_two_processes(saved: Saved) -> None:
    """Nothing of a loaded model is drawn by chance, left empty, or in training."""
    heads = {"llama": "sequence", "gpt2": "token", "opt": "trl", "mixtral": "sequence"}
    folders = [str(saved(family, head=head)) for family, head in heads.items()]
    there = subprocess.run([sys.executable, "-c", CODE, *folders], stdout=subprocess.PIPE, text=True, check=True)
    here = []
    torch.manual_seed(0)
    for folder in folders:
        rm = load_reward_model(folder)
        assert not any(part.training for part in (*rm.backbone.modules(), *rm.head.modules()))
        tensors = [*rm.backbone.parameters(), *rm.backbone.buffers(), *rm.head.parameters(), *rm.head.buffers()]
        assert not any(tensor.is_meta or tensor.requires_grad for tensor in tensors)
        here.append([score.hex() for score in rm.score_ids([[1, 20, 30, 40, 2], [1, 50]]).tolist()])
    assert [line.split() for line in there.stdout.splitlines()] == here
