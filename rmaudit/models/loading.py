"""A folder or hub id, loaded as a reward model or refused with a reason."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase

from rmaudit.errors import BrokenCheckpointError, UsageError, nearest
from rmaudit.models.architectures import longest_input, read_architecture, readout_width
from rmaudit.models.backbone import BackbonePlan, load_backbone, plan_backbone
from rmaudit.models.checkpoint import Checkpoint, read_checkpoint
from rmaudit.models.checkup import check_causal
from rmaudit.models.families import HeadFamily, recognise
from rmaudit.models.fingerprint import fingerprint
from rmaudit.models.format_notes import describe_format
from rmaudit.models.formatting import Formatter, check_length
from rmaudit.models.heads import LinearHead
from rmaudit.models.load_report import LoadReport
from rmaudit.models.quiet import quiet_transformers
from rmaudit.models.reward_model import RewardModel

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}

#: Above this, a tokenizer's model_max_length is its way of saying that it knows none.
_NO_LIMIT = 10**9


def load_reward_model(
    path: str | Path,
    *,
    dtype: str = "float32",
    device: str = "cpu",
    chat_template: str | Path | None = None,
    bos_policy: str = "one",
    truncate: str | None = None,
    max_length: int | None = None,
    allow_remote_code: bool = False,
) -> RewardModel:
    """Load a decoder-based reward model.

    path: a folder (then nothing is asked of the hub) or a hub id `owner/name`.
    dtype: of the backbone's computation: float32, bfloat16, float16 or float64; the head is float32 always.
    chat_template, bos_policy, truncate, max_length: see Formatter; `max_length` can only lower the model's own limit.
    allow_remote_code: run the Python code that the checkpoint ships. It can do anything that you can.

    Raises ModelError (see rmaudit.errors for its kinds), MissingChatTemplateError and UsageError.
    """
    _check_options(dtype, device, max_length)
    with quiet_transformers():
        checkpoint = read_checkpoint(path)
        try:
            return _load(
                checkpoint,
                name=str(path),
                dtype=dtype,
                device=device,
                allow_remote_code=allow_remote_code,
                formatting={"chat_template": chat_template, "bos_policy": bos_policy, "truncate": truncate},
                max_length=max_length,
            )
        finally:
            checkpoint.close()


def _load(
    checkpoint: Checkpoint,
    *,
    name: str,
    dtype: str,
    device: str,
    allow_remote_code: bool,
    formatting: dict[str, Any],
    max_length: int | None,
) -> RewardModel:
    """Everything that can be refused is refused before the weights are read."""
    config = read_architecture(checkpoint.folder, checkpoint.config, allow_remote_code)
    plan = plan_backbone(checkpoint, config, allow_remote_code)
    family = recognise(plan.head, checkpoint.config, readout_width(config), str(checkpoint.folder))
    tokenizer = _load_tokenizer(checkpoint.folder, allow_remote_code)
    limit, limit_from = _length_limit(config, tokenizer, max_length)
    formatter = Formatter(tokenizer, max_length=limit, **formatting)
    described = describe_format(formatter)
    head = family.read({key: checkpoint.read(key) for key in plan.head}, checkpoint.config)
    backbone = load_backbone(checkpoint, plan, config, DTYPES[dtype], device)
    check_causal(backbone, str(checkpoint.folder))
    described["notes"][:0] = checkpoint.notes
    report = _report(family, plan, backbone, formatter, name=name, max_length_from=limit_from, **described)
    report.fingerprint = fingerprint(checkpoint, _settings(dtype, formatter, allow_remote_code))
    rm = RewardModel(
        name=name,
        backbone=backbone,
        head=head.to(backbone.device),
        tokenizer=tokenizer,
        formatter=formatter,
        load_report=report,
        fingerprint=report.fingerprint,
    )
    _compare_head(checkpoint, family, plan, rm.head)
    return rm


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


def _compare_head(checkpoint: Checkpoint, family: HeadFamily, plan: BackbonePlan, head: LinearHead) -> None:
    """Compare the head that will score, where it lies now, bit for bit with the file."""
    held = {key: tensor.cpu() for key, tensor in family.held(head).items()}
    for key in plan.head:
        stored = checkpoint.read(key).to(torch.float32)
        if not torch.isfinite(stored).all():
            raise BrokenCheckpointError(f"{checkpoint.folder}: {key} holds NaN or infinity; the head is unusable")
        if not torch.equal(held[key].view(torch.int32), stored.view(torch.int32)):
            raise BrokenCheckpointError(f"{checkpoint.folder}: {key} in memory is not what the file holds")


def _load_tokenizer(folder: Path, allow_remote_code: bool) -> PreTrainedTokenizerBase:
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=allow_remote_code)
    except Exception as error:  # the libraries behind it raise whatever they like on damaged files
        raise BrokenCheckpointError(
            f"{folder}: no tokenizer could be loaded ({type(error).__name__}: {error}); the folder needs "
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


def _settings(dtype: str, formatter: Formatter, allow_remote_code: bool) -> dict[str, Any]:
    """The options on which scores depend."""
    return {
        **({"remote_code": True} if allow_remote_code else {}),
        "dtype": dtype,
        "template": formatter.template,
        "bos_policy": formatter.bos_policy,
        "max_length": formatter.max_length,
        "truncate": formatter.truncate,
    }


def _report(
    family: HeadFamily, plan: BackbonePlan, backbone: Any, formatter: Formatter, *, name: str, **described: Any
) -> LoadReport:
    text = backbone.config.get_text_config()
    tokenizer = formatter.tokenizer
    return LoadReport(
        name=name,
        model_type=backbone.config.model_type,
        family=family.name,
        family_title=family.title,
        head={key: list(info.shape) for key, info in sorted(plan.head.items())},
        head_dtype="/".join(sorted({info.dtype for info in plan.head.values()})),
        position=family.position,
        dtype=str(backbone.dtype).removeprefix("torch."),
        attention=str(backbone.config._attn_implementation),
        parameters=plan.parameters,
        layers=text.num_hidden_layers,
        hidden_size=text.hidden_size,
        readout_width=readout_width(backbone.config),
        vocabulary=backbone.get_input_embeddings().num_embeddings,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_policy=formatter.bos_policy,
        max_length=formatter.max_length,
        truncate=formatter.truncate,
        template_sha256=hashlib.sha256(formatter.template.encode()).hexdigest(),
        fingerprint="",  # known once the weights were hashed
        **described,
    )
