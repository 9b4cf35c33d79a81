"""How arguments are read, and what of them goes into the record."""

from __future__ import annotations

import dataclasses
import inspect
import io
import sys
from pathlib import Path

import pytest

from rmaudit import cli
from rmaudit.arguments import command, expanded
from rmaudit.errors import UsageError
from rmaudit.loading_options import OPTIONS, understood
from rmaudit.models import Declared, load_implicit_reward, load_reward_model


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["audit", "m", "--data", "a", "b"], ["audit", "m", "--data", "a", "--data", "b"]),
        (
            ["audit", "m", "--data", "a", "b", "--seed", "1"],
            ["audit", "m", "--data", "a", "--data", "b", "--seed", "1"],
        ),
        (["audit", "m", "--probes", "x,y", "z"], ["audit", "m", "--probes", "x,y", "--probes", "z"]),
        (["audit", "m", "--data=a", "--json"], ["audit", "m", "--data=a", "--json"]),
        (["audit", "--data"], ["audit", "--data"]),
        (["gate", "run", "--policy", "p"], ["gate", "run", "--policy", "p"]),
        ([], []),
    ],
)
def test_options_that_take_several_values(given: list[str], read: list[str]) -> None:
    assert expanded(given) == read


def test_the_recorded_command_leaves_out_where_files_go() -> None:
    assert command(["audit", "my model", "--out", "a", "--seed", "1"]) == "rmaudit audit 'my model' --seed 1"
    assert command(["audit", "m", "--out=a", "--seed", "1"]) == "rmaudit audit m --seed 1"


def test_an_argument_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="no UTF-8"):
        expanded(["audit", "caf\udce9"])


def test_a_chat_template_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.jinja").write_bytes("é".encode("latin-1"))
    (tmp_path / "good.jinja").write_text("{{ 'é' }}", encoding="utf-8")
    for name, told in (("latin.jinja", "in UTF-8, got other bytes"), ("none", "no such file"), (".", "cannot be read")):
        with pytest.raises(UsageError, match=told):
            understood({"chat_template": tmp_path / name})
    assert understood({"chat_template": tmp_path / "good.jinja"}) == {"chat_template": "{{ 'é' }}"}


def test_options_of_a_checkpoint_as_load_takes_them() -> None:
    assert understood({name: default for name, (_, default) in OPTIONS.items()}) == {}
    assert understood({"head_output": "1", "judge_tokens": "Yes,No", "normalise": True}) == {
        "head_output": 1, "judge_tokens": ("Yes", "No"), "normalise": True
    }  # fmt: skip
    assert understood({"head_output": "0.5,-1"}) == {"head_output": (0.5, -1.0)}
    assert understood({"device_map": '{"": "cpu"}'}) == {"device_map": {"": "cpu"}}
    assert understood({"device_map": "auto"}) == {"device_map": "auto"}
    for wrong in ({"head_output": "first"}, {"head_output": "1,x"}, {"device_map": "{x"}):
        with pytest.raises(UsageError, match=f"--{next(iter(wrong)).replace('_', '-')}.*expected"):
            understood(wrong)


def test_every_option_of_load_can_be_typed() -> None:
    """The declared entries, the parameters of `load_reward_model` and of `load_implicit_reward`, and nothing else."""
    given = {"path", "policy", "options", "declared", "families"}
    known = {entry.name for entry in dataclasses.fields(Declared)}
    for function in (load_reward_model, load_implicit_reward):
        known |= inspect.signature(function).parameters.keys() - given
    assert OPTIONS.keys() == known


@pytest.mark.parametrize("traced", [False, True])
def test_what_nobody_foresaw_is_one_line_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], traced: bool
) -> None:
    def fail(**_: object) -> None:
        raise KeyError("no\nsuch thing")

    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setattr(sys, "argv", ["rmaudit", "probes"])
    monkeypatch.setenv(cli.TRACEBACK, "1" if traced else "")
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    told = capsys.readouterr().err
    assert stopped.value.code == 2
    assert told.startswith("rmaudit: error: internal error, KeyError: ")
    assert "RMAUDIT_TRACEBACK=1" in told
    assert ("Traceback" in told) == traced
    assert traced or told.count("\n") == 1


def test_a_terminal_that_cannot_show_a_character_costs_no_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "argv", ["rmaudit", "probes"])
    monkeypatch.setattr(cli, "app", lambda **_: print("\N{MINUS SIGN}0.13 \N{BLACK UP-POINTING TRIANGLE} é"))
    cli.main()
    stdout.seek(0)
    assert stdout.read() == "\\u22120.13 \\u25b2 é\n"
