"""The command line's options of a checkpoint, declared once and given to every command that loads one."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from rmaudit.errors import UsageError

_PANEL = "The model"


def _option(kind: Any, help_text: str, name: str = "") -> Any:
    return Annotated[kind, typer.Option(*([name] if name else []), help=help_text, rich_help_panel=_PANEL)]


#: Name -> annotation and default; the names are those of `rmaudit.load`.
OPTIONS: dict[str, tuple[Any, Any]] = {
    "dtype": (_option(str, "float32, bfloat16, float16 or float64; the head is always float32."), "float32"),
    "device": (_option(str, "cpu, cuda, cuda:1, mps ..."), "cpu"),
    "device_map": (_option(str | None, "auto, or JSON with a place for every module; needs accelerate."), None),
    "chat_template": (
        _option(Path | None, "File with a chat template (Jinja) to use instead of the tokenizer's."),
        None,
    ),
    "bos_policy": (_option(str, "Number of BOS tokens in front: one, none, two, as-is."), "one"),
    "truncate": (_option(str | None, "prompt-left: cut too long prompts from the left; else they are an error."), None),
    "max_length": (_option(int | None, "Longest conversation in tokens, if below the model's own limit."), None),
    "allow_remote_code": (
        _option(bool, "Run Python code that the checkpoint brings along.", "--allow-remote-code"),
        False,
    ),
    "family": (_option(str | None, "The head's family, where the files fit several, or ./file.py of your own."), None),
    "position": (
        _option(str | None, "Where to read: last, last-non-pad, before-first-pad; else the family's rule."),
        None,
    ),
    "head_output": (
        _option(str | None, "Which output of the head is the reward, or a weight for each: 0.5,0.5."),
        None,
    ),
    "judge_tokens": (_option(str | None, "A judge's answers, the good one first: Yes,No."), None),
    "aggregate": (_option(str | None, "One score of a process reward model's steps: last, min, mean, product."), None),
    "step_token": (_option(str | None, "The token that ends a step, where the family does not know it."), None),
    "normalise": (_option(bool, "Apply the mean and deviation that OpenRLHF stores.", "--normalise"), False),
    "base": (
        _option(str | None, "The model that a PEFT adapter belongs to, if it is not where the adapter says."),
        None,
    ),
    "adapter": (_option(str, "merged: fold a PEFT adapter into the weights; live: keep it beside them."), "merged"),
    "reference": (_option(str | None, "The reference of a policy trained by DPO: score its implicit reward."), None),
    "beta": (_option(float | None, "DPO's beta; 0.1 if left out."), None),
}


def loads_a_model(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all OPTIONS; it gets those that were set as one dictionary, its parameter `loading`."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "loading"]
    added = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
        for name, (annotation, default) in OPTIONS.items()
    ]

    @wraps(command)
    def wrapped(**given: Any) -> None:
        said = {name: given.pop(name) for name in OPTIONS}
        command(**given, loading=understood(said))

    parameters = [*own, *added]
    vars(wrapped)["__signature__"] = signature.replace(parameters=parameters)
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def understood(said: dict[str, Any]) -> dict[str, Any]:
    """The options that were set, as `rmaudit.load` takes them. Raises UsageError for what cannot be read."""
    options = {name: value for name, value in said.items() if value != OPTIONS[name][1]}
    readers: dict[str, Callable[[Any], Any]] = {
        "chat_template": _template, "head_output": _output, "judge_tokens": _tokens, "device_map": _device_map
    }  # fmt: skip
    return {name: readers[name](value) if name in readers else value for name, value in options.items()}


def _output(text: str) -> int | tuple[float, ...]:
    try:
        return int(text) if "," not in text else tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"--head-output {text!r}: expected a number (1), or a weight for each output (0.5,0.5)"
        ) from error


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _device_map(text: str) -> str | dict[str, Any]:
    if not text.lstrip().startswith("{"):
        return text
    try:
        places: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f'--device-map: not valid JSON ({error}); expected auto, or {{"layers.0": "cuda:0", ...}}'
        ) from error
    return places


def _template(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"--chat-template {file}: no such file") from error
    except OSError as error:
        raise UsageError(f"--chat-template {file}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"--chat-template {file}: expected a Jinja template in UTF-8, got other bytes at {error.start}; "
            "save the file as UTF-8"
        ) from error
