"""The tokenizer, the decoder, and its two kinds of training: next tokens, then preferences."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import tokenizers
import torch
from halves import Half
from padding import Rendered
from scipy import stats
from torch.nn import functional
from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

PAD, BOS, END, SYSTEM, USER, ASSISTANT = SPECIAL = (
    "<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>",
)  # fmt: skip
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] | trim + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
# Long real answers are scored too; rotary positions have no weights.
LONGEST = 8192


@dataclass(frozen=True)
class Size:
    """The shape of the model."""

    vocabulary: int = 3000
    hidden: int = 128
    layers: int = 3
    feed_forward: int = 256
    heads: int = 4


@dataclass(frozen=True)
class Encoded:
    """Token ids of both conversations of a pair; the answer begins after ``start``, the same in both."""

    better: list[int]
    worse: list[int]
    start: int


def conversation(prompt: str, answer: str) -> str:
    """What the chat template makes of one prompt and answer (checked in ``make_tokenizer``)."""
    return f"{BOS}{USER}{prompt.strip()}{END}{ASSISTANT}{answer.strip()}{END}"


def make_tokenizer(texts: Iterable[str], size: int) -> PreTrainedTokenizerFast:
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
    bpe.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=BOS, eos_token=END, pad_token=PAD,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT], model_max_length=LONGEST,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    tokenizer.chat_template = CHAT_TEMPLATE
    turns = [{"role": "user", "content": " A?\n"}, {"role": "assistant", "content": "B."}]
    assert tokenizer.apply_chat_template(turns, tokenize=False) == conversation("A?", "B.")
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast, size: Size, seed: int) -> LlamaForSequenceClassification:
    """An untrained reward model."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=size.hidden, intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers, num_attention_heads=size.heads, num_key_value_heads=size.heads,
        max_position_embeddings=LONGEST, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        # Slow rotations: a word must be found again at any distance.
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip
    config.num_labels = 1
    return LlamaForSequenceClassification(config)


def encode(tokenizer: PreTrainedTokenizerFast, rendered: list[Rendered]) -> list[Encoded]:
    """Token ids of every pair."""
    texts = [conversation(r.prompt, answer) for r in rendered for answer in (r.better, r.worse)]
    ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
    assistant = tokenizer.get_vocab()[ASSISTANT]
    return [Encoded(better, worse, better.index(assistant)) for better, worse in zip(ids[::2], ids[1::2], strict=True)]


def make_batches(lengths: list[int], tokens: int) -> list[list[int]]:
    """Indices in batches of like length, each of at most ``tokens`` tokens with its padding."""
    batches: list[list[int]] = [[]]
    for place in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        # In order of length: this one is the longest of its batch.
        if batches[-1] and lengths[place] * (len(batches[-1]) + 1) > tokens:
            batches.append([])
        batches[-1].append(place)
    return batches


def padded(sequences: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-padded ids, and the place of the last real token of each sequence."""
    width = max(len(sequence) for sequence in sequences)
    rows = [sequence + [0] * (width - len(sequence)) for sequence in sequences]
    return torch.tensor(rows), torch.tensor([len(sequence) - 1 for sequence in sequences])


def states(model: LlamaForSequenceClassification, ids: torch.Tensor) -> torch.Tensor:
    """Last hidden states; padding on the right cannot reach a causal model's tokens."""
    hidden: torch.Tensor = model.model(input_ids=ids, use_cache=False).last_hidden_state
    return hidden


def next_token_loss(
    model: LlamaForSequenceClassification,
    hidden: torch.Tensor,
    ids: torch.Tensor,
    last: torch.Tensor,
    starts: torch.Tensor,
) -> torch.Tensor:
    """Mean cross-entropy of the answers' tokens, with the embedding as output matrix."""
    places = torch.arange(ids.shape[1] - 1)[None]
    within = (places >= starts[:, None]) & (places < last[:, None])
    logits = hidden[:, :-1][within] @ model.model.embed_tokens.weight.T
    return functional.cross_entropy(logits, ids[:, 1:][within])


def preference_losses(
    scores: torch.Tensor, last: torch.Tensor, starts: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Bradley-Terry losses of a batch (rows of better answers first): whole answers, and their beginnings.

    The loss is -log sigmoid(better - worse) at the last tokens. The second compares the
    beginnings of the two answers at every length that both have, which teaches a small model
    much faster than one comparison a pair.
    """
    half = len(scores) // 2
    final = scores.gather(1, last[:, None]).squeeze(1)
    whole = functional.softplus(final[half:] - final[:half]).mean()
    places = torch.arange(scores.shape[1])[None]
    ends = torch.minimum(last[:half], last[half:])[:, None]
    both = ((places > starts[:, None] + 2) & (places < ends)).float()
    beginnings = (functional.softplus(scores[half:] - scores[:half]) * both).sum() / both.sum().clamp(min=1)
    return whole, beginnings


Objective = Callable[[list[Encoded]], tuple[torch.Tensor, float]]


def train(
    model: LlamaForSequenceClassification,
    pairs: list[Encoded],
    objective: Objective,
    rate: float,
    half: Half | None = None,
    step_pairs: int = 48,
    batch_tokens: int = 2048,
) -> list[float]:
    """Go through the pairs once with AdamW; the mean losses of twelve equal parts of the run.

    The rate rises over 30 steps and then falls in a line to a tenth. A step takes pairs as they
    come, in batches of like length: steps of one length each make learning far slower. With a
    ``half``, another process does the same with the other half of every step.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.05)
    losses = []
    steps = [pairs[start : start + step_pairs] for start in range(0, len(pairs), step_pairs)]
    for number, step in enumerate(steps):
        optimizer.param_groups[0]["lr"] = rate * min(1.0, (number + 1) / 30) * (1 - 0.9 * number / len(steps))
        optimizer.zero_grad()
        total = 0.0
        batches = make_batches([2 * max(len(p.better), len(p.worse)) for p in step], batch_tokens)
        for batch in half.mine(batches) if half else batches:
            loss, told = objective([step[place] for place in batch])
            torch.autograd.backward(loss * len(batch) / len(step))
            total += told * len(batch) / len(step)
        if half:
            total = half.add_up(model.parameters(), total)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(total)
    part = max(1, math.ceil(len(losses) / 12))
    return [round(sum(p) / len(p), 4) for p in (losses[i : i + part] for i in range(0, len(losses), part))]


def predict_next(model: LlamaForSequenceClassification) -> Objective:
    """Pre-training: the next token of the better answers."""

    def objective(pairs: list[Encoded]) -> tuple[torch.Tensor, float]:
        ids, last = padded([pair.better for pair in pairs])
        loss = next_token_loss(model, states(model, ids), ids, last, torch.tensor([pair.start for pair in pairs]))
        return loss, loss.item()

    return objective


def prefer(model: LlamaForSequenceClassification, beginnings: float, language: float) -> Objective:
    """Preferences between whole answers, with weights for their beginnings and for next tokens."""

    def objective(pairs: list[Encoded]) -> tuple[torch.Tensor, float]:
        ids, last = padded([pair.better for pair in pairs] + [pair.worse for pair in pairs])
        starts, count = torch.tensor([pair.start for pair in pairs]), len(pairs)
        hidden = states(model, ids)
        whole, begun = preference_losses(model.score(hidden).squeeze(-1), last, starts)
        loss = whole + beginnings * begun
        if language:
            loss = loss + language * next_token_loss(model, hidden[:count], ids[:count], last[:count], starts)
        return loss, whole.item()

    return objective


@dataclass(frozen=True)
class Accuracy:
    """How often the better answer scores higher, with a 95 % interval over prompts."""

    share: float
    low: float
    high: float
    pairs: int
    prompts: int


def accuracy(hits: list[tuple[str, bool]]) -> Accuracy:
    """From (prompt, hit) of every pair; pairs of one prompt are not independent, so prompts are what is resampled."""
    share = sum(hit for _, hit in hits) / len(hits)
    sums: dict[str, float] = defaultdict(float)
    for prompt, hit in hits:
        sums[prompt] += hit - share
    count = len(sums)
    error = math.sqrt(sum(s * s for s in sums.values()) * count / max(1, count - 1)) / len(hits)
    half = float(stats.t.ppf(0.975, count - 1)) * error if count > 1 else 1.0
    low, high = max(0.0, share - half), min(1.0, share + half)
    return Accuracy(round(share, 4), round(low, 4), round(high, 4), len(hits), count)


@torch.no_grad()
def accuracies(
    model: LlamaForSequenceClassification, tokenizer: PreTrainedTokenizerFast, rendered: list[Rendered]
) -> dict[str, Accuracy]:
    """Over all pairs, by task, and by whether the better answer is the longer one."""
    pairs = encode(tokenizer, rendered)
    hits: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for batch in make_batches([2 * max(len(p.better), len(p.worse)) for p in pairs], 8192):
        ids, last = padded([pairs[i].better for i in batch] + [pairs[i].worse for i in batch])
        scores = model.score(states(model, ids)).squeeze(-1)
        better, worse = scores.gather(1, last[:, None]).squeeze(1).chunk(2)
        for place, hit in zip(batch, (better > worse).tolist(), strict=True):
            item = rendered[place]
            length = "better_is_longer" if item.lead > 0 else "better_is_not_longer"
            for kind in ("all", item.task, length):
                hits[kind].append((item.prompt, hit))
    return {kind: accuracy(found) for kind, found in sorted(hits.items())}
