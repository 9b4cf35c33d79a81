"""The table of all decoders: `python -m tests.decoders.table > tests/decoders/README.md`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
import transformers

from tests.decoders.configs import covered, not_covered
from tests.decoders.measure import Measured, measure

_INTRODUCTION = """# Every decoder, measured

Written by `python -m tests.decoders.table > tests/decoders/README.md` with transformers {transformers} and torch
{torch}, on a CPU, in float32. Each row is a tiny random reward model of that type, saved and loaded again, and eight
sequences of 1 to 48 tokens, beyond every sliding window. `test_decoders.py` measures the same and fails where a
difference reaches 1e-5, where a type that transformers has is missing here, or where scores hardly differ.

- **difference**: the largest between rmaudit's score and the independent one (transformers' backbone on the sequence
  alone, its last state times the head), over batches of 1, 3 and 8, padding on the right and on the left, and two
  orders. Where a trial at load shows that a decoder reads padding on the left (recurrent ones do), rmaudit pads on the
  right whatever is asked for.
- **packed**: the same for the scoring engine, which computes as the column **engine** says.
- **spread**: standard deviation of the eight scores.
- **own class, left**: what transformers' own class makes of one batch padded on the left with a mask, and without
  position ids, compared with each sequence alone. {wrong}
- **own head**: the keys of that class's head. All models here have `score.weight` on the backbone.

| model type | own class | own head | difference | packed | spread | own class, left | engine |
|---|---|---|---|---|---|---|---|"""


def row(measured: Measured) -> str:
    """One line of the table."""
    figures = [measured.plain, measured.packed, measured.spread]
    told = [f"{figures[0]:.1e}", f"{figures[1]:.1e}", f"{figures[2]:.2f}"]
    left = "-" if measured.left is None else f"{measured.left:.1e}"
    left = f"**{left}**" if _is_wrong(measured) else left
    cells = [measured.model_type, measured.seq_cls, measured.own_head, *told, left]
    return "| " + " | ".join([*cells, measured.packing or f"refused: {measured.refused}"]) + " |"


def _is_wrong(measured: Measured) -> bool:
    """Whether transformers' own class scores another text when padded on the left, rather than rounds otherwise."""
    return measured.left is not None and measured.left >= 1e-4


def table(measured: list[Measured]) -> str:
    """The whole file."""
    wrong = [one.model_type for one in measured if _is_wrong(one)]
    told = f"Wrong: {', '.join(wrong)}." if wrong else ""
    head = _INTRODUCTION.format(transformers=transformers.__version__, torch=torch.__version__, wrong=told)
    rest = ["", "Not covered:", "", "| model type | why |", "|---|---|"]
    rest += [f"| {model_type} | {reason} |" for model_type, reason in not_covered().items()]
    return "\n".join([head, *map(row, measured), *rest]) + "\n"


def main() -> None:
    measured = []
    for number, model_type in enumerate(types := covered(), start=1):
        print(f"{number}/{len(types)} {model_type}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            measured.append(measure(model_type, Path(folder)))
    print(table(measured), end="")


if __name__ == "__main__":
    main()
