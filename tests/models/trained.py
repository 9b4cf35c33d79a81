"""Reward models as other libraries leave them: trained with TRL, adapted with PEFT, quantised.

Each builder writes a folder and says which scores the library itself gives for some token ids. Everything is a function
of the arguments alone. A library is imported by the builder that needs it.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import max_pool2d
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from tests.tiny import save_tiny_reward_model, save_tiny_tokenizer

#: Token ids that no builder's tokenizer takes for padding at the end.
IDS = [[1, 4, 20, 30, 40, 5, 50, 60], [1, 4, 50, 60, 70, 33, 5, 21, 18, 90, 77], [1, 100]]

#: PEFT adapters: the model that is adapted, and what LoraConfig is told beside rank and target modules.
ADAPTERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "seq_cls": (AutoModelForSequenceClassification, {"task_type": "SEQ_CLS"}),
    "modules_to_save": (AutoModelForSequenceClassification, {"modules_to_save": ["score"]}),
    "no_head": (AutoModelForSequenceClassification, {}),
    "head_on_random_head": (AutoModelForSequenceClassification, {"target_modules": "all-linear"}),
    "causal_lm": (AutoModelForCausalLM, {"task_type": "CAUSAL_LM"}),
}
#: PEFT 0.21 asks for an attribute that transformers 5 has renamed.
_PEFT_WARNS = "`is_gradient_checkpointing` is deprecated"
_LORA: dict[str, Any] = {"r": 4, "target_modules": ["q_proj", "v_proj"]}
#: Weight-only schemes of compressed-tensors: format and arguments.
_COMPRESSED: dict[str, tuple[str, dict[str, Any]]] = {
    "int8": ("pack-quantized", {"num_bits": 8, "type": "int", "strategy": "channel"}),
    "int4": ("pack-quantized", {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 16}),
    "fp8": ("float-quantized", {"num_bits": 8, "type": "float", "strategy": "channel"}),
}
QUANTISED = (*_COMPRESSED, "fp8_blocks")


@dataclass(frozen=True)
class Written:
    """A folder, and the scores that its library gives for `ids`; none for a model without a head.

    weights: of a quantised model, as the library decodes them.
    """

    folder: Path
    ids: list[list[int]]
    scores: list[float]
    weights: dict[str, torch.Tensor] = field(default_factory=dict)


def train_with_trl(folder: Path, *, steps: int = 3, adapter: Mapping[str, Any] | None = None, **tiny: Any) -> Written:
    """Train a reward model with TRL from a tiny causal model, `folder`/base, and save it to `folder`/model.

    adapter: arguments of LoraConfig; None trains all weights. tiny: options of save_tiny_reward_model (pad_is_eos,
    pad ...). The scores are those of training: the trainer's own model and padded batch.
    """
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import PrinterCallback
    from trl import RewardConfig, RewardTrainer

    base = save_tiny_reward_model(folder / "base", head="none", **tiny)
    settings = RewardConfig(  # gradient_checkpointing=False would raise a deprecation warning
        output_dir=str(folder / "checkpoints"), max_steps=steps, per_device_train_batch_size=4, learning_rate=1e-2,
        seed=0, use_cpu=True, bf16=False, gradient_checkpointing=None, report_to="none", save_strategy="no",
        disable_tqdm=True, logging_strategy="no", dataloader_pin_memory=False,
    )  # fmt: skip
    config = None if adapter is None else LoraConfig(**{**_LORA, **adapter})
    pairs = Dataset.from_list(preference_pairs())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", _PEFT_WARNS, FutureWarning)
        trainer = RewardTrainer(model=str(base), args=settings, train_dataset=pairs, peft_config=config)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.save_model(str(folder / "model"))
    rows = [trainer.train_dataset[index] for index in range(4)]
    ids = [list(row[side]) for side in ("chosen_ids", "rejected_ids") for row in rows]
    batch = trainer.data_collator(rows)
    with torch.inference_mode():
        logits = trainer.model.eval()(**batch, use_cache=False).logits[:, 0]
    return Written(folder / "model", ids, logits.tolist())


def preference_pairs() -> list[dict[str, list[dict[str, str]]]]:
    """Sixteen pairs of conversations of different lengths."""
    pairs = []
    for index in range(16):
        question = {"role": "user", "content": f"What comes after {index}?"}
        answers = (f"{index + 1} comes next, I think.", "No." * (1 + index % 3))
        chosen, rejected = ([question, {"role": "assistant", "content": answer}] for answer in answers)
        pairs.append({"chosen": chosen, "rejected": rejected})
    return pairs


def save_adapter(folder: Path, base: Path, kind: str = "seq_cls", **options: Any) -> Written:
    """Write a random LoRA adapter for the model in `base`; kind: a key of ADAPTERS, options: more for LoraConfig."""
    from peft import LoraConfig, get_peft_model

    made_from, settings = ADAPTERS[kind]
    more = {"num_labels": 1} if made_from is AutoModelForSequenceClassification else {}
    torch.manual_seed(0)  # a head that is not in the base
    model = made_from.from_pretrained(base, dtype=torch.float32, **more)
    settings = {**_LORA, "lora_alpha": 8, **settings, **options}
    generator = torch.Generator().manual_seed(7)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", _PEFT_WARNS, FutureWarning)
        warnings.filterwarnings(
            "ignore", "fan_in_fan_out is set|Setting `save_emb|.*have invalid shape|Model has `tie_"
        )
        adapted = get_peft_model(model, LoraConfig(**settings)).eval()
        for _, parameter in sorted(adapted.named_parameters()):
            if parameter.requires_grad:  # a new adapter changes nothing
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
        adapted.save_pretrained(folder)
    file = folder / "adapter_config.json"
    written = json.loads(file.read_text())
    lists = {key: sorted(set(value)) for key, value in written.items() if isinstance(value, list)}  # in a random order
    file.write_text(json.dumps({**written, **lists}, indent=2, sort_keys=True) + "\n")
    return Written(folder, IDS, library_scores(adapted) if more else [])


def save_quantised(folder: Path, reward_model: Path, kind: str, *, head: bool = False) -> Written:
    """Write the reward model quantised, with its tokenizer; kind: one of QUANTISED, head: quantise the head as well."""
    with redirect_stderr(StringIO()):  # progress bars
        if kind == "fp8_blocks":
            model = _with_fp8_blocks(folder, reward_model, head)
        else:
            model = _with_compressed_tensors(folder, reward_model, kind, head)
        scores = library_scores(model)
    for file in reward_model.glob("tokenizer*.json"):
        shutil.copy(file, folder)
    return Written(folder, IDS, scores, dict(model.named_parameters()))  # decompressed by the first text


def with_bitsandbytes(folder: Path, name: str) -> tuple[Path, dict[str, Any]]:
    """A copy of a model of data/bitsandbytes with a tokenizer, and what the library says of it."""
    shutil.copytree(Path(__file__).parent / "data" / "bitsandbytes" / name, folder, dirs_exist_ok=True)
    save_tiny_tokenizer(folder)
    return folder, json.loads((folder / "reference.json").read_text())


def _with_compressed_tensors(folder: Path, reward_model: Path, kind: str, head: bool) -> Any:
    from compressed_tensors import quantization as ct
    from compressed_tensors.compressors import ModelCompressor
    from compressed_tensors.quantization.utils import calculate_qparams

    form, arguments = _COMPRESSED[kind]
    weights = ct.QuantizationArgs(symmetric=True, **arguments)
    groups = {"group_0": ct.QuantizationScheme(targets=["Linear"], weights=weights)}
    config = ct.QuantizationConfig(config_groups=groups, format=form, ignore=[] if head else ["score"])
    model = _load(reward_model)
    ct.apply_quantization_config(model, config)
    for module in model.modules():
        if hasattr(module, "weight_scale"):
            parts = module.weight.detach().unflatten(1, (-1, weights.group_size or module.weight.shape[1]))
            module.weight_scale.data.copy_(calculate_qparams(parts.amin(-1), parts.amax(-1), weights)[0])
    compressor = ModelCompressor(quantization_config=config)
    compressor.compress_model(model)
    model.save_pretrained(folder)
    compressor.update_config(folder)
    return _load(folder)


def _with_fp8_blocks(folder: Path, reward_model: Path, head: bool, size: int = 16) -> Any:
    """As DeepSeek publishes: one scale for each square of a weight. transformers itself writes it on GPUs only."""
    from transformers import FineGrainedFP8Config

    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, torch.Tensor] = {}
    for key, weight in load_file(reward_model / "model.safetensors").items():
        tensors[key] = weight
        if "_proj." in key or (head and key == "score.weight"):
            scale = max_pool2d(weight.abs()[None], size, ceil_mode=True)[0] / 448  # the largest float8_e4m3fn
            spread = scale.repeat_interleave(size, 0).repeat_interleave(size, 1)[: weight.shape[0], : weight.shape[1]]
            tensors[key], tensors[f"{key}_scale_inv"] = (weight / spread).to(torch.float8_e4m3fn), scale
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((reward_model / "config.json").read_text())
    settings = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [size, size]}
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": settings}))
    how = FineGrainedFP8Config(weight_block_size=(size, size), dequantize=True)
    return _load(folder, quantization_config=how)


def _load(folder: Path, **options: Any) -> Any:
    return AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32, **options).eval()


def library_scores(model: Any) -> list[float]:
    """One sequence at a time, so that nothing is padded."""
    with torch.inference_mode():
        return [model(input_ids=torch.tensor([ids])).logits[0, 0].item() for ids in IDS]
