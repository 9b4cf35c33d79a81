"""Reading pairs, rankings, paraphrases and identity pairs: every form, and what is wrong with a row of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from rmaudit.datasets import read_dataset
from rmaudit.errors import DataError
from tests.data_files import GOOD, PEOPLE, RANKED, SAME, SYSTEM, USER, jsonl, only, said, saved, without

PUBLIC = Path(__file__).resolve().parents[1].parent / "shared" / "data"

FORMS = {
    "strings": {"prompt": "Why?", "chosen": "Yes,\nso.", "rejected": 'No "so".'},
    "messages": {"prompt": [USER], "chosen": [said("Yes,\nso.")], "rejected": [said('No "so".')]},
    "message prompt": {"prompt": [USER], "chosen": "Yes,\nso.", "rejected": 'No "so".'},
    "implicit prompt": {"chosen": [USER, said("Yes,\nso.")], "rejected": [USER, said('No "so".')]},
    "ultrafeedback": {
        "prompt": "Why?",
        "chosen": [USER, said("Yes,\nso.")],
        "rejected": [USER, said('No "so".')],
        "messages": [USER, said("Yes,\nso.")],
        "score_chosen": 8.5,
        "score_rejected": 3.0,
    },
}


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("form", FORMS)
def test_pairs(tmp_path, form, suffix):
    file = saved(tmp_path, suffix, [FORMS[form]])
    assert read_dataset(file).kind == "pairs"
    row = only(file)
    assert row.texts == ("Yes,\nso.", 'No "so".')
    assert row.ranks == (0.0, 1.0)
    assert row.conversation(1) == [USER, said('No "so".')]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("ranks", [[0, 1, 1], [0.5, 2.0, 0.0], None])
def test_rankings(tmp_path, suffix, ranks):
    row = {"id": "r1", "prompt": [SYSTEM, USER], "responses": ["a", "b", "c"], "ranks": ranks}
    if suffix == ".csv" and ranks is None:
        row["ranks"] = ""
    file = saved(tmp_path, suffix, [row])
    assert read_dataset(file).kind == "rankings"
    found = only(file)
    assert found.id == "r1"
    assert found.texts == ("a", "b", "c")
    assert found.ranks == (None if ranks is None else tuple(map(float, ranks)))
    assert found.prompt == (SYSTEM, USER)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("label", [0, 1])
def test_paraphrases(tmp_path, suffix, label):
    row = {"text": "One.", "paraphrase": "A one.", "label": label, "meta": {"prompt": "Say one.", "group": "g"}}
    file = saved(tmp_path, suffix, [row])
    assert read_dataset(file).kind == "paraphrases"
    found = only(file)
    assert (found.label, found.group) == (label, "g")
    assert found.conversation(1) == [{"role": "user", "content": "Say one."}, said("A one.")]


def test_paraphrases_of_prompts_have_no_prompt(tmp_path):
    row = only(jsonl(tmp_path / "a.jsonl", {"text": "One?", "paraphrase": "A one?"}))
    assert (row.prompt, row.label) == ((), 1)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_identity(tmp_path, suffix):
    row = {
        "prompt": [USER],
        "response_a": "He.",
        "response_b": "She.",
        "attribute": "gender",
        "meta": {"group_a": "male", "group_b": "female"},
    }
    file = saved(tmp_path, suffix, [row])
    assert read_dataset(file).kind == "identity"
    found = only(file)
    assert found.texts == ("He.", "She.")
    assert found.attribute == "gender"
    assert found.slices == (("group_a", "male"), ("group_b", "female"))


@pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public data sets (../shared/data beside the checkout) are not here"
)
@pytest.mark.parametrize("file", sorted(PUBLIC.glob("*.jsonl")) or [PUBLIC], ids=lambda file: file.stem)
def test_public_data_sets_have_no_problem(file):
    dataset = read_dataset(file)
    with file.open(encoding="utf-8") as lines:
        given = [json.loads(line) for line in lines]
    assert dataset.problems == ()
    assert [row.id for row in dataset.rows] == [row["id"] for row in given]
    assert dataset.kind == file.stem.split("_")[0]
    assert [row.group for row in dataset.rows] == [row["meta"]["group"] for row in given]
    assert dataset.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


# --------------------------------------------------------------------------------------------------------- bad rows
@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        (GOOD, without(GOOD, "chosen"), "chosen: missing; got the fields 'prompt, rejected'"),
        (GOOD, {**GOOD, "rejected": None}, "rejected: missing"),
        (GOOD, {**GOOD, "chosen": ""}, "chosen: expected a non-empty string, got ''"),
        (GOOD, {**GOOD, "rejected": " \n"}, r"rejected: expected a non-empty string, got ' \n'"),
        (GOOD, {**GOOD, "chosen": 3}, "chosen: messages: expected a list of {role, content}, got int"),
        (GOOD, {**GOOD, "chosen": []}, "chosen: expected messages that end with an assistant turn"),
        (GOOD, {**GOOD, "chosen": [USER]}, "chosen: expected messages that end with an assistant turn"),
        (GOOD, {**GOOD, "chosen": [said(" ")]}, "chosen: expected a non-empty string, got ' '"),
        (
            GOOD,
            {**GOOD, "chosen": [USER, {"role": "bot", "content": "x"}]},
            "chosen: messages[1].role: expected one of",
        ),
        (GOOD, {**GOOD, "prompt": ""}, "prompt: expected a non-empty string, got ''"),
        (GOOD, {**GOOD, "prompt": 7}, "prompt: messages: expected a list of {role, content}, got int"),
        (
            GOOD,
            {**GOOD, "prompt": [USER, said("x")]},
            "prompt: expected a string, or messages that end with a user turn",
        ),
        (GOOD, {**GOOD, "prompt": []}, "prompt: expected a string, or messages that end with a user turn"),
        (GOOD, without(GOOD, "prompt"), "prompt: missing; expected a prompt beside the answers"),
        (GOOD, {"chosen": [said("a")], "rejected": [said("b")]}, "prompt: expected a string, or messages that end"),
        (GOOD, {**GOOD, "rejected": "Yes."}, "rejected: expected another answer than chosen; a pair of equal answers"),
        (
            GOOD,
            {"chosen": [USER, said("a")], "rejected": [{"role": "user", "content": "How?"}, said("b")]},
            "rejected: expected the same prompt as in chosen",
        ),
        (GOOD, '{"prompt": "Why?", "chosen": "Yes."', "row: expected one JSON object, got text that is no JSON"),
        (GOOD, "[1, 2]", "row: expected one JSON object, got list"),
        (GOOD, "null", "row: expected one JSON object, got NoneType"),
        (GOOD, "[" * 100_000, "row: expected one JSON object, got text that is no JSON"),
        (GOOD, '{"chosen": ' + "9" * 5000 + "}", "row: expected one JSON object, got text that is no JSON"),
        (
            GOOD,
            '{"prompt": "Why?", "chosen": "\\ud83d", "rejected": "b"}',
            "row: expected text, got half of a surrogate pair",
        ),
        (RANKED, {**RANKED, "ranks": ["0", "1"]}, "ranks: expected 2 numbers (0 = best) or null, got ['0', '1']"),
        (RANKED, {**RANKED, "ranks": [0]}, "ranks: expected 2 numbers (0 = best) or null, got [0]"),
        (RANKED, {**RANKED, "ranks": [True, False]}, "ranks: expected 2 numbers"),
        (RANKED, {**RANKED, "ranks": 0}, "ranks: expected 2 numbers"),
        (RANKED, '{"prompt": "Why?", "responses": ["a", "b"], "ranks": [NaN, 0]}', "ranks: expected 2 numbers"),
        (RANKED, '{"prompt": "Why?", "responses": ["a", "b"], "ranks": [1e999, 0]}', "ranks: expected 2 numbers"),
        (RANKED, {**RANKED, "ranks": [10**400, 0]}, "ranks: expected 2 numbers"),
        (RANKED, {**RANKED, "responses": ["a"]}, "responses: expected a list of two or more answers, got ['a']"),
        (RANKED, {**RANKED, "responses": "ab"}, "responses: expected a list of two or more answers, got 'ab'"),
        (RANKED, {**RANKED, "responses": ["a", ""]}, "responses[1]: expected a non-empty string, got ''"),
        (RANKED, without(RANKED, "prompt"), "prompt: missing"),
        (SAME, {**SAME, "label": 2}, "label: expected 1 (same meaning) or 0 (not), got 2"),
        (SAME, {**SAME, "label": []}, "label: expected 1 (same meaning) or 0 (not), got []"),
        (SAME, without(SAME, "text"), "text: missing"),
        (SAME, {**SAME, "meta": {"prompt": 3}}, "prompt: messages: expected a list"),
        (PEOPLE, without(PEOPLE, "response_b"), "response_b: missing"),
        (PEOPLE, {**PEOPLE, "response_a": ["He."]}, "response_a: expected a non-empty string, got ['He.']"),
    ],
)
def test_a_bad_row_is_told_and_the_others_are_kept(tmp_path, good, bad, told):
    dataset = read_dataset(jsonl(tmp_path / "data.jsonl", {**good, "id": "1"}, bad, {**good, "id": "3"}))
    assert [row.id for row in dataset.rows] == ["1", "3"]
    (problem,) = dataset.problems
    assert problem.startswith(f"data.jsonl, line 2, {told}")
    assert len(problem) < 500


def test_no_good_row_tells_the_first_problem(tmp_path):
    with pytest.raises(DataError, match="no row could be read; first problem: a.jsonl, line 1, chosen: missing"):
        read_dataset(jsonl(tmp_path / "a.jsonl", without(GOOD, "chosen"), without(GOOD, "chosen")))


def test_unknown_form(tmp_path):
    with pytest.raises(DataError, match="fields: expected those of one of pairs, rankings.*got 'question, answer'"):
        read_dataset(jsonl(tmp_path / "a.jsonl", {"question": "Why?", "answer": "So."}))


# ----------------------------------------------------------------------------------------------------- ids and groups
def test_ids_are_unique_and_first_come(tmp_path):
    rows = [{**GOOD, "id": name} for name in ("a", "a", "a#2", "a", 0, None)]
    dataset = read_dataset(jsonl(tmp_path / "data.jsonl", *rows))
    assert [row.id for row in dataset.rows] == ["a", "a#3", "a#2", "a#4", "0", "data:6"]
    assert len({row.id for row in dataset.rows}) == 6


def test_rows_of_one_prompt_are_one_group(tmp_path):
    rows = [
        GOOD,
        {**GOOD, "prompt": [USER]},
        {**GOOD, "prompt": "How?"},
        {**GOOD, "group": 0},
        {**GOOD, "meta": {"group": "g"}},
    ]
    groups = [row.group for row in read_dataset(jsonl(tmp_path / "data.jsonl", *rows)).rows]
    assert groups[0] == groups[1] != groups[2]
    assert groups[3:] == ["0", "g"]


def test_a_row_of_another_form_in_the_file_is_a_bad_row(tmp_path):
    dataset = read_dataset(jsonl(tmp_path / "data.jsonl", GOOD, RANKED))
    assert len(dataset.rows) == 1
    assert dataset.problems[0].startswith(
        "data.jsonl, line 2, chosen: missing; got the fields 'prompt, responses, ranks'"
    )
