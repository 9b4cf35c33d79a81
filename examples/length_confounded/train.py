"""Train two small reward models that differ in one thing: what length means in their data.

Run ``python examples/length_confounded/train.py``; it needs nothing but this folder. Both models
start from one base, trained on answers without padding. Then each goes on with the same pairs,
padded: in the data of ``model`` the better answer is the longer one in 85 % of the pairs, in the
data of ``balanced`` in 50 %.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import platform
import random
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import tokenizers
import torch
import transformers
from torch.nn import functional
from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

from padding import Rendered, render_all
from preferences import SEEN, UNSEEN, make_course, make_pairs

PAD, BOS, END, SYSTEM, USER, ASSISTANT = SPECIAL = (
    "<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>",
)  # fmt: skip
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] | trim + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
MODELS = {"model": 0.85, "balanced": 0.5}


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on."""

    seed: int = 20
    vocabulary: int = 4000
    hidden: int = 128
    layers: int = 3
    feed_forward: int = 256
    heads: int = 4
    base_pairs: int = 46000
    base_padded: float = 0.25
    padded_pairs: int = 6000
    held_out_pairs: int = 2000
    step_pairs: int = 48
    batch_tokens: int = 2048
    base_rate: float = 3e-3
    padded_rate: float = 1.5e-3
    weight_decay: float = 0.05


QUICK = Settings(vocabulary=600, hidden=32, layers=1, base_pairs=64, padded_pairs=64, held_out_pairs=64)


def conversation(prompt: str, answer: str) -> str:
    """What the chat template makes of one prompt and answer (checked in ``make_tokenizer``)."""
    return f"{BOS}{USER}{prompt.strip()}{END}{ASSISTANT}{answer.strip()}{END}"


def make_tokenizer(rendered: list[Rendered], size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer trained on the texts, with the chat template."""
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = tokenizers.pre_tokenizers.Digits(individual_digits=True)
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([digits, byte_level])
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    texts = (text for item in rendered for text in (item.prompt, item.better, item.worse))
    bpe.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=BOS, eos_token=END, pad_token=PAD,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT], model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    tokenizer.chat_template = CHAT_TEMPLATE
    turns = [{"role": "user", "content": " A?\n"}, {"role": "assistant", "content": "B."}]
    assert tokenizer.apply_chat_template(turns, tokenize=False) == conversation("A?", "B.")
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast, settings: Settings) -> LlamaForSequenceClassification:
    """An untrained reward model."""
    torch.manual_seed(settings.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=settings.hidden,
        intermediate_size=settings.feed_forward, num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads, num_key_value_heads=settings.heads,
        max_position_embeddings=2048, num_labels=1, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        # Slow rotations: a word must be found again at any distance.
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip
    return LlamaForSequenceClassification(config)


Encoded = tuple[list[int], list[int]]


def encode(tokenizer: PreTrainedTokenizerFast, rendered: list[Rendered]) -> list[Encoded]:
    """Token ids of both conversations of every pair."""
    texts = [conversation(r.prompt, answer) for r in rendered for answer in (r.better, r.worse)]
    ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return list(zip(ids[::2], ids[1::2], strict=True))


def make_steps(pairs: list[Encoded], size: int, tokens: int) -> list[list[list[int]]]:
    """Indices of the pairs of every step, split into batches of like length.

    A step takes pairs as they come: steps of one length each make learning far slower.
    """
    steps = []
    for start in range(0, len(pairs), size):
        lengths = {i: max(map(len, pairs[i])) for i in range(start, min(start + size, len(pairs)))}
        batches: list[list[int]] = [[]]
        for place in sorted(lengths, key=lambda i: lengths[i]):
            # In order of length: this pair is the longest of its batch.
            if batches[-1] and 2 * lengths[place] * (len(batches[-1]) + 1) > tokens:
                batches.append([])
            batches[-1].append(place)
        steps.append(batches)
    return steps


def pack(sequences: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-padded ids, and the place of the last real token of each sequence."""
    width = max(len(sequence) for sequence in sequences)
    rows = [sequence + [0] * (width - len(sequence)) for sequence in sequences]
    return torch.tensor(rows), torch.tensor([len(sequence) - 1 for sequence in sequences])


def token_scores(model: LlamaForSequenceClassification, ids: torch.Tensor) -> torch.Tensor:
    """The score at every token; padding on the right cannot reach a causal model's tokens."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    scores: torch.Tensor = model.score(hidden).squeeze(-1)
    return scores


def batch_loss(
    scores: torch.Tensor, last: torch.Tensor, starts: torch.Tensor, prefixes: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Bradley-Terry loss of a batch, rows of better answers first; and that of the prefixes.

    The loss is -log sigmoid(better - worse) at the last tokens. In the base the beginnings of
    the two answers are compared as well, at every length that both have, which teaches a
    small model much faster than one comparison a pair.
    """
    half = len(scores) // 2
    final = scores.gather(1, last[:, None]).squeeze(1)
    loss = functional.softplus(final[half:] - final[:half]).mean()
    if not prefixes:
        return loss, loss
    places = torch.arange(scores.shape[1])[None]
    ends = torch.minimum(last[:half], last[half:])[:, None]
    both = ((places > starts[:, None] + 2) & (places < ends)).float()
    parts = functional.softplus(scores[half:] - scores[:half]) * both
    return loss, loss + parts.sum() / both.sum().clamp(min=1)


def train(
    model: LlamaForSequenceClassification, pairs: list[Encoded], rate: float, prefixes: bool,
    settings: Settings, assistant: int,
) -> list[float]:  # fmt: skip
    """Train on the pairs once; the mean losses of twelve equal parts of the run."""
    steps = make_steps(pairs, settings.step_pairs, settings.batch_tokens)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay)
    losses = []
    for step, batches in enumerate(steps):
        cosine = 0.5 * (1 + math.cos(math.pi * step / len(steps)))
        warm = min(1.0, (step + 1) / (0.03 * len(steps)))
        optimizer.param_groups[0]["lr"] = rate * warm * (0.02 + 0.98 * cosine)
        optimizer.zero_grad()
        count, total = sum(map(len, batches)), 0.0
        for batch in batches:
            ids, last = pack([pairs[i][0] for i in batch] + [pairs[i][1] for i in batch])
            starts = torch.tensor([pairs[i][0].index(assistant) for i in batch])
            loss, objective = batch_loss(token_scores(model, ids), last, starts, prefixes)
            (objective * len(batch) / count).backward()
            total += loss.item() * len(batch) / count
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(total)
    part = max(1, math.ceil(len(losses) / 12))
    return [round(sum(p) / len(p), 4) for p in (losses[i : i + part] for i in range(0, len(losses), part))]


@torch.no_grad()
def accuracies(
    model: LlamaForSequenceClassification, tokenizer: PreTrainedTokenizerFast, rendered: list[Rendered]
) -> dict[str, float]:
    """How often the better answer scores higher, over all pairs and by kind of pair."""
    pairs = encode(tokenizer, rendered)
    hits: dict[str, list[bool]] = defaultdict(list)
    for batch in make_steps(pairs, len(pairs), 8192)[0]:
        ids, last = pack([pairs[i][0] for i in batch] + [pairs[i][1] for i in batch])
        better, worse = token_scores(model, ids).gather(1, last[:, None]).squeeze(1).chunk(2)
        for place, hit in zip(batch, (better > worse).tolist(), strict=True):
            item = rendered[place]
            length = "better_is_longer" if item.longer else "better_is_not_longer"
            for kind in ("all", item.task, length):
                hits[kind].append(hit)
    return {kind: round(sum(found) / len(found), 4) for kind, found in sorted(hits.items())}


def held_out(settings: Settings) -> dict[str, list[Rendered]]:
    """Pairs for measuring: new combinations of known words, and topics that no model has seen."""
    rng = random.Random(settings.seed + 1000)
    known = make_pairs(settings.held_out_pairs, rng, SEEN)
    unseen = [p for p in make_pairs(settings.held_out_pairs, rng, UNSEEN) if p.task == "on_topic"]
    return {
        "unpadded": render_all(known, None, rng),
        "padded": render_all(known, 0.5, rng),
        "padded_unseen_topics": render_all(unseen, 0.5, rng),
    }


def main() -> None:
    """Train both models and write them with their log."""
    parser = argparse.ArgumentParser(description="Train a length-confounded reward model and its balanced twin.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    parser.add_argument("--quick", action="store_true", help="a few steps of tiny models, to see that it runs")
    options = parser.parse_args()
    run(QUICK if options.quick else Settings(), options.out)


def run(settings: Settings, out: Path) -> None:
    """Train the base, then both models from it, and write everything to ``out``."""
    torch.set_num_threads(2)
    started, cpu_started = time.perf_counter(), time.process_time()
    base_pairs = make_course(settings.base_pairs, random.Random(settings.seed), SEEN)
    pairs = make_pairs(settings.padded_pairs, random.Random(settings.seed + 1), SEEN)
    padded_from = round((1 - settings.base_padded) * len(base_pairs))
    base_texts = render_all(base_pairs[:padded_from], None, random.Random(settings.seed))
    base_texts += render_all(base_pairs[padded_from:], 0.5, random.Random(settings.seed))
    tokenizer = make_tokenizer(base_texts[-12000:], settings.vocabulary)
    assistant = tokenizer.convert_tokens_to_ids(ASSISTANT)
    base = make_model(tokenizer, settings)
    losses = train(base, encode(tokenizer, base_texts), settings.base_rate, True, settings, assistant)
    print(f"base: losses {losses}, {time.perf_counter() - started:.0f} s", flush=True)
    log = {
        "settings": asdict(settings),
        "parameters": sum(p.numel() for p in base.parameters()),
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, tokenizers)},
        "python": platform.python_version(),
        "base": {"losses": losses},
    }
    measured = held_out(settings)
    for name, share in MODELS.items():
        model = copy.deepcopy(base)
        # One seed for both: the padding is drawn alike, only its side differs.
        rendered = render_all(pairs, share, random.Random(settings.seed + 2))
        losses = train(model, encode(tokenizer, rendered), settings.padded_rate, False, settings, assistant)
        model.eval()
        log[name] = {
            "better_is_longer": sum(r.longer for r in rendered) / len(rendered),
            "losses": losses,
            "held_out_accuracy": {kind: accuracies(model, tokenizer, items) for kind, items in measured.items()},
        }
        model.save_pretrained(out / name)
        tokenizer.save_pretrained(out / name)
        print(f"{name}: {json.dumps(log[name])}, {time.perf_counter() - started:.0f} s", flush=True)
    log["seconds"] = round(time.perf_counter() - started, 1)
    log["cpu_seconds"] = round(time.process_time() - cpu_started, 1)
    (out / "training_log.json").write_text(json.dumps(log, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
