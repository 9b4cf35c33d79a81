"""How long the scores of an audit take: the Hugging Face pipeline, length-sorted batches, and the prefix tree.

    python tests/benchmarks/bench_scoring.py [--limit N] [--repeat R] [--threads T] [--models bundled random]

Every way scores the same conversations, those that the default audit plans over the first N prompts, each once and in
the order in which the audit plans them, with two models: the bundled one, and a random one of Qwen2's shape with 30 M
parameters. The ways take turns, so that a machine that gets busy slows all of them down; the least time of each
counts. All begin with text and end with scores: tokenizing and building the trees is inside the times.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForSequenceClassification, pipeline

from rmaudit.api import prepare
from rmaudit.conversations import Conversation
from rmaudit.models import RewardModel, load_reward_model
from rmaudit.planning import plan_audit
from rmaudit.scoring import LocalEngine, Plan, encode_all, price

BUNDLED = Path(__file__).parents[2] / "examples" / "length_confounded" / "model"

#: How many times faster than the pipeline, and than length-sorted batches, the prefix tree has to be.
REQUIRED = (2.2, 1.4)

Way = Callable[[Sequence[Conversation]], NDArray[np.float64]]


@dataclass
class Timed:
    """The least seconds of a way, and the scores it gave."""

    seconds: float
    scores: NDArray[np.float64]


def through_pipeline(folder: Path, rm: RewardModel) -> Way:
    """The text-classification pipeline as its documentation shows it, in batches of 8 in input order."""
    classify = pipeline("text-classification", model=str(folder), tokenizer=str(folder), dtype="float32", device="cpu")
    tokenizer: Any = classify.tokenizer
    if tokenizer.pad_token_id is None:  # without one it cannot batch at all
        tokenizer.pad_token_id = classify.model.config.pad_token_id = 0
    tokenizer.padding_side = "right"

    def score(conversations: Sequence[Conversation]) -> NDArray[np.float64]:
        texts = [rm.formatter.render(conversation) for conversation in conversations]
        # The template writes the special tokens.
        answers = classify(texts, batch_size=8, function_to_apply="none", add_special_tokens=False, padding=True)
        return np.array([answer["score"] for answer in answers])

    return score


def in_sorted_batches(rm: RewardModel) -> Way:
    """Padded batches of sequences of about one length: what rmaudit does where a model cannot be packed."""
    return lambda conversations: rm.score_ids([rm.encode(conversation).ids for conversation in conversations])


def timed(ways: dict[str, Way], conversations: Sequence[Conversation], repeat: int) -> dict[str, Timed]:
    """Run the ways in turn, `repeat` times, after a short warm-up of each."""
    for way in ways.values():
        way(conversations[:16])
    results: dict[str, Timed] = {}
    for _ in range(repeat):
        for name, way in ways.items():
            started = time.perf_counter()
            scores = way(conversations)
            seconds = time.perf_counter() - started
            if name not in results or seconds < results[name].seconds:
                results[name] = Timed(seconds, scores)
    return results


def bench(folder: Path, conversations: Sequence[Conversation], repeat: int) -> bool:
    """Time one model and print the table; whether the required ratios are reached."""
    rm = load_reward_model(str(folder))
    engine = LocalEngine(rm)
    lengths = [rm.count_tokens(conversation) for conversation in conversations]
    plan = Plan(conversations)
    cost = price(plan, [read.ids for read in encode_all(rm, plan.unique)])
    padded = sum(
        max(batch) * len(batch) for batch in (lengths[start : start + 8] for start in range(0, len(lengths), 8))
    )
    tokens = {"pipeline, batches of 8": padded, "length-sorted batches": cost.tokens, "prefix tree": cost.tree_tokens}
    ways = dict(zip(tokens, (through_pipeline(folder, rm), in_sorted_batches(rm), engine.score), strict=True))
    results = timed(ways, conversations, repeat)
    ours = results["prefix tree"]
    print(f"{rm.load_report.parameters / 1e6:.1f} M parameters, {len(lengths):,} conversations, {cost.tokens:,} tokens")
    print(f"{rm.load_report.packing}\n")
    print(f"{'':<26}{'seconds':>9}{'tokens':>11}{'ours is':>10}{'required':>10}{'max score difference':>23}")
    reached = True
    for (name, result), least in zip(results.items(), (*REQUIRED, None), strict=True):
        ratio = result.seconds / ours.seconds
        wanted = "" if least is None else f"{least:.1f}x"
        reached &= least is None or ratio >= least
        difference = np.abs(result.scores - ours.scores).max()
        print(f"{name:<26}{result.seconds:>9.2f}{tokens[name]:>11,}{ratio:>9.2f}x{wanted:>10}{difference:>23.0e}")
    print()
    return reached


def save_random_model(folder: Path, tokenizer: Path) -> Path:
    """A random reward model of Qwen2's shape with 30 M parameters."""
    words = AutoTokenizer.from_pretrained(tokenizer)
    shape: dict[str, Any] = {
        "vocab_size": len(words), "hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 10,
        "num_attention_heads": 8, "num_key_value_heads": 2, "max_position_embeddings": 4096, "num_labels": 1,
        "pad_token_id": words.pad_token_id or 0,
    }  # fmt: skip
    torch.manual_seed(0)
    Qwen2ForSequenceClassification(Qwen2Config(**shape)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def main() -> int:
    """Run the benchmark; exit code 1 where a required ratio is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--limit", type=int, help="prompts of the battery; default: all, and 12 for the random model")
    options.add_argument("--repeat", type=int, default=1, help="times that each way runs; the least time counts")
    options.add_argument("--threads", type=int, help="threads of torch; default: what torch takes")
    options.add_argument("--models", nargs="+", choices=("bundled", "random"), default=("bundled", "random"))
    options.add_argument("--bundled", type=Path, default=BUNDLED, help="folder of the bundled model")
    given = options.parse_args()
    if not (given.bundled / "config.json").is_file():
        print(f"{given.bundled}: no model; train it with: python examples/length_confounded/train.py", file=sys.stderr)
        return 2
    if given.threads:
        torch.set_num_threads(given.threads)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    reached = True
    for model in given.models:
        limit = given.limit or (None if model == "bundled" else 12)
        plan = plan_audit(prepare(limit=limit), white_box=True).plan
        print(f"\n== {model} model, {torch.get_num_threads()} threads, {limit or 'all'} prompts: the audit asks for")
        print(
            f"{len(plan.index):,} scores; the {len(plan.unique):,} different conversations are scored once each, "
            "every way"
        )
        with tempfile.TemporaryDirectory() as scratch:
            folder = given.bundled if model == "bundled" else save_random_model(Path(scratch), given.bundled)
            reached &= bench(folder, plan.unique, given.repeat)
    print("the required ratios are reached" if reached else "a required ratio is missed")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
