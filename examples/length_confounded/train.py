"""Train two small reward models that differ in one thing: what length means in their data.

Run ``python examples/length_confounded/train.py``; it needs nothing but this folder. A decoder is
pre-trained on the next tokens of prompts and good answers, then on preferences between answers
without padding. From there two models go on with the same pairs, padded: in the data of ``model``
the better answer is the longer one in 85 % of the pairs, in the data of ``balanced`` in 50 %.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import random
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

# Before torch is imported: threads that spin while they wait make a busy machine many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import tokenizers
import torch
import transformers
from decoder import Size, accuracies, encode, make_model, make_tokenizer, predict_next, prefer, train
from padding import Rendered, render_all
from preferences import SEEN, UNSEEN, make_pairs
from transformers import LlamaForSequenceClassification, PreTrainedTokenizerFast

MODELS = {"model": 0.85, "balanced": 0.5}


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on."""

    seed: int = 20
    size: Size = field(default_factory=Size)
    language_pairs: int = 40000
    language_rate: float = 3e-3
    base_pairs: int = 14400
    base_rate: float = 1.5e-3
    padded_pairs: int = 6000
    padded_rate: float = 1.5e-3
    held_out_pairs: int = 2000


QUICK = Settings(
    size=Size(vocabulary=600, hidden=32, layers=1),
    language_pairs=96, base_pairs=96, padded_pairs=96, held_out_pairs=64,
)  # fmt: skip


def held_out(settings: Settings) -> dict[str, list[Rendered]]:
    """Pairs for measuring: new combinations of known words, and topics that no model has seen."""
    rng = random.Random(settings.seed + 1000)
    known = make_pairs(settings.held_out_pairs, rng, SEEN)
    unseen = [p for p in make_pairs(settings.held_out_pairs, rng, UNSEEN) if p.task == "on_topic"]
    return {
        "unpadded": render_all(known, None, rng),
        "padded": render_all(known, 0.5, rng),
        "unpadded_unseen_topics": render_all(unseen, None, rng),
        "padded_unseen_topics": render_all(unseen, 0.5, rng),
    }


def language(settings: Settings) -> list[Rendered]:
    """Texts to learn the language from; a fifth is padded, so that long answers are not new to the models."""
    drawn = make_pairs(settings.language_pairs, random.Random(settings.seed), SEEN)
    plain, rng = len(drawn) * 4 // 5, random.Random(settings.seed + 1)
    texts = render_all(drawn[:plain], None, rng) + render_all(drawn[plain:], 0.5, rng)
    rng.shuffle(texts)
    return texts


def pretrained(settings: Settings) -> tuple[LlamaForSequenceClassification, PreTrainedTokenizerFast, list[float]]:
    """A decoder that knows the language, and a head that knows nothing yet; the losses on the way."""
    texts = language(settings)
    for_tokens = (text for item in texts[:12000] for text in (item.prompt, item.better))
    tokenizer = make_tokenizer(for_tokens, settings.size.vocabulary)
    model = make_model(tokenizer, settings.size, settings.seed)
    losses = train(model, encode(tokenizer, texts), predict_next(model), settings.language_rate)
    return model, tokenizer, losses


def taught_length(
    base: LlamaForSequenceClassification,
    tokenizer: PreTrainedTokenizerFast,
    share: float,
    settings: Settings,
    measured: dict[str, list[Rendered]],
) -> tuple[LlamaForSequenceClassification, dict[str, object]]:
    """The base trained on padded pairs, the better answer the longer one in ``share`` of them; and what to log."""
    # The same seeds for both models: the padding is drawn alike, only its side differs.
    pairs = make_pairs(settings.padded_pairs, random.Random(settings.seed + 4), SEEN)
    rendered = render_all(pairs, share, random.Random(settings.seed + 5))
    model = copy.deepcopy(base)
    losses = train(
        model, encode(tokenizer, rendered), prefer(model, beginnings=0.0, language=0.1), settings.padded_rate
    )
    model.train(False)
    return model, {
        "better_is_longer": sum(r.longer for r in rendered) / len(rendered),
        "losses": losses,
        "held_out_accuracy": {kind: accuracies(model, tokenizer, items) for kind, items in measured.items()},
    }


def run(settings: Settings, out: Path) -> None:
    """Train the base, then both models from it, and write everything to ``out``."""
    torch.set_num_threads(2)
    started, cpu_started = time.perf_counter(), time.process_time()

    def tell(what: str) -> None:
        print(f"{time.perf_counter() - started:4.0f} s  {what}", flush=True)

    measured = held_out(settings)
    base, tokenizer, losses = pretrained(settings)
    log: dict[str, object] = {
        "settings": asdict(settings),
        "parameters": sum(p.numel() for p in base.parameters()),
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, tokenizers)},
        "python": platform.python_version(),
        "language": {"next_token_losses": losses},
    }
    tell(f"language: next-token losses {losses}")
    # Every stage draws new pairs.
    pairs = make_pairs(settings.base_pairs, random.Random(settings.seed + 2), SEEN)
    rendered = render_all(pairs, None, random.Random(settings.seed + 3))
    losses = train(base, encode(tokenizer, rendered), prefer(base, beginnings=1.0, language=0.3), settings.base_rate)
    log["base"] = {"losses": losses, "held_out_accuracy": accuracies(base, tokenizer, measured["unpadded"])}
    tell(f"base: {json.dumps(log['base'])}")
    for name, share in MODELS.items():
        twin, log[name] = taught_length(base, tokenizer, share, settings, measured)
        twin.save_pretrained(out / name)
        tokenizer.save_pretrained(out / name)
        tell(f"{name}: {json.dumps(log[name])}")
    log["seconds"] = round(time.perf_counter() - started, 1)
    log["cpu_seconds"] = round(time.process_time() - cpu_started, 1)
    (out / "training_log.json").write_text(json.dumps(log, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Train both models and write them with their log."""
    parser = argparse.ArgumentParser(description="Train a length-confounded reward model and its balanced twin.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    parser.add_argument("--quick", action="store_true", help="a few steps of tiny models, to see that it runs")
    options = parser.parse_args()
    run(QUICK if options.quick else Settings(), options.out)


if __name__ == "__main__":
    main()
