"""What to do about a score that is infinite or no number: it depends on what the model computes in."""

from __future__ import annotations

from collections.abc import Mapping

_BROKEN = "look for infinite numbers or NaN in the checkpoint, as a training that diverged leaves them"

#: By the name of the dtype.
ADVICE: Mapping[str, str] = {
    "float16": "float16 overflows beyond 65504: load the model in float32 (--dtype float32)",
    "bfloat16": f"bfloat16 reaches as far as float32, so it is hardly an overflow: {_BROKEN}",
    "float32": f"float32 hardly overflows: {_BROKEN}",
    "float64": f"float64 hardly overflows: {_BROKEN}",
}
