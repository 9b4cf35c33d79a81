"""How arguments are read, and what of them goes into the record."""

from __future__ import annotations

import pytest

from rmaudit.cli import _command, _expanded


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
    assert _expanded(given) == read


def test_the_recorded_command_leaves_out_where_files_go() -> None:
    assert _command(["audit", "my model", "--out", "a", "--seed", "1"]) == "rmaudit audit 'my model' --seed 1"
    assert _command(["audit", "m", "--out=a", "--seed", "1"]) == "rmaudit audit m --seed 1"
