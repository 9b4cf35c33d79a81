"""Train two small reward models that differ in one thing: what length means in their data.

Run ``python examples/length_confounded/train.py``; it needs nothing but this folder. A decoder is
pre-trained on the next tokens of prompts and good answers, then on preferences between answers
without padding. From there two models go on with the same pairs, padded: in the data of ``model``
the better answer is the longer one in 85 % of the pairs, in the data of ``balanced`` in 50 %.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import time
from dataclasses import asdict, dataclass, field
from multiprocessing.queues import SimpleQueue
from pathlib import Path

# Before torch is imported: threads that spin while they wait make a busy machine many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import tokenizers
import torch
import transformers
from decoder import Encoded, Size, accuracies, encode, make_model, make_tokenizer, predict_next, prefer, train
from halves import COUNT, Half, make_halves
from padding import Rendered, pad_all, unpadded
from preferences import make_pairs
from torch import multiprocessing
from torch.multiprocessing.spawn import spawn
from transformers import LlamaForSequenceClassification, PreTrainedTokenizerFast

# The share of padded pairs in which the better answer is the longer one.
MODELS = {"model": 0.85, "balanced": 0.5}
assert len(MODELS) == COUNT  # a process trains one of them to its end
LOGGED = ("settings", "parameters", "versions", "python", "seconds", "language", "base", *MODELS)


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on."""

    seed: int = 20
    size: Size = field(default_factory=Size)
    language_pairs: int = 31000
    language_rate: float = 3e-3
    base_pairs: int = 14400
    base_rate: float = 1.5e-3
    padded_pairs: int = 4600
    padded_rate: float = 1.5e-3
    held_out_pairs: int = 2000

    def rng(self, stage: str) -> random.Random:
        """The random numbers of one stage."""
        return random.Random(f"{self.seed}, {stage}")


QUICK = Settings(
    size=Size(vocabulary=600, hidden=32, layers=1),
    language_pairs=96, base_pairs=96, padded_pairs=96, held_out_pairs=64,
)  # fmt: skip


def held_out(settings: Settings) -> dict[str, list[Rendered]]:
    """Pairs for measuring: no stage trains on one of their prompts with its better answer."""
    pairs = make_pairs(settings.held_out_pairs, settings.rng("held out"), held_out=True)
    return {"unpadded": unpadded(pairs, "held out"), "padded": pad_all(pairs, 0.5, "held out, padded")}


def language(settings: Settings) -> list[Rendered]:
    """Texts to learn the language from; a fifth is padded, so that long answers are not new to the models."""
    rng = settings.rng("language")
    drawn = make_pairs(settings.language_pairs, rng)
    plain = len(drawn) * 4 // 5
    texts = unpadded(drawn[:plain], "language") + pad_all(drawn[plain:], 0.5, "language, padded")
    rng.shuffle(texts)
    return texts


@dataclass(frozen=True)
class Course:
    """All that is learned from, as token ids: every stage has pairs of its own, and the models differ in ``padded``."""

    tokenizer: PreTrainedTokenizerFast
    language: list[Encoded]
    base: list[Encoded]
    padded: dict[str, list[Encoded]]
    better_is_longer: dict[str, float]


def make_course(settings: Settings) -> Course:
    """Draw and render all texts, and train the tokenizer on some of them."""
    texts = language(settings)
    for_tokens = (text for item in texts[:12000] for text in (item.prompt, item.better))
    tokenizer = make_tokenizer(for_tokens, settings.size.vocabulary)
    base = make_pairs(settings.base_pairs, settings.rng("base"))
    pairs = make_pairs(settings.padded_pairs, settings.rng("padded"))
    # One seed for both models: the same amounts for every pair, only their sides differ.
    padded = {name: pad_all(pairs, share, f"{settings.seed}, padded") for name, share in MODELS.items()}
    return Course(
        tokenizer,
        encode(tokenizer, texts),
        encode(tokenizer, unpadded(base, "base")),
        {name: encode(tokenizer, rendered) for name, rendered in padded.items()},
        {name: sum(r.lead > 0 for r in rendered) / len(rendered) for name, rendered in padded.items()},
    )


def measure(
    model: LlamaForSequenceClassification, tokenizer: PreTrainedTokenizerFast, sets: dict[str, list[Rendered]]
) -> dict[str, dict[str, dict[str, float]]]:
    """Accuracies on every held-out set, as they are logged."""
    return {
        name: {kind: asdict(found) for kind, found in accuracies(model, tokenizer, items).items()}
        for name, items in sets.items()
    }


def work(
    rank: int, halves: list[Half], settings: Settings, course: Course, out: Path, told: SimpleQueue[dict[str, object]]
) -> None:
    """Train the base together with the other process, then one of the two models alone."""
    torch.set_num_threads(1)
    half, tokenizer, measured = halves[rank], course.tokenizer, held_out(settings)
    model = make_model(tokenizer, settings.size, settings.seed)
    losses = train(model, course.language, predict_next(model), settings.language_rate, half)
    if rank == 0:
        told.put({"language": {"next_token_losses": losses}})
    losses = train(model, course.base, prefer(model, beginnings=1.0, language=0.3), settings.base_rate, half)
    if rank == 0:
        told.put({"base": {"losses": losses, "held_out_accuracy": measure(model, tokenizer, measured)}})
    name = list(MODELS)[rank]
    losses = train(model, course.padded[name], prefer(model, beginnings=0.0, language=0.1), settings.padded_rate)
    model.train(False)
    told.put({name: {
        "better_is_longer": course.better_is_longer[name],
        "losses": losses,
        "held_out_accuracy": measure(model, tokenizer, measured),
        "cpu_seconds": round(time.process_time(), 1),
    }})  # fmt: skip
    model.save_pretrained(out / name)
    tokenizer.save_pretrained(out / name)


def run(settings: Settings, out: Path) -> None:
    """Train both models, and write them with their log to ``out``."""
    started = time.perf_counter()
    course = make_course(settings)
    parameters = sum(p.numel() for p in make_model(course.tokenizer, settings.size, settings.seed).parameters())
    print(f"{time.perf_counter() - started:4.0f} s  {parameters:,} parameters", flush=True)
    told: SimpleQueue[dict[str, object]] = multiprocessing.get_context("spawn").SimpleQueue()
    given = (make_halves(parameters), settings, course, out, told)
    processes = spawn(work, given, nprocs=len(MODELS), join=False)
    log: dict[str, object] = {
        "settings": asdict(settings),
        "parameters": parameters,
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, tokenizers)},
        "python": platform.python_version(),
    }
    ended = False
    while not ended or not told.empty():
        ended = ended or processes.join(timeout=0.2)  # raises what a process raised
        while not told.empty():
            news = told.get()
            log |= news
            print(f"{time.perf_counter() - started:4.0f} s  {json.dumps(news)}", flush=True)
    log["seconds"] = round(time.perf_counter() - started, 1)
    ordered = {key: log[key] for key in sorted(log, key=list(LOGGED).index)}
    (out / "training_log.json").write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Train both models and write them with their log."""
    parser = argparse.ArgumentParser(description="Train a length-confounded reward model and its balanced twin.")
    parser.add_argument("--out", type=Path, help="folder to write to; this one if left out")
    parser.add_argument("--quick", action="store_true", help="a few steps of tiny models, to see that it runs")
    options = parser.parse_args()
    if options.quick and options.out is None:
        parser.error("--quick would write over the bundled models: say where to with --out")
    run(QUICK if options.quick else Settings(), options.out or Path(__file__).parent)


if __name__ == "__main__":
    main()
