"""As references.py: the families that read more than one position, or the logits of a language model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.families.references import Conversation, Files, Reference, first_pad, network

AGGREGATES: dict[str, Callable[[Tensor], Tensor]] = {
    "last": lambda values: values[-1],
    "min": lambda values: values.min(),
    "mean": lambda values: values.mean(),
    "product": lambda values: values.prod(),
}
#: The end of a user's turn and the header of the answer.
LLAMA_GATE = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
GEMMA_GATE = "<end_of_turn>\n<start_of_turn>model\n"


def gate_place(files: Files, ids: list[int], pattern: str) -> int:
    """The first token of the last place where the pattern stands."""
    wanted = files.ids(pattern)
    for start in range(len(ids) - len(wanted), -1, -1):
        if ids[start : start + len(wanted)] == wanted:
            return start
    raise ValueError("Token pattern not found in the list.")


def shares_of(files: Files, logits: Tensor, temperature: float) -> Tensor:
    """(1, objectives)"""
    return torch.softmax(logits / temperature, dim=1) * files.tensors["gating.logit_scale"][0]


def armo(files: Files, conversation: Conversation) -> Tensor:
    ids = files.ids(files.text(conversation))
    states = files.states(ids)
    with torch.no_grad():
        rewards = F.linear(states[first_pad(files, ids)][None], files.tensors["regression_layer.weight"])
        x = states[gate_place(files, ids, LLAMA_GATE)][None]
        for number in range(4):  # ArmoRM's list holds linear layers alone
            x = F.linear(x, *(files.tensors[f"gating.layers.{number}.{name}"] for name in ("weight", "bias")))
            x = F.relu(x) if number < 3 else x
        shares = shares_of(files, x, files.config.get("gating_temperature", 10))
        return (shares * (rewards @ files.tensors["reward_transform_matrix"])).sum(dim=1)[0]


def qrm(files: Files, conversation: Conversation, *, pattern: str = LLAMA_GATE, temperature: float = 10) -> Tensor:
    """Rows of the regression are objective by objective, the quantiles of one side by side."""
    ids = files.ids(files.text(conversation))
    states, config = files.states(ids), files.config
    objectives, quantiles = config["num_objectives"], config["num_quantiles"]
    with torch.no_grad():
        values = F.linear(states[first_pad(files, ids)][None], files.tensors["regression_layer.weight"])
        expected = values.reshape(-1, objectives, quantiles).mean(dim=2)
        if "reward_transform_matrix" in files.tensors:
            expected = expected @ files.tensors["reward_transform_matrix"]
        logits = network(files, "gating.layers.", nn.ReLU)(states[gate_place(files, ids, pattern)][None])
        shares = shares_of(files, logits, config.get("gating_temperature", temperature))
        return (shares * expected).sum(dim=1)[0]


def nemotron(files: Files, conversation: Conversation) -> Tensor:
    """The logit of the first token of the vocabulary, without a generation prompt."""
    return files.logits(files.ids(files.text(conversation)))[-1, 0]


def judge(files: Files, conversation: Conversation, *, good: str = "Yes", bad: str | None = "No") -> Tensor:
    logits = files.logits(files.ids(files.text(conversation, add_generation_prompt=True)))[-1]
    return logits[files.id_of(good)] - (logits[files.id_of(bad)] if bad else 0.0)


def steps_in(answer: str, separator: str) -> list[str]:
    return [step.strip() for step in answer.split(separator)]


def qwen_prm(files: Files, conversation: Conversation, *, aggregate: str) -> Tensor:
    *prompt, answer = conversation
    marked = "<extra_0>".join(steps_in(answer["content"], "\n\n")) + "<extra_0>"
    ids = files.ids(files.text([*prompt, {"role": "assistant", "content": marked}]))
    places = [index for index, token in enumerate(ids) if token == files.id_of("<extra_0>")]
    with torch.no_grad():
        logits = network(files, "score.", nn.ReLU)(files.states(ids)[places])
    return AGGREGATES[aggregate](logits.softmax(-1)[:, 1])


def math_shepherd(files: Files, conversation: Conversation, *, aggregate: str) -> Tensor:
    """Problem and steps with their tags, tokenised with the tokenizer's own special tokens."""
    problem, answer = (message["content"] for message in conversation)
    solution = "\n".join(f"{step} ки" for step in steps_in(answer, "\n"))
    ids = files.tokenizer.encode(f"{problem} {solution}")
    places = [index for index, token in enumerate(ids) if token == files.id_of("ки")]
    candidates = [files.id_of("+"), files.id_of("-")]
    return AGGREGATES[aggregate](files.logits(ids)[places][:, candidates].softmax(-1)[:, 0])


def rlhflow_turns(conversation: Conversation) -> list[Conversation]:
    """The conversation after each step: every step a turn, answered by "+"."""
    *before, question, answer = conversation
    steps = steps_in(answer["content"], "\n\n")
    asked = [f"{question['content']} {steps[0]}", *steps[1:]]
    turns = [[{"role": "user", "content": step}, {"role": "assistant", "content": "+"}] for step in asked]
    return [[*before, *(turn for pair in turns[: count + 1] for turn in pair)] for count in range(len(turns))]


def rlhflow_prm(files: Files, conversation: Conversation, *, aggregate: str) -> Tensor:
    """One forward pass per step, read at the third token from the end."""
    candidates = [files.id_of("+"), files.id_of("-")]
    values = []
    for turns in rlhflow_turns(conversation):
        logits = files.logits(files.ids(files.text(turns)))
        values.append(logits[-3, candidates].softmax(-1)[0])
    return AGGREGATES[aggregate](torch.stack(values))


def per_aggregate(reference: Callable[..., Tensor]) -> dict[str, Reference]:
    """The reference under every way of making one score of the steps' values."""
    return {aggregate: partial(reference, aggregate=aggregate) for aggregate in AGGREGATES}
