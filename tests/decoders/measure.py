"""What one decoder's scores depend on, measured: rmaudit's, and those of transformers' own class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForSequenceClassification, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from rmaudit.errors import ModelError
from rmaudit.models import RewardModel, load_reward_model
from rmaudit.models.quiet import quiet_transformers
from rmaudit.scoring import LocalEngine
from tests import tiny
from tests.decoders.configs import UNPREFIXED, tiny_config

Scores = NDArray[np.float64]
Ids = list[tuple[int, ...]]

#: Largest difference that two computations of the same float32 score may have.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Measured:
    """One decoder. Differences are the largest of all sequences.

    spread: standard deviation of the scores. plain: rmaudit's scores, over batch sizes, padding sides and orders, from
    those of transformers' backbone, each sequence alone, times the head. packed: the same of the scoring engine.
    packing: how the engine computes. left: scores of transformers' own class, in one batch padded on the left with a
    mask, from its own of each sequence alone; None where there is no such class.
    own_head: the keys of that class's head. refused: why rmaudit does not load it, in which case the rest is missing.
    """

    model_type: str
    seq_cls: str
    own_head: str
    left: float | None
    spread: float = 0.0
    plain: float = float("nan")
    packed: float = float("nan")
    packing: str = ""
    refused: str = ""


def sequences() -> Ids:
    """Eight sequences of many lengths, beyond every tiny window; some share prefixes, none holds the padding id."""
    generator = np.random.default_rng(0)
    text = [1, *generator.integers(20, 270, 47).tolist()]
    cuts = [(48, 48), (20, 33), (20, 21), (7, 40), (0, 1), (3, 12), (7, 7), (0, 5)]
    tails = [generator.integers(20, 270, length - cut).tolist() for cut, length in cuts]
    return [(*text[:cut], *tail) for (cut, _), tail in zip(cuts, tails, strict=True)]


def save(model_type: str, folder: Path) -> None:
    """Write a random tiny reward model of this type: `score.weight` beside the backbone."""
    tokenizer = tiny.save_tiny_tokenizer(folder)
    config = tiny_config(model_type)
    assert config.get_text_config().vocab_size == tokenizer.get_vocab_size()
    backbone = tiny.random_backbone(config, seed=0, std=0.2)
    if model_type in UNPREFIXED:
        backbone = {key.partition(".")[2]: tensor for key, tensor in backbone.items()}
    weights, _ = tiny.with_head(backbone, "sequence", tiny.readout_width(config.get_text_config()), seed=0)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tiny.save_config(folder, config, "sequence", ["AnyForSequenceClassification"])


def measure(model_type: str, folder: Path, *, own_class: bool = True) -> Measured:
    """Write the model into the folder and measure it. own_class: transformers' own class too."""
    with quiet_transformers():  # which would report a head that its backbone does not take, for every model
        return _measure(model_type, folder, own_class)


def _measure(model_type: str, folder: Path, own_class: bool) -> Measured:
    save(model_type, folder)
    ids = sequences()
    seq_cls = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.get(model_type, "none")
    own_head, left = _own_class(folder, ids) if own_class and seq_cls != "none" else ("-", None)
    try:
        rm = load_reward_model(folder)
    except ModelError as error:
        return Measured(model_type, seq_cls, own_head, left, refused=str(error).replace(f"{folder}: ", ""))
    expected = reference(folder, ids)
    engine = LocalEngine(rm)
    packed = float(np.abs(engine.score_ids(ids) - expected).max())
    return Measured(
        model_type,
        seq_cls,
        own_head,
        left,
        spread=float(expected.std()),
        plain=_largest_difference(rm, ids, expected),
        packed=packed,
        packing=rm.load_report.packing,
    )


@torch.no_grad()
def reference(folder: Path, ids: Ids) -> Scores:
    """Each sequence alone, unpadded, through transformers' backbone and nothing of ours."""
    # The plain implementation of attention is the only one that all classes have, and the most exact.
    model, info = AutoModel.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    assert not info["missing_keys"], "a reference with random weights shows nothing"
    model.eval()
    weight = load_file(folder / "model.safetensors")["score.weight"][0].double()
    states = [model(input_ids=torch.tensor([row])).last_hidden_state[0, -1] for row in ids]
    return np.array([(state.double() @ weight).item() for state in states])


def _largest_difference(rm: RewardModel, ids: Ids, expected: Scores) -> float:
    """Over batch sizes, padding sides and orders."""
    given, shuffled = np.arange(len(ids)), np.random.default_rng(1).permutation(len(ids))
    ways = [(1, "right", shuffled), (3, "right", given), (3, "left", shuffled)]
    ways += [(8, "right", shuffled), (8, "left", given)]
    differences = [
        rm.score_ids([ids[index] for index in order], batch_size=size, padding_side=side) - expected[order]
        for size, side, order in ways
    ]
    return float(np.abs(differences).max())


@torch.no_grad()
def _own_class(folder: Path, ids: Ids) -> tuple[str, float]:
    """transformers' own class: the keys of its head, and what padding on the left does to its scores."""
    torch.manual_seed(0)  # it fills a head of other keys with random numbers, the same for both computations
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, num_labels=1, attn_implementation="eager"
    ).eval()
    head = [key for key in model.state_dict() if not key.startswith(f"{model.base_model_prefix}.")]
    longest = max(map(len, ids))
    padded = torch.tensor([[0] * (longest - len(row)) + list(row) for row in ids])
    alone = np.array([model(input_ids=torch.tensor([row])).logits.item() for row in ids])
    together = model(input_ids=padded, attention_mask=(padded != 0).long()).logits[:, 0].numpy()
    return ", ".join(head), float(np.abs(together - alone).max())
