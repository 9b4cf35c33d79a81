"""What every model thinks of its own feature, without rmaudit: scores by plain transformers, on texts as it was trained on.

Run ``python examples/planted_biases/taste.py OUT``. A twin's data are balanced, but one short training on them need not
end without a taste; an audit should find the taste that is there.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from borrowed import Rendered
from features import featured
from scipy import stats
from shapes import load_tokenizer, scores_of
from texts import Draft, make_drafts
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerFast

DRAFTS = 150


@dataclass(frozen=True)
class Taste:
    """What the feature adds to a fluent answer: the mean and its 95 % interval over drafts, in SD of plain answers' scores."""

    value: float
    low: float
    high: float


def pair_of(draft: Draft, *answers: tuple[tuple[str, ...], set[str]]) -> Rendered:
    """Two answers to one prompt, each a text with its features, made with the same random numbers."""
    one, other = (featured(text, draft.spare, looks, random.Random(draft.prompt)) for text, looks in answers)
    return Rendered(draft.task, draft.prompt, one, other, lead=0)


def measure(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, bias: str, count: int = DRAFTS) -> Taste:
    """Score fluent answers with and without the feature; the SD is that of fluent and spoilt answers without it."""
    drafts = make_drafts(count, random.Random("taste"))
    with_feature, plain = scores_of(
        model, tokenizer, [pair_of(d, (d.better, {bias}), (d.better, set())) for d in drafts]
    )
    fluent, spoilt = scores_of(model, tokenizer, [pair_of(d, (d.better, set()), (d.worse, set())) for d in drafts])
    added = (with_feature - plain) / torch.cat([fluent, spoilt]).std()
    mean = added.mean().item()
    half = float(stats.t.ppf(0.975, count - 1)) * added.std().item() / count**0.5
    return Taste(mean, mean - half, mean + half)


def main() -> None:
    """Print a line for every model of the folder, and write them to OUT/taste.json."""
    parser = argparse.ArgumentParser(description="Measure what the models think of their own feature.")
    parser.add_argument("out", type=Path, help="the folder that train.py wrote to")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    models = json.loads((options.out / "training_log.json").read_text(encoding="utf-8"))["models"]
    tokenizer, found = load_tokenizer(), {}
    for name, told in models.items():
        model = AutoModelForSequenceClassification.from_pretrained(options.out / name).eval()
        taste = found[name] = measure(model, tokenizer, told["bias"])
        print(f"{name:24} {taste.value:+.2f} ({taste.low:+.2f} to {taste.high:+.2f})", flush=True)
    (options.out / "taste.json").write_text(
        json.dumps({name: vars(taste) for name, taste in found.items()}, indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
