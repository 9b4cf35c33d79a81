"""What a row may leave out, and what must not pass in silence: names, keys, prompts and quotations that do not fit."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from rmaudit.datasets import Dataset, read_dataset
from rmaudit.errors import DataError
from rmaudit.row_files import read_rows

USER = {"role": "user", "content": "Why?"}
OTHER = {"role": "user", "content": "How?"}
SYSTEM = {"role": "system", "content": "Be short."}
YES = {"role": "assistant", "content": "Yes."}
NO = {"role": "assistant", "content": "No."}
GOOD = {"prompt": "Why?", "chosen": "Yes.", "rejected": "No."}


def written(folder: Path, text: str, suffix: str = ".csv") -> Path:
    file = folder / f"data{suffix}"
    file.write_bytes(text.encode("utf-8"))
    return file


def from_csv(folder: Path, text: str) -> Dataset:
    return read_dataset(written(folder, text))


def from_rows(folder: Path, *rows: Any) -> Dataset:
    return read_dataset(written(folder, "\n".join(json.dumps(row) for row in rows), ".jsonl"))


# --------------------------------------------------------------------------------------------------- broken quotations
HEADING = "prompt,chosen,rejected\n"
ROWS = "p,c1,r\np,c2,r\np,c3,r\n"


@pytest.mark.parametrize(
    "broken",
    [
        'p,"a"x,b\n',
        'p,"a" he said,b\n',
        'p,"a,b\n',  # never closed: on its own, it would take all that follows
        'p,a,"\n',
        'p,"a ""b,c\n',
    ],
)
def test_one_broken_quotation_costs_one_row(tmp_path: Path, broken: str) -> None:
    dataset = from_csv(tmp_path, HEADING + "p,c0,r\n" + broken + ROWS)
    assert [row.texts[0] for row in dataset.rows] == ["c0", "c1", "c2", "c3"]
    (problem,) = dataset.problems
    assert problem.startswith(
        "data.csv, line 3, row: expected a cell with a comma, quote or line break in quotes, and quotes within it "
        "doubled, got "
    )
    assert problem.endswith("; read on from the next line")


def test_quoted_rows_after_a_broken_quotation_are_read(tmp_path: Path) -> None:
    later = 'p,"c ""1"",\nmore",r\np,,r\np,c,r,s\np,c2,r\n'
    dataset = from_csv(tmp_path, HEADING + 'p,"a"x,b\n' + later)
    assert [row.texts[0] for row in dataset.rows] == ['c "1",\nmore', "c2"]
    assert [problem.split(", ")[1] for problem in dataset.problems] == ["line 2", "line 5", "line 6"]
    assert dataset.problems[2].endswith("row: expected 3 cells, as in the heading, got 4")


def test_the_rest_of_a_broken_record_makes_up_no_row(tmp_path: Path) -> None:
    dataset = from_csv(tmp_path, HEADING + 'p,"He said "no"\nthen x,left",r\n' + ROWS)
    assert [row.texts[0] for row in dataset.rows] == ["c1", "c2", "c3"]
    assert [problem.split(", ")[1] for problem in dataset.problems] == ["line 2", "line 3"]
    assert "got a quote without its partner, below a quotation that is broken" in dataset.problems[1]


def test_many_broken_quotations_are_told_one_by_one(tmp_path: Path) -> None:
    dataset = from_csv(tmp_path, HEADING + ('p,"a,b\n' + "p,c,r\n") * 500)
    assert len(dataset.rows) == len(dataset.problems) == 500


def test_a_quote_inside_a_cell_without_quotes_is_text(tmp_path: Path) -> None:
    assert from_csv(tmp_path, HEADING + 'p,a 5" pipe,r\n').rows[0].texts[0] == 'a 5" pipe'


def test_a_heading_with_a_broken_quotation(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1: expected a heading of column names; row: expected a cell"):
        from_csv(tmp_path, '"prompt"s,chosen,rejected\n' + ROWS)


def test_a_long_cell_is_read_and_the_limit_of_the_process_is_left_alone(tmp_path: Path) -> None:
    before = csv.field_size_limit(1000)
    try:
        for place, row in read_rows(written(tmp_path, HEADING + f"p,{'a' * 200_000},r\n" + ROWS)):
            assert isinstance(row, dict), place
            assert csv.field_size_limit() == 1000
    finally:
        csv.field_size_limit(before)


def test_a_heading_alone_is_not_an_empty_file(tmp_path: Path) -> None:
    told = r"expected a heading and rows below it, got a heading \('prompt, chosen, rejected'\) and no rows"
    with pytest.raises(DataError, match=told):
        from_csv(tmp_path, "\n" + HEADING + "\n")


# ----------------------------------------------------------------------------------------------------- the file's form
def test_a_row_that_cannot_be_read_decides_no_form(tmp_path: Path) -> None:
    bad = {"prompt": "Why?", "responses": ["a"]}
    dataset = from_rows(tmp_path, bad, GOOD, {**GOOD, "chosen": "Yes!"})
    assert (dataset.kind, len(dataset.rows)) == ("pairs", 2)
    assert dataset.problems[0].startswith("data.jsonl, line 1, responses: expected a list of two or more answers")


# ------------------------------------------------------------------------------------------------------ left-out labels
@pytest.mark.parametrize("text", ["text,paraphrase,label\nx,y,\n", "text,paraphrase,label\nx,y,1\n"])
def test_an_empty_label_is_left_out(tmp_path: Path, text: str) -> None:
    dataset = from_csv(tmp_path, text)
    assert (dataset.problems, dataset.rows[0].label) == ((), 1)


def test_a_null_label_is_left_out(tmp_path: Path) -> None:
    table = pyarrow.table({"text": ["x", "x"], "paraphrase": ["y", "z"], "label": pyarrow.array([None, 0])})
    pyarrow.parquet.write_table(table, tmp_path / "data.parquet")
    assert [row.label for row in read_dataset(tmp_path / "data.parquet").rows] == [1, 0]
    assert from_rows(tmp_path, {"text": "x", "paraphrase": "y", "label": None}).rows[0].label == 1


# --------------------------------------------------------------------------------------------------------------- names
@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("prompt, Chosen ,rejected", "rename ' Chosen ' to 'chosen'"),
        ("prompt,Chosen,Rejected", "rename 'Chosen' to 'chosen'"),
        ("prompt,choosen,rejected", "rename 'choosen' to 'chosen'"),
        ("Prompt,chosen,rejected", "rename 'Prompt' to 'prompt'"),
        ("text,paraphrase,Label", "rename 'Label' to 'label'"),
        ("prompt,response_a,reponse_b", "rename 'reponse_b' to 'response_b'"),
    ],
)
def test_a_name_with_blanks_case_or_a_slip_gets_a_hint(tmp_path: Path, heading: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        from_csv(tmp_path, f"{heading}\na,b,0\n")
    assert str(caught.value).endswith(told)


def test_a_misspelled_field_that_may_be_left_out_is_not_lost_in_silence(tmp_path: Path) -> None:
    ranked = {"prompt": "Why?", "responses": ["a", "b"]}
    dataset = from_rows(tmp_path, {**ranked, "ranks": [0, 1]}, {**ranked, "Ranks ": [0, 1]})
    assert len(dataset.rows) == 1
    told = "data.jsonl, line 2, fields: expected the names as documented; rename 'Ranks ' to 'ranks'"
    assert dataset.problems == (told,)


def test_other_columns_are_the_users_own(tmp_path: Path) -> None:
    row = {**GOOD, "Text": "x", "ID": 3, "Chosen": "old", "Score": 1, "prompts": 2}
    assert from_rows(tmp_path, row).problems == ()


# ---------------------------------------------------------------------------------------------------------------- keys
@pytest.mark.parametrize(
    ("suffix", "text", "told"),
    [
        (".jsonl", '{"prompt":"p","chosen":"a","chosen":"b","rejected":"c"}\n', "got 'chosen' twice"),
        (
            ".jsonl",
            '{"chosen":[{"role":"user","content":"a","content":"b"}],"rejected":"c"}\n',
            "got 'content' twice",
        ),
        (".csv", HEADING + '"[{""role"":""user"",""role"":""user"",""content"":""x""}]",a,b\n', "got 'role' twice"),
    ],
)
def test_a_key_that_stands_twice_is_a_problem(tmp_path: Path, suffix: str, text: str, told: str) -> None:
    good = json.dumps(GOOD) + "\n" if suffix == ".jsonl" else "p,a,b\n"
    dataset = read_dataset(written(tmp_path, text + good, suffix))
    assert len(dataset.rows) == 1
    (problem,) = dataset.problems
    assert f"row: expected every key of an object once, {told}" in problem


# ------------------------------------------------------------------------------------ prompts beside full conversations
@pytest.mark.parametrize(
    ("prompt", "before"),
    [
        ("Why?", [USER]),
        (" Why?\n", [SYSTEM, USER]),
        ("", [USER]),
        (None, [USER]),
        ([], [USER]),
        ("Why?", [USER, NO, OTHER]),
        ("How?", [USER, NO, OTHER]),
        ([USER], [SYSTEM, USER]),
        ([USER], [USER, NO, OTHER]),
        ([SYSTEM, USER], [SYSTEM, USER]),
    ],
)
def test_a_prompt_that_stands_in_the_conversations_is_fine(tmp_path: Path, prompt: Any, before: Any) -> None:
    dataset = from_rows(tmp_path, {"prompt": prompt, "chosen": [*before, YES], "rejected": [*before, NO]})
    assert dataset.problems == ()
    assert list(dataset.rows[0].prompt) == before


@pytest.mark.parametrize("prompt", ["Other", [OTHER], [SYSTEM, USER]])
def test_a_prompt_that_contradicts_the_conversations(tmp_path: Path, prompt: Any) -> None:
    row = {"prompt": prompt, "chosen": [USER, YES], "rejected": [USER, NO]}
    dataset = from_rows(tmp_path, row, GOOD)
    assert len(dataset.rows) == 1
    assert dataset.problems[0].startswith(
        "data.jsonl, line 1, prompt: expected none beside full conversations, or one of theirs, got another than in "
        "chosen: "
    )
