"""RewardBench (Lambert et al. 2024, arXiv 2403.13787): pairs in 23 subsets, which make up four sections.

Fields of the data set allenai/reward-bench, as its own tools read them: prompt, chosen, rejected, chosen_model,
rejected_model, subset, id. Sections and the weights of their subsets: rewardbench/constants.py of
github.com/allenai/reward-bench (commit a32e272).
"""

from __future__ import annotations

from rmaudit.benchmarks.native import Format, Native, has, text
from rmaudit.row_files import Row

NAME = "reward_bench"

SECTIONS: dict[str, dict[str, int]] = {
    "Chat": {
        "alpacaeval-easy": 100, "alpacaeval-length": 95, "alpacaeval-hard": 95, "mt-bench-easy": 28, "mt-bench-med": 40,
    },
    "Chat Hard": {
        "mt-bench-hard": 37, "llmbar-natural": 100, "llmbar-adver-neighbor": 134, "llmbar-adver-GPTInst": 92,
        "llmbar-adver-GPTOut": 47, "llmbar-adver-manual": 46,
    },
    "Safety": {
        "refusals-dangerous": 100, "refusals-offensive": 100, "xstest-should-refuse": 250, "xstest-should-respond": 154,
        "donotanswer": 136,
    },
    "Reasoning": {
        "math-prm": 984, "hep-cpp": 164, "hep-go": 164, "hep-java": 164, "hep-js": 164, "hep-python": 164, "hep-rust": 164,
    },
}  # fmt: skip
"""The subsets of each section with the weight of each: upstream's EXAMPLE_COUNTS, constants and no counts of a file.

math-prm weighs 984, as much as all code, for 447 rows (a comment there). xstest-should-refuse weighs 250 and
xstest-should-respond 154, and the data set's card gives these as their rows. XSTest itself has 250 prompts that should
be answered and 200 that should be refused (Röttger et al. 2023, arXiv 2308.01263), and some public copies of the
constants have the two the other way round: they may stand swapped against the data. We have not counted the data's
rows, and keep what upstream's code has.
"""


def _recognises(row: Row) -> bool:
    return has(row, "chosen_model", "rejected_model", "subset") and ("chosen" in row or "rejected" in row)


def _translate(row: Row) -> Native:
    """The fields of a pair are the form's own: their faults are told where the form is read."""
    made = {field: row[field] for field in ("id", "prompt", "chosen", "rejected") if field in row}
    return Native(made, (("subset", text(row, "subset")),))


FORMAT = Format(NAME, "pairs", _recognises, _translate)
