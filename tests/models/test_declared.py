"""What a user says of a model, checked before anything is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rmaudit import errors
from rmaudit.models import Declared, load_reward_model
from tests.models.conftest import Saved


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"family": 3}, "family: expected a text, got 3"),
        ({"family": ""}, "family: expected a text, got ''"),
        ({"position": "lsat"}, "unknown position 'lsat'; did you mean 'last'"),
        ({"position": 0}, "position: expected a text, got 0"),
        ({"aggregate": "max"}, "unknown aggregate 'max'"),
        ({"step_token": ""}, "step_token: expected a text, got ''"),
        ({"judge_tokens": "ab"}, r"judge_tokens: expected two different ones in a tuple.*got 'ab'"),
        ({"judge_tokens": ("Yes", "Yes")}, "judge_tokens: expected two different ones"),
        ({"judge_tokens": ("Yes", "")}, "judge_tokens: expected two different ones"),
        ({"judge_tokens": (1, 2)}, "judge_tokens: expected two different ones"),
        ({"judge_tokens": ("a", "b", "c")}, "judge_tokens: expected two different ones"),
        ({"head_output": True}, "head_output: expected a whole number, or a tuple"),
        ({"head_output": 0.5}, "head_output: expected a whole number, or a tuple"),
        ({"head_output": "0"}, "head_output: expected a whole number, or a tuple"),
        ({"head_output": ("a",)}, "head_output: expected a whole number, or a tuple"),
        ({"normalise": 1}, "normalise: expected True or False, got 1"),
    ],
)
def test_what_makes_no_sense(said: dict[str, Any], told: str, saved: Saved) -> None:
    with pytest.raises(errors.UsageError, match=told):
        load_reward_model(saved("llama"), **said)


def test_an_option_that_does_not_exist(saved: Saved) -> None:
    with pytest.raises(errors.UsageError, match="unknown option 'dtpye'; did you mean 'dtype'"):
        load_reward_model(saved("llama"), dtpye="float32")
    with pytest.raises(errors.UsageError, match="unknown option 'allow_remote'; did you mean 'allow_remote_code'"):
        load_reward_model(saved("llama"), allow_remote=True)


def test_lists_and_paths_are_read_as_meant() -> None:
    assert Declared(judge_tokens=("Yes", "No")).said() == {"judge_tokens": ("Yes", "No")}
    assert Declared(head_output=0).said() == {"head_output": 0}
    assert Declared().said() == {}


def test_a_family_file_given_as_a_path(tmp_path: Path, saved: Saved) -> None:
    with pytest.raises(errors.UsageError, match=r"mine\.py: no such file"):
        load_reward_model(saved("llama"), family=tmp_path / "mine.py")


def test_the_fingerprint_knows_the_code_of_a_family(tmp_path: Path, saved: Saved) -> None:
    code = (
        "from rmaudit.models import HeadFamily, LinearHead, Part\n"
        "FAMILY = HeadFamily(name='mine', title='mine', kind='linear', parts={'weight': Part('score.weight', '1 width')},\n"
        "    head=lambda tensors, given: LinearHead(tensors))\n"
    )
    first, second = tmp_path / "a" / "mine.py", tmp_path / "b" / "mine.py"
    for file, text in ((first, code), (second, code.replace("LinearHead(tensors)", "LinearHead(tensors, (2.0,))"))):
        file.parent.mkdir()
        file.write_text(text)
    one, two = (load_reward_model(saved("llama"), family=file) for file in (first, second))
    assert one.fingerprint != two.fingerprint
    assert one.fingerprint == load_reward_model(saved("llama"), family=str(first)).fingerprint
    assert one.fingerprint != load_reward_model(saved("llama")).fingerprint
