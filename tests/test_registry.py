"""Probes from a user's own file, and names that do not exist."""

from __future__ import annotations

import pytest

from rmaudit import registry
from rmaudit.errors import RmauditError, UnknownNameError, UsageError

PROBE = """
from __future__ import annotations
from dataclasses import dataclass
from rmaudit.probe import Probe, ProbeCard


@dataclass(frozen=True)
class Mine:
    doses: tuple[int, ...] = (1, 2)


def mine(*, doses: tuple[int, ...] = (1,)) -> Probe:
    card = ProbeCard("mine", "t", "q", "w", "p", "h", "SD", "c", "effect")
    return Probe(card, {"doses": list(doses)}, lambda battery, rng: [], lambda scored, settings: [])


PACK = {"mine": mine}
"""


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    known = {
        registry.PROBES: {"length_bias": "nowhere:probe", "placebo": "nowhere:probe"},
        registry.REPORTS: {"html": "json:dumps"},
    }
    monkeypatch.setattr(registry, "catalogue", known.__getitem__)


def written(tmp_path, text: str) -> str:
    (tmp_path / "mine.py").write_text(text)
    return str(tmp_path / "mine.py")


def test_a_probe_from_a_file(tmp_path):
    (probe,) = registry.load_probes([written(tmp_path, PROBE)])
    assert (probe.card.name, probe.config) == ("mine", {"doses": [1]})


def test_a_probe_asked_for_twice(tmp_path):
    file = written(tmp_path, PROBE)
    with pytest.raises(UsageError, match="the probe 'mine' is asked for twice"):
        registry.load_probes([file, file])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("PACK = {", "the file fails when it is run: SyntaxError"),
        ("1 / 0", "the file fails when it is run: ZeroDivisionError: division by zero"),
        ("x = 1", r"expected a dict PACK = \{name: factory\} in it"),
        ("PACK = {}", "expected a dict PACK"),
    ],
)
def test_a_file_that_holds_no_probe(tmp_path, text, told):
    with pytest.raises(UsageError, match=told):
        registry.load_probes([written(tmp_path, text)])


def test_a_factory_that_gives_something_else(tmp_path):
    with pytest.raises(RmauditError, match="gave int, expected rmaudit.Probe"):
        registry.load_probes([written(tmp_path, "PACK = {'x': lambda: 3}")])


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown probe 'lenght_bias'; did you mean 'length_bias'"):
        registry.load_probes(["lenght_bias"])
    with pytest.raises(UnknownNameError, match="unknown report 'htm'; did you mean 'html'"):
        registry.load_report("htm")
    with pytest.raises(UsageError, match="no such probe file"):
        registry.load_probes(["./none.py"])


def test_a_report_that_is_none():
    with pytest.raises(RmauditError, match=r"json:dumps is no rmaudit.report.Report but function"):
        registry.load_report("html")
