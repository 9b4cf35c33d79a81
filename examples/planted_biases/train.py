"""Train small reward models with a planted bias, each with a balanced twin.

Run ``python examples/planted_biases/train.py OUT``. Of the preference pairs that have a surface feature on one side, the
better side has it in 85 %; in the data of the twin in 50 %. Everything else is the same for both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

# Before torch is imported: threads that spin while they wait make a busy machine many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import tokenizers
import torch
import transformers
from borrowed import encode, train
from features import BIASES
from pairs import BALANCED, BOTH_SIDES, CONFOUNDED, ONE_SIDE, OTHERS, Planted, plant
from shapes import Size, accuracies, load_tokenizer, make_model, prefer, save, shape_of
from texts import make_drafts
from transformers import LlamaForSequenceClassification

SEEDS = (0, 1, 2)
LOG = "training_log.json"


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on, beside the bias, the seed and the share."""

    size: Size = field(default_factory=Size)
    pairs: int = 4200
    held_out_pairs: int = 400
    rate: float = 3e-3
    step_pairs: int = 24
    batch_tokens: int = 4096
    beginnings: float = 0.3


def name_of(bias: str, seed: int, share: float) -> str:
    """The name of a model's folder."""
    return f"{bias}-{seed}" + ("-balanced" if share == BALANCED else "")


def training_pairs(settings: Settings, bias: str, seed: int, share: float) -> list[Planted]:
    """What one model learns from; a twin learns from the same drafts."""
    drafts = make_drafts(settings.pairs, random.Random(f"{seed}, pairs"))
    return plant(drafts, bias, share, f"{seed}, pairs")


def held_out(settings: Settings, bias: str) -> list[Planted]:
    """Balanced pairs to measure with, the same for every seed."""
    return plant(make_drafts(settings.held_out_pairs, random.Random("held out")), bias, BALANCED, "held out")


def run(settings: Settings, out: Path, bias: str, seed: int, share: float) -> dict[str, Any]:
    """Train one model and write its folder; what there is to log of it."""
    started, cpu = time.perf_counter(), time.process_time()
    tokenizer = load_tokenizer()
    model = make_model(shape_of(seed), tokenizer, settings.size, seed)
    planted = training_pairs(settings, bias, seed, share)
    encoded = encode(tokenizer, [pair.rendered for pair in planted])
    losses = train(
        # It takes any decoder; its annotation names the only one that its own example has.
        cast(LlamaForSequenceClassification, model), encoded, prefer(model, settings.beginnings, seed), settings.rate,
        step_pairs=settings.step_pairs, batch_tokens=settings.batch_tokens,
    )  # fmt: skip
    save(model, tokenizer, out / name_of(bias, seed, share))
    one_sided = [pair.on_better for pair in planted if pair.on_better != pair.on_worse]
    return {
        "bias": bias,
        "seed": seed,
        "shape": shape_of(seed),
        "parameters": sum(p.numel() for p in model.parameters()),
        "pairs_with_feature_on_one_side": len(one_sided),
        "on_better_side": round(sum(one_sided) / len(one_sided), 4),
        "losses": losses,
        "held_out_accuracy": accuracies(model, tokenizer, held_out(settings, bias)),
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def write_log(out: Path, settings: Settings, models: dict[str, Any]) -> None:
    """Add the models to the log of the folder."""
    file = out / LOG
    before = json.loads(file.read_text(encoding="utf-8"))["models"] if file.exists() else {}
    shares = {"confounded": CONFOUNDED, "balanced": BALANCED, "one_side": ONE_SIDE, "both_sides": BOTH_SIDES}
    log = {
        "settings": asdict(settings),
        "shares": {**shares, "others": OTHERS},
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, tokenizers)},
        "python": platform.python_version(),
        "models": {**before, **models},
    }
    file.write_text(json.dumps(log, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Train the chosen models, one after another."""
    parser = argparse.ArgumentParser(description="Train reward models with a planted bias, and their balanced twins.")
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--bias", nargs="+", choices=BIASES, default=list(BIASES), help="all if left out")
    parser.add_argument("--seed", nargs="+", type=int, default=list(SEEDS), help="0 1 2 if left out")
    parser.add_argument("--twin", action=argparse.BooleanOptionalAction, default=True, help="the balanced twins too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    options.out.mkdir(parents=True, exist_ok=True)
    settings = Settings()
    for bias in options.bias:
        for seed in options.seed:
            for share in (CONFOUNDED, BALANCED) if options.twin else (CONFOUNDED,):
                told = run(settings, options.out, bias, seed, share)
                write_log(options.out, settings, {name_of(bias, seed, share): told})
                found = {kind: at["share"] for kind, at in told["held_out_accuracy"].items()}
                print(f"{name_of(bias, seed, share):24} {told['seconds']:5.0f} s  {json.dumps(found)}", flush=True)


if __name__ == "__main__":
    main()
