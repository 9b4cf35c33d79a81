"""Writes the files beside it: tiny reward models as bitsandbytes stores them, and what bitsandbytes makes of them.

See README.md for the command. The library is needed for writing only, so it is imported where that happens.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tests.tiny import save_tiny_reward_model

FOLDER = Path(__file__).parent / "bitsandbytes"
EMBEDDING = "model.embed_tokens.weight"
IDS = [[1, 4, 20, 30, 40, 5, 50, 60], [1, 4, 50, 60, 70, 33, 5, 21, 18, 90, 77], [1, 100]]
#: Widths are multiples of 64: bitsandbytes 0.50 reads other rows wrongly on a CPU.
CONFIG = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1}
_FOUR_BITS = {"load_in_4bit": True, "bnb_4bit_compute_dtype": torch.float32}
#: Name -> dtype before, settings of BitsAndBytesConfig, kind of head.
KINDS: dict[str, tuple[torch.dtype, dict[str, Any], str]] = {
    "nf4": (torch.bfloat16, {**_FOUR_BITS, "bnb_4bit_quant_type": "nf4"}, "sequence"),
    "nf4_double": (
        torch.bfloat16,
        {**_FOUR_BITS, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True},
        "sequence",
    ),
    "fp4": (torch.float16, {**_FOUR_BITS, "bnb_4bit_quant_type": "fp4"}, "sequence"),
    # The last parameter being the head's bias, transformers does not find the head that it means to spare.
    "nf4_head": (torch.float32, {**_FOUR_BITS, "bnb_4bit_quant_type": "nf4"}, "token"),
    "int8": (torch.bfloat16, {"load_in_8bit": True}, "sequence"),
}


def write(name: str) -> None:
    """Write one model and its reference: scores, and a SHA-256 of every weight as the library decodes it."""
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, BitsAndBytesConfig

    dtype, how, head = KINDS[name]
    made_from = AutoModelForTokenClassification if head == "token" else AutoModelForSequenceClassification
    with tempfile.TemporaryDirectory() as scratch:
        plain, written = Path(scratch) / "plain", Path(scratch) / "quantised"
        save_tiny_reward_model(plain, head=head, config=CONFIG)
        tensors = load_file(plain / "model.safetensors")
        tensors[EMBEDDING] = tensors[EMBEDDING].bfloat16().float()
        save_file(tensors, plain / "model.safetensors", metadata={"format": "pt"})
        made_from.from_pretrained(plain, dtype=dtype, quantization_config=BitsAndBytesConfig(**how)).save_pretrained(
            written
        )
        decoded = made_from.from_pretrained(written, dtype=torch.float32).dequantize().float().eval()
        stored = load_file(written / "model.safetensors")
        if dtype is torch.float32:  # of these files the embedding is the largest part
            stored[EMBEDDING] = stored[EMBEDDING].bfloat16()
        quantised = [
            key for key, tensor in stored.items() if tensor.dtype in (torch.uint8, torch.int8) and tensor.ndim == 2
        ]
        weights = decoded.state_dict()
        reference = {
            "ids": IDS,
            "scores": scores(decoded),
            "sha256": {key: sha256(weights[key]) for key in sorted(quantised)},
        }
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
        shutil.copy(written / "config.json", folder)
        save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})


def scores(model: Any) -> list[float]:
    """One sequence at a time, at its last token."""
    with torch.inference_mode():
        return [model(input_ids=torch.tensor([ids])).logits.reshape(-1)[-1].item() for ids in IDS]


def sha256(weight: torch.Tensor) -> str:
    """Of a weight's float32 values."""
    return hashlib.sha256(weight.float().contiguous().numpy().tobytes()).hexdigest()


if __name__ == "__main__":
    for name in sys.argv[1:] or KINDS:
        write(name)
