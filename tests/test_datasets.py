"""Reading pairs, rankings, paraphrases and identity pairs: every form in every file type, and every kind of bad row."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from rmaudit.datasets import DataRow, read_dataset
from rmaudit.errors import DataError

PUBLIC = Path(__file__).resolve().parents[1].parent / "shared" / "data"

USER = {"role": "user", "content": "Why?"}
SYSTEM = {"role": "system", "content": "Be short."}


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def jsonl(file: Path, *rows: Any) -> Path:
    """Objects, or lines as they are."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_bytes(("\n".join(lines) + "\n").encode("utf-8"))
    return file


def saved(folder: Path, suffix: str, rows: list[dict[str, Any]]) -> Path:
    """The same rows in a file of each type; a CSV cell holds a list or an object as JSON."""
    file = folder / f"data{suffix}"
    if suffix == ".jsonl":
        return jsonl(file, *rows)
    if suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
        return file
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()})
    return file


def only(file: Path) -> DataRow:
    dataset = read_dataset(file)
    assert dataset.problems == ()
    (row,) = dataset.rows
    return row


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
GOOD = {"prompt": "Why?", "chosen": "Yes.", "rejected": "No."}
RANKED = {"prompt": "Why?", "responses": ["a", "b"], "ranks": [0, 1]}
SAME = {"text": "One.", "paraphrase": "A one.", "label": 1}
PEOPLE = {"prompt": "Why?", "response_a": "He.", "response_b": "She.", "attribute": "gender"}


def without(row: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != field}


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
        (SAME, {**SAME, "label": None}, "label: expected 1 (same meaning) or 0 (not), got None"),
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


def test_bytes_that_are_no_utf8_cost_one_row(tmp_path):
    file = tmp_path / "data.jsonl"
    lines = [
        json.dumps(GOOD).encode(),
        json.dumps(GOOD).encode().replace(b"Yes", b"\xff\xfe"),
        json.dumps(GOOD).encode(),
    ]
    file.write_bytes(b"\n".join(lines))
    dataset = read_dataset(file)
    assert len(dataset.rows) == 2
    assert dataset.problems == ("data.jsonl, line 2, row: expected UTF-8 text, got other bytes",)


def test_byte_order_mark_carriage_returns_and_blank_lines(tmp_path):
    file = tmp_path / "data.jsonl"
    file.write_bytes(
        b"\xef\xbb\xbf"
        + json.dumps(GOOD).encode()
        + b"\r\n\r\n"
        + json.dumps({**GOOD, "chosen": ""}).encode()
        + b"\r\n"
    )
    dataset = read_dataset(file)
    assert len(dataset.rows) == 1
    assert dataset.problems[0].startswith("data.jsonl, line 3, chosen")


def test_line_separators_inside_a_text_end_no_line(tmp_path):
    assert only(jsonl(tmp_path / "a.jsonl", {**GOOD, "chosen": "a\u2028b\x85c"})).texts[0] == "a\u2028b\x85c"


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_file(tmp_path, suffix, content):
    file = tmp_path / f"data{suffix}"
    file.write_bytes(content)
    with pytest.raises(DataError, match="no row could be read: the file is empty"):
        read_dataset(file)


def test_empty_parquet_file(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"chosen": pyarrow.array([], pyarrow.string())}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="no row could be read: the file is empty"):
        read_dataset(tmp_path / "a.parquet")


def test_no_good_row_tells_the_first_problem(tmp_path):
    with pytest.raises(DataError, match="no row could be read; first problem: a.jsonl, line 1, chosen: missing"):
        read_dataset(jsonl(tmp_path / "a.jsonl", without(GOOD, "chosen"), without(GOOD, "chosen")))


def test_unknown_form(tmp_path):
    with pytest.raises(DataError, match="fields: expected those of one of pairs, rankings.*got 'question, answer'"):
        read_dataset(jsonl(tmp_path / "a.jsonl", {"question": "Why?", "answer": "So."}))


def test_no_such_file_and_unknown_file_type(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_dataset(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="no such file"):
        read_dataset(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match=r"unknown file type '.txt'; legal: .csv, .jsonl, .parquet"):
        read_dataset(tmp_path / "a.txt")


# ------------------------------------------------------------------------------------------------------ CSV, Parquet
def test_csv_rows_that_are_bad(tmp_path):
    file = tmp_path / "data.csv"
    file.write_bytes(
        b"\xef\xbb\xbfprompt,chosen,rejected\r\n"
        b"Why?,Yes.\r\n"
        b'Why?,"Yes,\r\nreally.",No.\r\n'
        b"Why?,,No.\r\n"
        b"\r\n"
        b"Why?,Yes.,No.,more\r\n"
        b"Why?,\xff,No.\r\n"
        b"Why?,Good.,No.\r\n"
    )
    dataset = read_dataset(file)
    assert [row.texts[0] for row in dataset.rows] == ["Yes,\r\nreally.", "Good."]
    assert dataset.problems == (
        "data.csv, line 2, row: expected 3 cells, as in the heading, got 2",
        "data.csv, line 5, chosen: expected a non-empty string, got ''",
        "data.csv, line 7, row: expected 3 cells, as in the heading, got 4",
        "data.csv, line 8, row: expected UTF-8 text, got other bytes",
    )


def test_csv_with_a_broken_quotation_is_read_up_to_it(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text('prompt,chosen,rejected\nWhy?,Yes.,No.\nWhy?,"Yes" he said,No.\nWhy?,Yes.,No.\n')
    dataset = read_dataset(file)
    assert len(dataset.rows) == 1
    (problem,) = dataset.problems
    assert problem.startswith("data.csv, line 3, row: expected CSV")
    assert problem.endswith("nothing after this line could be read")


def test_csv_answer_that_happens_to_be_json_stays_text(tmp_path):
    file = saved(tmp_path, ".csv", [{"prompt": "[1]", "chosen": "[1, 2]", "rejected": '{"a": 1}'}])
    assert only(file).texts == ("[1, 2]", '{"a": 1}')
    assert only(file).prompt[0]["content"] == "[1]"


def test_csv_heading_with_a_name_twice(tmp_path):
    (tmp_path / "a.csv").write_text("prompt,chosen,chosen\nWhy?,a,b\n")
    with pytest.raises(DataError, match="line 1: expected a heading of different column names, got 'chosen' twice"):
        read_dataset(tmp_path / "a.csv")


def test_not_a_parquet_file(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(DataError, match="a.parquet: not a Parquet file that can be read"):
        read_dataset(tmp_path / "a.parquet")


def test_parquet_problems_count_rows(tmp_path):
    file = saved(tmp_path, ".parquet", [GOOD, {**GOOD, "chosen": None}])
    assert read_dataset(file).problems[0].startswith("data.parquet, row 2, chosen: missing")


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
