"""What each family's original code computes, written from its description on plain torch and transformers.

Nothing here knows rmaudit: weights come from the files, the backbone is transformers' own, token ids are made from the
tokenizer and the family's rule for texts, and every sequence is computed alone and without padding.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer

Conversation = list[dict[str, str]]


class Files:
    """The files of a checkpoint, read without rmaudit. prefix: of the backbone's keys; "" where there is none."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self.prefix = prefix
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.tensors: dict[str, Tensor] = {}
        for file in folder.glob("*.safetensors"):
            self.tensors.update(load_file(file))
        for file in folder.glob("*.bin"):
            self.tensors.update(torch.load(file, weights_only=True))
        for file in folder.glob("*.pt"):
            stored = torch.load(file, weights_only=True)
            self.tensors.update({f"{file.stem}.{key}": tensor for key, tensor in stored.items()})

    @cached_property
    def typed(self) -> Any:
        """The configuration as transformers sees it; OpenAssistant's type is GPT-NeoX under another name."""
        settings = {key: value for key, value in self.config.items() if key != "model_type"}
        return AutoConfig.for_model(self.config["model_type"].removesuffix("_reward_model"), **settings)

    @cached_property
    def backbone(self) -> nn.Module:
        model = AutoModel.from_config(self.typed, dtype=torch.float32)
        keys = model.state_dict().keys()
        model.load_state_dict({key: self.tensors[self.prefix + key] for key in keys}, strict=True)
        return model.eval()

    @cached_property
    def language_model(self) -> nn.Module:
        model = AutoModelForCausalLM.from_config(self.typed, dtype=torch.float32)
        missing = model.load_state_dict(self.tensors, strict=False).missing_keys
        assert not missing or (missing == ["lm_head.weight"] and self.typed.tie_word_embeddings)
        model.tie_weights()
        return model.eval()

    def states(self, ids: list[int]) -> Tensor:
        """The last hidden state (tokens, width)."""
        rows = torch.tensor([ids])
        with torch.no_grad():
            output: Tensor = self.backbone(input_ids=rows, attention_mask=torch.ones_like(rows)).last_hidden_state
        return output[0]

    def logits(self, ids: list[int]) -> Tensor:
        """Logits (tokens, vocabulary), with whatever this architecture does to them."""
        rows = torch.tensor([ids])
        with torch.no_grad():
            output: Tensor = self.language_model(input_ids=rows, attention_mask=torch.ones_like(rows)).logits
        return output[0]

    def id_of(self, text: str) -> int:
        [found] = self.tokenizer.encode(text, add_special_tokens=False)
        return int(found)

    def text(self, conversation: Conversation, **options: Any) -> str:
        return str(self.tokenizer.apply_chat_template(conversation, tokenize=False, **options))

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))


Reference = Callable[[Files, Conversation], Tensor]
Place = Callable[[Files, list[int]], int]


def last(files: Files, ids: list[int]) -> int:
    """The last index with attention mask 1."""
    return int(torch.ones(len(ids)).nonzero()[-1])


def rightmost_non_pad(files: Files, ids: list[int]) -> int:
    """transformers 4.49 and later."""
    places = torch.arange(len(ids)) * (torch.tensor(ids) != files.config["pad_token_id"])
    return int(places.argmax())


def first_pad(files: Files, ids: list[int]) -> int:
    """transformers 4.32 to 4.48, and remote code of that time."""
    place = torch.eq(torch.tensor(ids), files.config["pad_token_id"]).int().argmax(-1) - 1
    return int(place % len(ids))


def first_of(token: Callable[[Files], int], skipped: int, files: Files, ids: list[int]) -> int:
    """Before the first padding token of the tokenizer (DeepSpeed-Chat, trlX, Starling), some at the beginning apart."""
    found = (torch.tensor(ids) == token(files)).nonzero()
    end = int(found[skipped]) if len(found) > skipped else len(ids)
    return range(len(ids))[end - 1]


def score_at(files: Files, ids: list[int], place: Place, key: str) -> Tensor:
    """Outputs (n,) of the linear layer `key` at one position."""
    h = files.states(ids)[place(files, ids)]
    return F.linear(h[None], files.tensors[f"{key}.weight"], files.tensors.get(f"{key}.bias"))[0]


def linear(key: str, place: Place = last) -> Reference:
    return lambda files, conversation: score_at(files, files.ids(files.text(conversation)), place, key)[0]


def outputs(files: Files, conversation: Conversation) -> Tensor:
    """(outputs,) of a classifier of transformers."""
    return score_at(files, files.ids(files.text(conversation)), rightmost_non_pad, "score")


def output(number: int) -> Reference:
    """One output of several."""
    return lambda files, conversation: outputs(files, conversation)[number]


def mixture(weights: tuple[float, ...]) -> Reference:
    """Several outputs, weighed."""
    return lambda files, conversation: outputs(files, conversation) @ torch.tensor(weights)


def openrlhf(files: Files, conversation: Conversation, *, key: str = "value_head", normalised: bool = False) -> Tensor:
    """The text without line breaks at its end and with EOS there, whose place is read."""
    text, eos = files.text(conversation).rstrip("\n"), files.tokenizer.eos_token
    if not text.endswith(eos):
        text += " " + eos
    ids = files.ids(text)
    ids[-1] = files.tokenizer.eos_token_id
    reward = score_at(files, ids, last, key)[0]
    return (reward - files.config["mean"]) / files.config["std"] if normalised else reward


def internlm2(files: Files, conversation: Conversation) -> Tensor:
    ids, reward_token = files.ids(files.text(conversation)), files.config["reward_token_id"]
    return score_at(files, ids if ids[-1] == reward_token else [*ids, reward_token], last, "v_head")[0]


def athene(files: Files, conversation: Conversation) -> Tensor:
    ids = files.ids(files.text(conversation) + files.tokenizer.cls_token)
    place = max(index for index, token in enumerate(ids) if token == files.tokenizer.cls_token_id)
    return score_at(files, ids, lambda *_: place, "v_head")[0]


def pad_of_tokenizer(files: Files) -> int:
    return int(files.tokenizer.pad_token_id)


def eos_of_tokenizer(files: Files) -> int:
    return int(files.tokenizer.eos_token_id)


starling = linear("v_head", partial(first_of, lambda files: 0, 0))
deepspeed_chat = linear("v_head", partial(first_of, pad_of_tokenizer, 0))
deepspeed_chat_opt = linear("v_head", partial(first_of, pad_of_tokenizer, 1))
trlx = linear("v_head", partial(first_of, eos_of_tokenizer, 0))


def beaver(files: Files, conversation: Conversation) -> Tensor:
    """The output of safe-rlhf's model; of a cost, the reward is the negative of it."""
    score = score_at(files, files.ids(files.text(conversation)), last, "score_head")
    config, kind = files.config, files.config.get("score_type", "reward")
    mean = files.tensors.get("normalizer.mean", torch.tensor(config.get("mean") or [0.0]))
    var = files.tensors.get("normalizer.var", torch.tensor(config.get("var") or [1.0]))
    if config.get("do_normalize", False) and kind == "reward":
        score = (score - mean) / (var.sqrt() + 1e-8)
    if config.get("do_normalize", False) and kind == "cost":
        score = score / (var.sqrt() + 1e-8)
    return -score[0] if kind == "cost" else score[0]


def open_assistant(files: Files, conversation: Conversation) -> Tensor:
    """Pooled first, then the linear layer."""
    h = files.states(files.ids(files.text(conversation)))
    pooled = h[None].mean(dim=1) if files.config.get("pooling") == "mean" else h[None, -1]
    return F.linear(pooled, files.tensors["out_proj.weight"], files.tensors["out_proj.bias"])[0, 0]


def network(files: Files, prefix: str, activation: type[nn.Module]) -> nn.Sequential:
    """Layers as numbered in the file: normalisations, and linear ones with an activation behind each but the last."""
    here = {key.removeprefix(prefix): tensor for key, tensor in files.tensors.items() if key.startswith(prefix)}
    modules: list[nn.Module] = [nn.Identity() for _ in range(1 + max(int(key.split(".")[0]) for key in here))]
    linears = sorted(int(key.split(".")[0]) for key, tensor in here.items() if tensor.ndim == 2)
    for place in linears:
        wide, narrow = here[f"{place}.weight"].shape
        modules[place] = nn.Linear(narrow, wide, bias=f"{place}.bias" in here)
        if place != linears[-1] and place + 1 < len(modules):
            modules[place + 1] = activation()
    for key, tensor in here.items():
        if key.endswith("running_mean"):
            modules[int(key.split(".")[0])] = nn.BatchNorm1d(len(tensor))
    built = nn.Sequential(*modules)
    built.load_state_dict(here, strict=True)
    return built.eval()


def mlp(prefix: str, place: Place) -> Reference:
    def score(files: Files, conversation: Conversation) -> Tensor:
        ids = files.ids(files.text(conversation))
        with torch.no_grad():
            outputs: Tensor = network(files, prefix, nn.ReLU)(files.states(ids)[place(files, ids)][None])
        return outputs[0, 0]

    return score


def urm(files: Files, conversation: Conversation) -> Tensor:
    """Even outputs are the means of the attributes, odd ones their deviations."""
    h = files.states(files.ids(files.text(conversation)))[-1:]
    with torch.no_grad():
        means = F.linear(h, files.tensors["score.weight"]).view(1, -1, 2)[:, :, 0]
        return (means * network(files, "weights.fc.", nn.SELU)(h)).sum(-1)[0]


def ldl(files: Files, conversation: Conversation) -> Tensor:
    ids = files.ids(files.text(conversation))
    h = files.states(ids)[first_pad(files, ids)][None]
    with torch.no_grad():
        levels = network(files, "regression_layer.network.", nn.LeakyReLU)(h).view(1, -1, 10).softmax(-1)
        weights = network(files, "gating_layer.network.", nn.LeakyReLU)(h)
    if files.config.get("softmax", False):
        weights = torch.softmax(weights / files.config.get("temperature", 1.0), dim=1)
    mixed = torch.bmm(weights.unsqueeze(1), levels).squeeze(1)
    return (mixed * torch.linspace(0, 1, 10)).sum(-1)[0]
