"""Families whose score is a linear layer's output at one position, or an affine function of it."""

from __future__ import annotations

import math

from rmaudit.errors import BrokenCheckpointError, UnknownRewardHeadError, UsageError
from rmaudit.models.declared import Evidence, Given
from rmaudit.models.families.family import HeadFamily, Infos, Part, Parts, Tensors
from rmaudit.models.heads import AffineHead, Head, LinearHead
from rmaudit.models.positions import Rule, before_first, last_of, mean_of_all
from rmaudit.models.shaping import Shaping

#: Types whose own classes write `transformer.` in front of every key.
_TRANSFORMER_PREFIXED = ("gpt2", "gptj", "gpt_neo", "gpt_bigcode", "bloom", "falcon", "mpt", "codegen")
#: Athene's end token where its tokenizer names none: <|reserved_special_token_1|> of Llama 3.
_ATHENE_END = 128003


def layer(weight: str, bias: str | None = None, outputs: str = "1", *, optional_bias: bool = False) -> Parts:
    """The parts of one linear layer."""
    parts = {"weight": Part(weight, f"{outputs} width")}
    return {**parts, "bias": Part(bias, outputs, optional_bias)} if bias else parts


def mix_of(outputs: int, given: Given) -> tuple[float, ...]:
    """The share of every output in the score, as declared. Raises UnknownRewardHeadError where nobody said."""
    asked = given.declared.head_output
    if asked is None:
        if outputs == 1:
            return (1.0,)
        raise UnknownRewardHeadError(
            f"the head has {outputs} outputs; which of them, or which mixture, is the reward is not in the files and is "
            f"never guessed: give --head-output 0 ... {outputs - 1} (head_output=0), or a weight for each (--head-output 0.5,0.5,...)"
        )
    if isinstance(asked, int):
        if not 0 <= asked < outputs:
            raise UsageError(f"output {asked}: the head has {outputs} outputs, 0 to {outputs - 1}")
        return tuple(float(index == asked) for index in range(outputs))
    if len(asked) != outputs or not any(asked) or not all(map(math.isfinite, asked)):
        raise UsageError(
            f"output weights {asked}: expected {outputs} finite numbers, one for each output, not all zero"
        )
    return tuple(asked)


def linear_head(tensors: Tensors, given: Given) -> Head:
    """The head of a linear layer; several outputs are mixed as declared."""
    return LinearHead(tensors, mix_of(len(tensors["weight"]), given))


def _is_openrlhf(evidence: Evidence) -> bool:
    """OpenRLHF writes into the configuration what its head is called, or what to normalise with; newer: `score`."""
    config = evidence.config
    numbers = all(isinstance(config.get(name), (int, float)) for name in ("mean", "std"))
    return "value_head_prefix" in config or (numbers and "normalize_reward" in config)


def _openrlhf_parts(head: Infos, evidence: Evidence) -> Parts:
    meant = _is_openrlhf(evidence) or evidence.declared.family == "openrlhf"
    usual = "score" if meant and "score.weight" in head else "value_head"
    return layer(f"{evidence.config.get('value_head_prefix', usual)}.weight")


def _openrlhf_head(tensors: Tensors, given: Given) -> Head:
    if not given.declared.normalise:
        return LinearHead(tensors)
    if not {"mean", "std"} <= given.config.keys():
        raise UsageError(
            "normalise: config.json holds no mean and std to normalise with; leave it out (--normalise, normalise=True)"
        )
    return AffineHead(tensors, mean=given.number("mean", 0.0), divisor=given.number("std", 1.0, above=0.0))


def _end_of_sequence(given: Given) -> Shaping:
    eos = given.tokenizer.eos_token
    return Shaping(end_of_text=str(eos) if eos is not None else None)


def _beaver_head(tensors: Tensors, given: Given) -> Head:
    """safe-rlhf normalises only where its configuration says so; a cost is a reward with the other sign."""
    kind = given.config.get("score_type", "reward")
    if kind not in ("reward", "cost", "critic"):
        raise BrokenCheckpointError(f"config.json: score_type is {kind!r}; expected reward, cost or critic")
    layer_only = {role: tensor for role, tensor in tensors.items() if role in ("weight", "bias")}
    sign = -1.0 if kind == "cost" else 1.0
    if not given.flag("do_normalize") or kind == "critic":
        return AffineHead(layer_only, sign=sign)
    variance = _statistic(tensors, "var", given.number("var", 1.0))
    if variance < 0:
        raise BrokenCheckpointError(f"normalizer.var is {variance:g}; expected a variance, which is not below 0")
    deviation = math.sqrt(variance)
    mean = _statistic(tensors, "mean", given.number("mean", 0.0)) if kind == "reward" else 0.0
    return AffineHead(layer_only, mean=mean, divisor=deviation + 1e-8, sign=sign)


def _beaver_notes(given: Given) -> list[str]:
    if given.flag("do_normalize") and not {"mean", "var"} <= given.config.keys():
        return ["config.json asks to normalise and names no mean and var; those of the weights are used, else 0 and 1"]
    return []


def _statistic(tensors: Tensors, name: str, default: float) -> float:
    """A statistic of the normaliser: from the weights, else from the configuration."""
    return float(tensors[name].float().flatten()[0]) if name in tensors else default


def _is_starling(evidence: Evidence) -> bool:
    return "starling" in evidence.called


def _is_trlx(evidence: Evidence) -> bool:
    """`transformer.` in front of a backbone whose own class writes no such prefix, as Starling's code does, is not trlX's."""
    own = evidence.config.get("model_type") in _TRANSFORMER_PREFIXED
    return own and evidence.prefix.startswith("transformer.") and not _is_starling(evidence) and not evidence.wrappers


def _deepspeed_rule(given: Given) -> Rule:
    """Its tokenizer's padding token counts; the configuration's may be EOS instead. OPT begins every text with it."""
    pad = given.tokenizer.pad_token_id
    token = given.pad if pad is None else pad
    return given.rule(
        "before-first-pad", before_first(token, "padding token of the tokenizer", given.typed.model_type == "opt")
    )


def _trlx_rule(given: Given) -> Rule:
    """trlX takes the end-of-sequence token for padding, whatever the configuration says."""
    return given.rule("before-first-pad", before_first(given.tokenizer.eos_token_id, "end-of-sequence token"))


def _pooling(given: Given) -> Rule:
    asked = given.config.get("pooling") or "last"
    if asked not in ("last", "mean"):
        raise BrokenCheckpointError(f"config.json: pooling is {asked!r:.80}; expected last or mean")
    return mean_of_all() if asked == "mean" else given.rule("last")


def _athene_end(given: Given) -> int:
    token: int | None = given.tokenizer.cls_token_id
    return _ATHENE_END if token is None else token


def _internlm_token(given: Given) -> int:
    token = given.config.get("reward_token_id")
    rows = given.typed.get_text_config().vocab_size
    if isinstance(token, bool) or not isinstance(token, int) or not 0 <= token < rows:
        raise BrokenCheckpointError(
            f"config.json: reward_token_id is {token!r:.80}; expected the id of the token at which InternLM2's reward is read, "
            f"0 to {rows - 1}"
        )
    return token


FAMILIES: tuple[HeadFamily, ...] = (
    HeadFamily(
        name="sequence_classification",
        title="Hugging Face sequence classification: w·h",
        kind="linear",
        parts=layer("score.weight", outputs="outputs"),
        head=linear_head,
        takes=frozenset({"head_output"}),
        position=lambda given: given.rule("last-non-pad"),
        claims=lambda evidence: not _is_openrlhf(evidence),
        models="Skywork-Reward v0.2 and V2, Tulu 3 RM, FsfairX, RM-Mistral, OffsetBias, GRM-*-ft, BTRM, TRL's RewardTrainer",
    ),
    HeadFamily(
        name="classifier",
        title="classifier (CTRL sequence classification): w·h",
        kind="linear",
        parts=layer("classifier.weight", outputs="outputs"),
        head=linear_head,
        takes=frozenset({"head_output"}),
        position=lambda given: given.rule("last-non-pad"),
        models="CTRL",
    ),
    HeadFamily(
        name="token_classification",
        title="Hugging Face token classification: w·h + b",
        kind="linear",
        parts=layer("score.weight", "score.bias", outputs="outputs"),
        head=linear_head,
        takes=frozenset({"head_output"}),
        models="verl and AReaL critics and reward models",
    ),
    HeadFamily(
        name="openrlhf",
        title="OpenRLHF: w·h, affine where normalised",
        kind="linear, or affine",
        parts=_openrlhf_parts,
        keys="value_head.weight, or the name in value_head_prefix, or score.weight with mean, std, normalize_reward",
        head=_openrlhf_head,
        takes=frozenset({"normalise"}),
        shaping=_end_of_sequence,
        models="OpenRLHF's reward models",
    ),
    HeadFamily(
        name="trl_value_head",
        title="TRL value head: w·h + b",
        kind="linear",
        parts=layer("v_head.summary.weight", "v_head.summary.bias"),
        head=linear_head,
        models="LLaMA-Factory, TRL's AutoModelForCausalLMWithValueHead, Skywork-VL-Reward",
    ),
    HeadFamily(
        name="internlm2",
        title="InternLM2 reward: w·h at the reward token",
        kind="linear",
        parts=layer("v_head.weight"),
        head=linear_head,
        shaping=lambda given: Shaping(final_token=_internlm_token(given)),
        claims=lambda evidence: "reward_token_id" in evidence.config,
        models="InternLM2-reward; its backbone is remote code",
    ),
    HeadFamily(
        name="athene",
        title="Athene: w·h at the appended end token",
        kind="linear",
        parts=layer("v_head.weight"),
        head=linear_head,
        position=lambda given: last_of(_athene_end(given), "end token"),
        shaping=lambda given: Shaping(final_token=_athene_end(given)),
        claims=lambda evidence: evidence.architecture == "CustomAutoModelForSequenceClassification",
        models="Athene-RM-8B, 70B",
    ),
    HeadFamily(
        name="starling",
        title="Starling: w·h before the first token 0",
        kind="linear",
        parts=layer("v_head.weight"),
        head=linear_head,
        position=lambda given: given.rule("before-first-pad", before_first(0, "token 0")),
        claims=_is_starling,
        models="Starling-RM-7B-alpha, 34B",
    ),
    HeadFamily(
        name="deepspeed_chat",
        title="DeepSpeed-Chat: w·h before the first padding token",
        kind="linear",
        parts=layer("v_head.weight"),
        head=linear_head,
        position=_deepspeed_rule,
        claims=lambda evidence: bool({"rwtransformer.", "rwtranrsformer."} & evidence.wrappers),
        models="DeepSpeed-Chat",
    ),
    HeadFamily(
        name="trlx",
        title="trlX: w·h before the first EOS token",
        kind="linear",
        parts=layer("v_head.weight"),
        head=linear_head,
        position=_trlx_rule,
        claims=_is_trlx,
        models="CarperAI's summarisation reward model",
    ),
    HeadFamily(
        name="ultra",
        title="UltraRM and Eurus: w·h",
        kind="linear",
        parts=layer("regression_head.weight"),
        head=linear_head,
        models="UltraRM-13b, Eurus-RM-7b",
    ),
    HeadFamily(
        name="beaver",
        title="Beaver (safe-rlhf): affine of w·h, of the other sign for a cost",
        kind="affine",
        parts={
            **layer("score_head.weight", "score_head.bias", optional_bias=True),
            "mean": Part("normalizer.mean", "1", optional=True, folded=True),
            "var": Part("normalizer.var", "1", optional=True, folded=True),
            "count": Part("normalizer.count", "1", optional=True, folded=True),
        },
        head=_beaver_head,
        notes=_beaver_notes,
        models="beaver-7b reward, cost and unified",
    ),
    HeadFamily(
        name="open_assistant",
        title="OpenAssistant: w·h + b, h at the last token or the mean over all",
        kind="linear",
        parts=layer("out_proj.weight", "out_proj.bias"),
        head=linear_head,
        position=_pooling,
        models="OASST pythia reward models",
    ),
)
