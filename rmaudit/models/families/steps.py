"""Process reward models: a value at the end of every step."""

from __future__ import annotations

from collections.abc import Callable

from rmaudit.errors import FormattingError, UsageError
from rmaudit.models.declared import Evidence, Given
from rmaudit.models.families.family import HeadFamily
from rmaudit.models.families.stacked import mlp_parts
from rmaudit.models.families.tokens import judge_ids, logit_head, token_id
from rmaudit.models.heads import AGGREGATES, Head, MlpHead, OutputsHead, StepHead
from rmaudit.models.positions import Rule, every, every_in_pattern
from rmaudit.models.shaping import Shaping, Steps, Turns

_QWEN_STEP = "<extra_0>"


def _is_process(evidence: Evidence) -> bool:
    return evidence.declared.aggregate is not None


def _aggregated(inner: OutputsHead, given: Given) -> Head:
    rule = given.declared.aggregate
    if rule is None:
        raise UsageError(
            "a process reward model gives a value at every step; which rule makes one score of them is not in the files: "
            f"give --aggregate {' | '.join(AGGREGATES)} (aggregate=...)"
        )
    return StepHead(inner, rule)


def _step_token(given: Given, default: str | None = None) -> str:
    token = given.declared.step_token or default
    if token is None:
        raise UsageError(
            "a process reward model is read at the token that ends a step; name it: --step-token TEXT (step_token=...)"
        )
    return token


def _position(default: str | None = None) -> Callable[[Given], Rule]:
    def rule(given: Given) -> Rule:
        token = _step_token(given, default)
        return every(token_id(given, token), f"step token {token}")

    return rule


def _verdict(given: Given) -> str:
    tokens = given.declared.judge_tokens
    if tokens is None or len(tokens) != 2:
        raise UsageError("this process reward model answers every step with a token; name the two: --judge-tokens +,-")
    return tokens[0]


def _verdict_ids(given: Given) -> tuple[int, ...]:
    """The ids of the verdicts, the bad one first, as a step's two logits are ordered."""
    _verdict(given)
    return tuple(reversed(judge_ids(given)))


def _before_verdicts(given: Given) -> Rule:
    """The token that comes before each verdict, with the tokens around it, as the chat template writes them."""
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _verdict(given)}]
    text = given.tokenizer.apply_chat_template(turns, chat_template=given.template, tokenize=False)
    ids, verdict = given.tokenizer(text, add_special_tokens=False)["input_ids"], _verdict_ids(given)[-1]
    if verdict not in ids[2:]:
        raise FormattingError(
            f"the chat template does not write the verdict {_verdict(given)!r} of a step as a token of its own; give the template "
            "that the model was trained with (--chat-template FILE, chat_template=...)"
        )
    place = len(ids) - 1 - ids[::-1].index(verdict)
    return every_in_pattern(ids[place - 2 : place + 2], 1, "token before a step's verdict")


FAMILIES: tuple[HeadFamily, ...] = (
    HeadFamily(
        name="qwen_prm",
        title="Qwen process reward model: P(right) at the end of every step",
        kind="non-linear, per step",
        parts=mlp_parts("score.", outputs="2"),
        keys="score.0.weight + score.0.bias + score.2.weight [2, wide] + score.2.bias",
        head=lambda tensors, given: _aggregated(MlpHead(tensors), given),
        position=_position(_QWEN_STEP),
        takes=frozenset({"aggregate", "step_token"}),
        shaping=lambda given: Shaping(steps=Steps(_step_token(given, _QWEN_STEP))),
        models="Qwen2.5-Math-PRM-7B, 72B, 7B-PRM800K",
    ),
    HeadFamily(
        name="math_shepherd",
        title="Math-Shepherd: P(+) among + and - at every step's tag",
        kind="non-linear, per step",
        parts={},
        keys="lm_head.weight, with judge_tokens and aggregate given",
        head=lambda tensors, given: _aggregated(logit_head(tensors, given, (-1.0, 1.0)), given),
        position=_position(),
        takes=frozenset({"aggregate", "judge_tokens", "step_token"}),
        shaping=lambda given: Shaping(steps=Steps(f" {_step_token(given).strip()}", separator="\n", joined="\n")),
        claims=lambda evidence: _is_process(evidence) and evidence.declared.judge_tokens is not None,
        token_rows=_verdict_ids,
        models="math-shepherd-mistral-7b-prm",
    ),
    HeadFamily(
        name="rlhflow_prm",
        title="RLHFlow process reward model: P(+) among + and - after every step's turn",
        kind="non-linear, per step",
        parts={},
        keys="lm_head.weight, with --family rlhflow_prm, judge_tokens and aggregate given",
        head=lambda tensors, given: _aggregated(logit_head(tensors, given, (-1.0, 1.0)), given),
        position=_before_verdicts,
        takes=frozenset({"aggregate", "judge_tokens"}),
        shaping=lambda given: Shaping(steps=Turns(_verdict(given))),
        claims=lambda evidence: False,
        token_rows=_verdict_ids,
        models="Llama3.1-8B-PRM-Deepseek-Data, -Mistral-Data",
    ),
)
