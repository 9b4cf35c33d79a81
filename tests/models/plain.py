"""What plain transformers makes of a checkpoint, and what the score of a sequence really is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from rmaudit.models import RewardModel
from tests.tiny import save_tiny_tokenizer

Rows = Sequence[Sequence[int]]
Scores = NDArray[np.float64]

#: Sequences of eight lengths; none holds a special token but the first one.
ROWS = [[1, *range(20 + row, 20 + row + length)] for row, length in enumerate((5, 30, 12, 21, 40, 9, 15, 3))]
#: What no rounding explains.
WRONG = 0.05


def classifier(folder: Path, **options: Any) -> PreTrainedModel:
    """The model as most code loads it."""
    options = {"num_labels": 1, "dtype": "float32", **options}
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(folder, **options)
    return model.eval()


def batch(rows: Rows, filler: int, side: str = "right") -> dict[str, Tensor]:
    """`input_ids` and `attention_mask`, each (batch, length)."""
    longest = max(map(len, rows))
    ids, mask = torch.full((len(rows), longest), filler), torch.zeros((len(rows), longest), dtype=torch.long)
    for place, row in enumerate(rows):
        real = slice(0, len(row)) if side == "right" else slice(longest - len(row), longest)
        ids[place, real], mask[place, real] = torch.tensor(row), 1
    return {"input_ids": ids, "attention_mask": mask}


@torch.no_grad()
def called(model: PreTrainedModel, **inputs: Tensor) -> Scores:
    """What a plain call of a classifier gives."""
    logits: Tensor = model(**inputs).logits
    return logits[:, 0].double().numpy()


def one_by_one(model: PreTrainedModel, rows: Rows) -> Scores:
    """What a plain call gives for each row alone, without padding."""
    return np.concatenate([called(model, **batch([row], 0)) for row in rows])


@torch.no_grad()
def read_at(model: PreTrainedModel, head: Tensor, inputs: dict[str, Tensor], places: Sequence[int]) -> Scores:
    """head · h of each row, h being the backbone's output at the row's place."""
    states = model.base_model(**inputs).last_hidden_state
    return (states[range(len(places)), list(places)] @ head).double().numpy()


def reference(model: PreTrainedModel, folder: Path, rows: Rows, places: Sequence[int] | None = None) -> Scores:
    """Backbone and the file's head for each row alone, without padding, read at its place; None: at its last token."""
    chosen = [len(row) - 1 for row in rows] if places is None else places
    head = head_of(folder)
    pairs = zip(rows, chosen, strict=True)
    return np.concatenate([read_at(model, head, batch([row], 0), [place]) for row, place in pairs])


def head_of(folder: Path) -> Tensor:
    """The weight (width,) of the one linear head in a checkpoint."""
    names = ("score.weight", "classifier.weight", "v_head.weight")
    [weight] = [tensor for key, tensor in load_file(folder / "model.safetensors").items() if key in names]
    return weight[0].float()


def save_classifier(folder: Path, config: PreTrainedConfig, *, seed: int = 0, std: float = 0.2) -> Path:
    """Write a random sequence classifier of one output as transformers itself saves it, and the tiny tokenizer."""
    config.num_labels = 1
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(std * noise if parameter.ndim > 1 else parameter + 0.1 * noise)
    model.save_pretrained(folder)
    save_tiny_tokenizer(folder)
    return folder


def assert_scores(rm: RewardModel, rows: Rows, expected: Scores) -> None:
    """Equal to what is expected to 1e-5, whatever the size of a batch and the side of its padding."""
    assert rm.pads_left, "or padding on the left would quietly be padding on the right"
    for side in ("right", "left"):
        for size in (1, 3, 8):
            scores = rm.score_ids(rows, batch_size=size, padding_side=side)
            np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5)


def largest(one: Scores, other: Scores) -> float:
    """The largest difference."""
    return float(np.abs(one - other).max())
