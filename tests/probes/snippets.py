"""Code in an answer, and what it does when it is run."""

from __future__ import annotations

import copy
from typing import Any

FENCE = "```python\n"


def block_of(text: str) -> str:
    """The code of the first fenced block."""
    return text.split(FENCE, 1)[1].split("```", 1)[0]


def fenced(code: str) -> str:
    return f"Some words.\n{FENCE}{code}```\nMore words."


def run(code: str) -> dict[str, Any]:
    """The names that the code defines."""
    space: dict[str, Any] = {}
    eval(compile(code, "<answer>", "exec"), space)
    return space


def outcome(code: str, call: str) -> Any:
    """What a call gives, or the kind of error that it raises, in a fresh run of the code."""
    space = run(code)
    try:
        return copy.deepcopy(eval(call, space))
    except (ArithmeticError, AttributeError, LookupError, NameError, RecursionError, TypeError, ValueError) as error:
        return type(error)
