"""Files of known benchmarks: every native row becomes the row it says, and a fault is told by the native field."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from rmaudit.benchmarks import FORMATS, TITLES, recognised
from rmaudit.benchmarks.reward_bench import SECTIONS
from rmaudit.benchmarks.rm_bench import STYLES, domain_of
from rmaudit.datasets import Dataset, read_dataset
from rmaudit.errors import DataError
from tests.data_files import GOOD, RANKED, jsonl, only, without

PUBLIC = Path(__file__).resolve().parents[2] / "shared" / "data"

RM_BENCH = {
    "id": 7, "prompt": "Which is larger, 3 or 5?", "chosen": ["5.", "It is 5.", "**5** is larger."],
    "rejected": ["3.", "It is 3.", "**3** is larger."], "domain": "math",
}  # fmt: skip
REWARD_BENCH = {
    "prompt": "Name a fish.", "chosen": "A trout.", "chosen_model": "m1", "rejected": "A crow.", "rejected_model": "m2",
    "subset": "mt-bench-easy", "id": 30,
}  # fmt: skip
BEST_OF_FOUR = {
    "id": "11", "prompt": "Name a bird.", "chosen": ["A crow."], "rejected": ["A trout.", "An oak.", "A pen."],
    "num_correct": 1, "num_incorrect": 3, "total_completions": 4, "models": ["m1", "m2", "m3", "m4"], "subset": "Factuality",
    "additional_metadata": {"category": None},
}  # fmt: skip
TIED = {
    **BEST_OF_FOUR, "id": "tied:3", "prompt": "Name a primary colour.", "chosen": ["Red.", "Blue.", "Yellow."],
    "rejected": ["Rain.", "Two."], "num_correct": 3, "num_incorrect": 2, "total_completions": 5, "subset": "Ties",
}  # fmt: skip
REFERENCE = {
    **TIED, "id": "ref:3", "prompt": "Name the colour of snow.", "chosen": ["White."], "num_correct": 1, "total_completions": 3,
}  # fmt: skip
EVAL_BIAS = {
    "bias": "length bias", "instruction": "Say yes in a word.", "response1": "Yes, with the greatest pleasure.",
    "response2": "Yes.", "label": 2,
}  # fmt: skip
JUDGE = {
    "pair_id": "p-1", "original_id": "1", "source": "mmlu-pro-law", "question": "Is it so?", "response_model": "m",
    "response_A": "No.", "response_B": "Yes.", "label": "B>A",
}  # fmt: skip
LLMBAR = {"input": "Greet me.", "output_1": "Hello.", "output_2": "Goodbye.", "label": 1}
HH = {
    "chosen": "\n\nHuman: Hi.\n\nAssistant: Hello.\n\nHuman: May I ask?\n\nAssistant: Of course. ",
    "rejected": "\n\nHuman: Hi.\n\nAssistant: Hello.\n\nHuman: May I ask?\n\nAssistant: No.",
}
NATIVE: dict[str, dict[str, Any]] = {
    "rm_bench": RM_BENCH, "reward_bench": REWARD_BENCH, "reward_bench_2": BEST_OF_FOUR, "eval_bias_bench": EVAL_BIAS,
    "judge_bench": JUDGE, "llmbar": LLMBAR, "hh_rlhf": HH,
}  # fmt: skip


def read(folder: Path, *rows: Any) -> Dataset:
    return read_dataset(jsonl(folder / "data.jsonl", *rows))


# -------------------------------------------------------------------------------------------------------- what is read
@pytest.mark.parametrize("name", NATIVE)
def test_a_native_row_is_told_by_its_fields(name, tmp_path):
    dataset = read(tmp_path, NATIVE[name])
    assert dataset.format == name
    assert dataset.kind == ("rankings" if name in ("rm_bench", "reward_bench_2") else "pairs")
    assert name in TITLES


def test_rows_of_the_four_forms_are_of_no_format(tmp_path):
    assert read(tmp_path, GOOD).format == read(tmp_path, RANKED).format == ""
    assert recognised({**GOOD, "domain": "chat", "subset": "x", "source": "mine"}) is None
    conversation = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    assert recognised({"chosen": conversation, "rejected": conversation, "domain": "chat"}) is None


def test_rm_bench_has_six_answers_in_three_styles(tmp_path):
    row = only(jsonl(tmp_path / "a.jsonl", RM_BENCH))
    assert row.texts == (*RM_BENCH["chosen"], *RM_BENCH["rejected"])
    assert row.ranks == (0, 0, 0, 1, 1, 1)
    assert row.styles == STYLES + STYLES
    assert row.slices == (("domain", "math"),)
    assert (row.id, row.prompt[0]["content"]) == ("7", "Which is larger, 3 or 5?")


def test_reward_bench_is_a_pair_with_a_subset(tmp_path):
    row = only(jsonl(tmp_path / "a.jsonl", REWARD_BENCH))
    assert (row.id, row.texts, row.ranks) == ("30", ("A trout.", "A crow."), (0, 1))
    assert row.slices == (("subset", "mt-bench-easy"),)


def test_the_sections_weigh_as_published():
    assert {name: sum(weights.values()) for name, weights in SECTIONS.items()} == {
        "Chat": 358, "Chat Hard": 456, "Safety": 740, "Reasoning": 1968,
    }  # fmt: skip
    assert sum(map(len, SECTIONS.values())) == 23
    xstest = SECTIONS["Safety"]["xstest-should-refuse"], SECTIONS["Safety"]["xstest-should-respond"]
    assert xstest == (250, 154), "as EXAMPLE_COUNTS of rewardbench/constants.py has them, right or wrong"


def test_rm_bench_safety_is_one_domain():
    told = ["chat", "math", "code", "safety-refuse", "safety-response", "law"]
    assert [domain_of(name) for name in told] == ["chat", "math", "code", "safety", "safety", None]


def test_reward_bench_2_ranks_the_right_answers_first(tmp_path):
    row = only(jsonl(tmp_path / "a.jsonl", BEST_OF_FOUR))
    assert (row.texts[0], row.ranks, row.slices) == ("A crow.", (0, 1, 1, 1), (("subset", "Factuality"),))


def test_tied_prompts_stay_with_their_reference(tmp_path):
    tied, reference = read(tmp_path, TIED, REFERENCE).rows
    assert tied.group == reference.group == "Ties:3"
    assert tied.ranks == (0, 0, 0, 1, 1)
    assert tied.slices == (("subset", "Ties"), ("ties", "tied"), ("ties_prompt", "3"))
    assert reference.slices[1] == ("ties", "ref")


def test_a_label_says_which_answer_is_chosen(tmp_path):
    assert only(jsonl(tmp_path / "a.jsonl", EVAL_BIAS)).texts == ("Yes.", "Yes, with the greatest pleasure.")
    assert only(jsonl(tmp_path / "a.jsonl", {**EVAL_BIAS, "label": 1})).texts[1] == "Yes."
    assert only(jsonl(tmp_path / "a.jsonl", EVAL_BIAS)).slices == (("bias", "length bias"),)
    judged = only(jsonl(tmp_path / "a.jsonl", JUDGE))
    assert (judged.id, judged.texts, judged.slices) == ("p-1", ("Yes.", "No."), (("source", "mmlu-pro-law"),))
    other = only(jsonl(tmp_path / "a.jsonl", {**JUDGE, "label": "A>B"}))
    assert (other.texts, other.group) == (("No.", "Yes."), judged.group), "one question is one group"
    assert only(jsonl(tmp_path / "a.jsonl", LLMBAR)).texts == ("Hello.", "Goodbye.")
    assert only(jsonl(tmp_path / "a.jsonl", {**LLMBAR, "label": "2"})).texts == ("Goodbye.", "Hello.")


def test_hh_rlhf_is_a_dialogue_in_a_text(tmp_path):
    row = only(jsonl(tmp_path / "a.jsonl", HH))
    assert [turn["role"] for turn in row.prompt] == ["user", "assistant", "user"]
    assert [turn["content"] for turn in row.prompt] == ["Hi.", "Hello.", "May I ask?"]
    assert row.texts == ("Of course.", "No.")


# ------------------------------------------------------------------------------------------------------ kinds of files
def test_a_json_list_and_an_object_of_lists(tmp_path):
    (tmp_path / "list.json").write_text(json.dumps([RM_BENCH, RM_BENCH]))
    assert [row.id for row in read_dataset(tmp_path / "list.json").rows] == ["7", "7#2"]
    (tmp_path / "lists.json").write_text(
        json.dumps({"length bias": [EVAL_BIAS], "other": [{**EVAL_BIAS, "bias": "other"}]})
    )
    dataset = read_dataset(tmp_path / "lists.json")
    assert (dataset.name, dataset.format) == ("lists", "eval_bias_bench")
    assert [row.slices[0][1] for row in dataset.rows] == ["length bias", "other"]
    assert [row.id for row in dataset.rows] == ["lists:1", "lists:2"]


def test_a_json_list_of_the_four_forms(tmp_path):
    (tmp_path / "mine.json").write_text(
        json.dumps([GOOD, "no row", {**GOOD, "chosen": ""}, {**GOOD, "chosen": "\ud800"}])
    )
    dataset = read_dataset(tmp_path / "mine.json")
    assert (dataset.kind, dataset.format, len(dataset.rows)) == ("pairs", "", 1)
    assert dataset.problems == (
        "mine.json, row 2, row: expected one JSON object, got str",
        "mine.json, row 3, chosen: expected a non-empty string, got ''",
        "mine.json, row 4, row: expected text, got half of a surrogate pair",
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "expected JSON, got text that is none"),
        (b"[\xff]", "expected UTF-8 text, got other bytes"),
        (json.dumps(GOOD).encode(), "expected a list of objects, or an object of such lists"),
        (b"7", "expected a list of objects"),
        (b'[{"chosen": "a", "chosen": "b"}]', "every key of an object once, got 'chosen' twice"),
        (b"[]", "no row could be read: the file is empty"),
    ],
)
def test_a_json_file_that_is_no_list_of_rows(content, told, tmp_path):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=told):
        read_dataset(tmp_path / "a.json")


def test_the_gzipped_files_of_hh_rlhf(tmp_path):
    file = tmp_path / "test.jsonl.gz"
    file.write_bytes(gzip.compress((json.dumps(HH) + "\n").encode()))
    dataset = read_dataset(file)
    assert (dataset.name, dataset.format, dataset.rows[0].id) == ("test", "hh_rlhf", "test:1")
    for broken in (b"no gzip", file.read_bytes()[:-12]):
        file.write_bytes(broken)
        with pytest.raises(DataError, match="cannot be read"):
            read_dataset(file)


@pytest.mark.parametrize("row", [RM_BENCH, REWARD_BENCH, TIED, JUDGE, HH])
def test_parquet_and_jsonl_say_the_same(row, tmp_path):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "data.parquet")
    given = read_dataset(tmp_path / "data.parquet")
    assert (given.rows, given.format) == ((read(tmp_path, row)).rows, recognised(row).name)


# --------------------------------------------------------------------------------------------------------------- faults
FAULTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (RM_BENCH, {"chosen": ["5.", "It is 5."]}, "chosen: expected a list of at least 3 answers"),
    (RM_BENCH, {"rejected": ["a", "b", "c", "d"]}, "rejected: expected 3 answers (concise, detailed_plain"),
    (RM_BENCH, {"chosen": ["5.", "", "**5**"]}, "chosen[1]: expected a non-empty string, got ''"),
    (RM_BENCH, {"domain": None}, "domain: missing; got the fields"),
    (RM_BENCH, {"prompt": None}, "prompt: missing"),
    (RM_BENCH, {"prompt": " "}, "prompt: expected a non-empty string"),
    (REWARD_BENCH, {"rejected": ""}, "rejected: expected a non-empty string, got ''"),
    (REWARD_BENCH, {"rejected": "A trout."}, "rejected: expected another answer than chosen"),
    (REWARD_BENCH, {"subset": 3}, "subset: expected a non-empty string, got 3"),
    (BEST_OF_FOUR, {"num_correct": 2}, "num_correct: expected 1, the number of chosen, got 2"),
    (BEST_OF_FOUR, {"rejected": []}, "rejected: expected a list of at least 1 answers, got []"),
    (TIED, {"id": "3"}, "id: expected ref:NUMBER or tied:NUMBER in the subset Ties, got '3'"),
    (TIED, {"id": "ref:3"}, "chosen: expected one under ref:, got 3"),
    (REFERENCE, {"id": "tied:3"}, "chosen: expected several answers under tied:, got 1"),
    (EVAL_BIAS, {"label": 3}, "label: expected 1 or 2, got 3"),
    (EVAL_BIAS, {"label": True}, "label: expected 1 or 2, got True"),
    (EVAL_BIAS, {"response2": EVAL_BIAS["response1"]}, "response2: expected another answer than response1"),
    (JUDGE, {"label": "A=B"}, "label: expected 'A>B' or 'B>A', got 'A=B'"),
    (JUDGE, {"response_B": " "}, "response_B: expected a non-empty string, got ' '"),
    (JUDGE, {"source": None}, "source: missing"),
    (LLMBAR, {"input": ""}, "input: expected a non-empty string"),
    (LLMBAR, {"label": None}, "label: missing"),
    (HH, {"rejected": "No."}, "rejected: expected a dialogue of turns"),
    (HH, {"rejected": "\n\nHuman: Hi.\n\nAssistant:"}, "rejected: expected a dialogue that ends with an answer"),
    (HH, {"rejected": "\n\nHuman: Hi."}, "rejected: expected a dialogue that ends with an answer"),
    (HH, {"rejected": "\n\nHuman: Ho.\n\nAssistant: No."}, "rejected: expected the same prompt as in chosen"),
    (HH, {"rejected": HH["chosen"].strip(" ")}, "rejected: expected another answer than chosen"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "change", "told"), FAULTS)
def test_a_bad_row_costs_itself_and_is_told(row, change, told, tmp_path):
    dataset = read(tmp_path, row, {**row, **change}, row)
    assert len(dataset.rows) == 2
    (problem,) = dataset.problems
    assert problem.startswith(f"data.jsonl, line 2, {told}"), problem


def test_a_bad_first_row_decides_nothing(tmp_path):
    dataset = read(tmp_path, {**JUDGE, "label": "?"}, GOOD, JUDGE)
    assert (dataset.kind, dataset.format, len(dataset.rows)) == ("pairs", "", 1)


def test_a_file_is_of_one_format(tmp_path):
    dataset = read(tmp_path, LLMBAR, without(LLMBAR, "input"), GOOD)
    assert len(dataset.rows) == 1
    assert [problem.split(", ")[2].split(":")[0] for problem in dataset.problems] == ["input", "label"]


def test_formats_do_not_claim_each_others_rows():
    for name, row in NATIVE.items():
        assert [known.name for known in FORMATS if known.recognises(row)] == [name]


# ----------------------------------------------------------------------------------------------- rows already in a form
STYLED = {
    "id": "x", "source": "RM-Bench/chat", "prompt": "Why?", "responses": ["a", "b", "c", "d", "e", "f"],
    "ranks": [0, 0, 0, 1, 1, 1], "meta": {"domain": "chat", "styles": [*STYLES, *STYLES], "group": "g"},
}  # fmt: skip


def test_normalised_rows_are_told_by_their_source(tmp_path):
    row = only(jsonl(tmp_path / "a.jsonl", STYLED))
    assert (row.group, row.styles, row.slices) == ("g", STYLES + STYLES, (("domain", "chat"),))
    assert read(tmp_path, {**GOOD, "source": "JudgeBench/m", "meta": {"subset": "s"}}).format == "judge_bench"
    assert read(tmp_path, {**GOOD, "source": "hh-rlhf/harmless-base"}).format == "hh_rlhf"
    assert read(tmp_path, {**STYLED, "source": "mine"}).format == ""


def test_normalised_styles_must_make_the_matrix(tmp_path):
    dataset = read(tmp_path, STYLED, {**STYLED, "meta": {**STYLED["meta"], "styles": list(STYLES)}})
    assert dataset.problems[0].startswith("data.jsonl, line 2, meta.styles: expected concise, detailed_plain")


@pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public data sets (../shared/data beside the checkout) are not here"
)
@pytest.mark.parametrize(
    ("name", "known", "rows"),
    [
        ("rankings_rmbench", "rm_bench", 440),
        ("pairs_judgebench", "judge_bench", 428),
        ("pairs_hh_harmless", "hh_rlhf", 1594),
        ("pairs_rmbench", "", 1320),
        ("pairs_truthfulqa", "", 586),
    ],
)
def test_public_files(name, known, rows):
    dataset = read_dataset(PUBLIC / f"{name}.jsonl")
    assert (dataset.format, len(dataset.rows), dataset.problems) == (known, rows, ())


@pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public data sets (../shared/data beside the checkout) are not here"
)
def test_domains_of_the_public_copy_of_rm_bench():
    rows = read_dataset(PUBLIC / "rankings_rmbench.jsonl").rows
    assert Counter(row.slices[0][1] for row in rows) == {"safety-refuse": 195, "code": 144, "safety-response": 101}
    assert all(row.styles == STYLES + STYLES for row in rows)
