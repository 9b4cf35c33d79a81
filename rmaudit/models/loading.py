"""A folder or hub id, loaded as a reward model or refused with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from rmaudit.errors import BrokenCheckpointError, RmauditError, UsageError, nearest
from rmaudit.models.adapters import AdapterUse, check_mode, read_model
from rmaudit.models.architectures import code_notes, longest_input, read_architecture, readout_width
from rmaudit.models.backbone import BackbonePlan, load_backbone, plan_backbone
from rmaudit.models.causality import check_causal
from rmaudit.models.chat_templates import template_of
from rmaudit.models.checkpoint import Checkpoint
from rmaudit.models.declared import Declared, Evidence, Given, declare
from rmaudit.models.families import HeadFamily, family_of_file, known_families, source_of
from rmaudit.models.fingerprint import fingerprint
from rmaudit.models.format_notes import describe_format
from rmaudit.models.formatting import Formatter, check_length
from rmaudit.models.head_source import HeadSource
from rmaudit.models.heads import Head
from rmaudit.models.listing import shown
from rmaudit.models.load_report import LoadReport
from rmaudit.models.placement import DeviceMap, input_device
from rmaudit.models.positions import Rule
from rmaudit.models.quiet import quiet_transformers
from rmaudit.models.recognising import recognise
from rmaudit.models.reward_model import RewardModel

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}

#: What can be asked for beside what is declared, here and of an implicit reward.
_OPTIONS = (
    "dtype", "device", "device_map", "chat_template", "bos_policy", "truncate", "max_length", "allow_remote_code", "base",
    "adapter", "reference", "beta",
)  # fmt: skip

#: Above this, a tokenizer's model_max_length is its way of saying that it knows none.
_NO_LIMIT = 10**9


def load_reward_model(
    path: str | Path,
    *,
    dtype: str = "float32",
    device: str = "cpu",
    device_map: DeviceMap | None = None,
    chat_template: str | Path | None = None,
    bos_policy: str = "one",
    truncate: str | None = None,
    max_length: int | None = None,
    allow_remote_code: bool = False,
    base: str | Path | None = None,
    adapter: str = "merged",
    families: Sequence[HeadFamily] | None = None,
    **declared: Any,
) -> RewardModel:
    """Load a decoder-based reward model.

    path: a folder (then nothing is asked of the hub) or a hub id `owner/name`.
    dtype: of the backbone's computation: float32, bfloat16, float16 or float64; the head is float32 always.
    device: "cpu", "cuda", "cuda:1", "mps" ...
    device_map: "auto" or the place of every module, instead of one device; needs accelerate.
    chat_template, bos_policy, truncate, max_length: see Formatter; `max_length` can only lower the model's own limit.
    allow_remote_code: run the Python code that the checkpoint ships. It can do anything that you can.
    base: folder or hub id of the model that a PEFT adapter in `path` was trained on; None takes the one that it names.
    adapter: "merged" adds an adapter to the weights as they are read; "live" leaves it as layers, through PEFT itself.
    families: the families that may claim the head; None for all that are known.
    declared: what the files do not tell: family, position, head_output, judge_tokens, aggregate, step_token,
    normalise; see
    `rmaudit.models.Declared`.

    Raises ModelError (see rmaudit.errors for its kinds), FormattingError (no chat template, or one that does not suit
    the family) and UsageError.
    """
    _check_options(dtype, device, max_length)
    check_mode(adapter, device_map)
    formatting = {"chat_template": chat_template, "bos_policy": bos_policy, "truncate": truncate}
    said = declare(_OPTIONS, **declared)
    if said.family is not None and said.family.endswith(".py"):
        families = (family_of_file(Path(said.family)),)
        said = replace(said, family=families[0].name)
    asked = Asked(str(path), dtype, device, device_map, allow_remote_code, formatting, max_length, said)
    with quiet_transformers():
        checkpoint, use = read_model(path, base, adapter)
        try:
            return _load(checkpoint, use, asked, known_families() if families is None else families)
        finally:
            checkpoint.close()
            use.close()


@dataclass(frozen=True)
class Asked:
    """The caller's options."""

    name: str
    dtype: str
    device: str
    device_map: DeviceMap | None
    allow_remote_code: bool
    formatting: dict[str, Any]
    max_length: int | None
    declared: Declared

    def settings(self, formatter: Formatter) -> dict[str, Any]:
        """The options on which scores depend, as far as they say something."""
        said = self.declared.said()
        return {
            **({"remote_code": True} if self.allow_remote_code else {}),
            **({"declared": said} if said else {}),
            "dtype": self.dtype,
            "template": formatter.template,
            "bos_policy": formatter.bos_policy,
            "max_length": formatter.max_length,
            "truncate": formatter.truncate,
        }


def _load(checkpoint: Checkpoint, use: AdapterUse, asked: Asked, families: Sequence[HeadFamily]) -> RewardModel:
    """Everything that can be refused is refused before the weights are read."""
    where, remote = str(checkpoint.folder), asked.allow_remote_code
    config = read_architecture(checkpoint.folder, checkpoint.config, remote, len(checkpoint.tensors))
    plan = use.fit(checkpoint, plan_backbone(checkpoint, config, remote))
    evidence = Evidence(
        checkpoint.config, readout_width(config), plan.prefix, checkpoint.wrappers, asked.name, asked.declared
    )
    with use.explained():
        family, parts = recognise(plan.head, evidence, families, where)
    tokenizer = _load_tokenizer(checkpoint.tokenizer_folder or checkpoint.folder, remote)
    template = template_of(tokenizer, asked.formatting["chat_template"])
    given = Given(evidence, use.padded(config, tokenizer), tokenizer, template)
    limit, limit_from = _length_limit(config, tokenizer, asked.max_length)
    rule = _rule(family, given)
    formatter = Formatter(tokenizer, max_length=limit, shaping=family.shaping(given), **asked.formatting)
    described = describe_format(formatter, rule, given.pad)
    source = HeadSource(checkpoint, family, parts, plan.logits, given)
    head = family.head(source.tensors(), given)
    backbone = _load_backbone(checkpoint, plan, config, asked)
    use.finish(backbone)
    described["notes"][:0] = [
        *checkpoint.notes,
        *code_notes(checkpoint.config, remote),
        *use.notes,
        *family.notes(given),
    ]
    report = _report(
        family,
        source,
        backbone,
        formatter,
        head,
        name=asked.name,
        position=rule.title,
        config_pad_token_id=given.pad,
        max_length_from=limit_from,
        fingerprint=fingerprint(checkpoint, {**source_of(family), **asked.settings(formatter), **use.settings}),
        adapter=use.title,
        **described,
    )
    rm = RewardModel(
        name=asked.name,
        backbone=backbone,
        head=head.to(input_device(backbone)),
        rule=rule,
        tokenizer=tokenizer,
        formatter=formatter,
        load_report=report,
        fingerprint=report.fingerprint,
    )
    source.compare(rm.head)
    return rm


def _load_backbone(
    checkpoint: Checkpoint, plan: BackbonePlan, config: PreTrainedConfig, asked: Asked
) -> PreTrainedModel:
    """The backbone, tried once. Raises BrokenCheckpointError where it cannot be set up or run."""
    try:
        backbone = load_backbone(checkpoint, plan, config, DTYPES[asked.dtype], asked.device, asked.device_map)
        check_causal(backbone, str(checkpoint.folder))
    except RmauditError:
        raise
    except Exception as error:  # a model class may raise anything about the settings it is given
        raise BrokenCheckpointError(
            f"{checkpoint.folder}: the model that config.json describes cannot be set up or run "
            f"({type(error).__name__}: {shown(error)}); check config.json, copy or download it again"
        ) from error
    return backbone


def _rule(family: HeadFamily, given: Given) -> Rule:
    rule, asked = family.position(given), given.declared.position
    if asked is not None and rule.name != asked:
        raise UsageError(f"readout position {asked!r}: the family {family.name} reads the {rule.title}, and no other")
    return rule


def _check_options(dtype: str, device: str, max_length: int | None) -> None:
    check_length(max_length)
    if str(dtype) not in DTYPES:
        raise UsageError(f"unknown dtype {dtype!r}{nearest(str(dtype), DTYPES)}")
    try:
        computes = not torch.empty(0, device=device).is_meta
    except (RuntimeError, AssertionError, TypeError) as error:  # the second from a torch built without CUDA
        raise UsageError(f"device {device!r} cannot be used: {error}") from error
    if not computes:
        raise UsageError(
            f"device {device!r} cannot be used: it holds shapes and no numbers; give cpu, cuda, cuda:1 ..."
        )


def _load_tokenizer(folder: Path, allow_remote_code: bool) -> PreTrainedTokenizerBase:
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=allow_remote_code)
    except Exception as error:  # the libraries behind it raise whatever they like on damaged files
        raise BrokenCheckpointError(
            f"{folder}: no tokenizer could be loaded ({type(error).__name__}: {shown(error)}); the folder needs "
            "tokenizer.json and tokenizer_config.json of this model"
        ) from error


def _length_limit(
    config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase, asked: int | None
) -> tuple[int | None, str]:
    """The smallest of the limits that exist, and whose it is."""
    limits = {"the model's positions": longest_input(config), "the option max_length": asked}
    if tokenizer.model_max_length and tokenizer.model_max_length < _NO_LIMIT:
        limits["the tokenizer's model_max_length"] = int(tokenizer.model_max_length)
    known = [(limit, whose) for whose, limit in limits.items() if limit is not None]
    return min(known, default=(None, "no limit known"))


def _report(
    family: HeadFamily, source: HeadSource, backbone: Any, formatter: Formatter, head: Head, **described: Any
) -> LoadReport:
    text = backbone.config.get_text_config()
    tokenizer, infos = formatter.tokenizer, source.infos()
    return LoadReport(
        model_type=backbone.config.model_type,
        family=family.name,
        family_title=family.title,
        head_kind=head.kind,
        head={key: list(info.shape) for key, info in sorted(infos.items())},
        head_dtype=source.stored_as,
        head_quantised=source.quantised,
        transform=head.in_words,
        dtype=str(backbone.dtype).removeprefix("torch."),
        attention=str(backbone.config._attn_implementation),
        parameters=sum(parameter.numel() for parameter in backbone.parameters()),
        layers=getattr(text, "num_hidden_layers", 0),
        hidden_size=getattr(text, "hidden_size", readout_width(backbone.config)),
        readout_width=readout_width(backbone.config),
        vocabulary=len(backbone.get_input_embeddings().weight),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        final_token_id=formatter.shaping.final_token,
        generation_prompt=formatter.shaping.generation_prompt,
        bos_policy=formatter.bos_policy,
        max_length=formatter.max_length,
        truncate=formatter.truncate,
        template_sha256=hashlib.sha256(formatter.template.encode()).hexdigest(),
        **described,
    )
