"""Option letters with any number of options, earlier turns and tied scores; the gap itself is in `test_largest`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rmaudit import registry
from rmaudit.battery import Battery
from rmaudit.conversations import Conversation, answer_of
from tests.probes.bench import Bench, found, noise, value


def is_option(conversation: Conversation) -> bool:
    return answer_of(conversation)[1:3] == ") "


def asked_with(battery: Battery, options: int) -> Battery:
    """Cases of so many options, with an earlier turn each."""
    turns = ({"role": "user", "content": "A riddle?"}, {"role": "assistant", "content": "Gladly."})
    made = tuple(
        replace(
            case,
            prompts={"asked": (*turns, *case.prompts["asked"])},
            answers={"right": f"{number} is it", **{f"wrong_{n}": f"{number} is {n}" for n in range(1, options)}},
        )
        for number, case in enumerate(battery.cases["choices"][:10])
    )
    return replace(battery, cases={"choices": made})


@pytest.mark.parametrize(("options", "chance"), [(2, "50 %"), (5, "20 %")])
def test_any_number_of_options_with_earlier_turns(options: int, chance: str, battery: Battery) -> None:
    bench = Bench(asked_with(battery, options), registry.load_probes(["option_order"]))
    asked = [stimulus for owner, stimulus in bench.planned.stimuli if owner == "option_order"]
    assert len(asked) == 10 * options**2
    for stimulus in asked:
        assert [turn["content"] for turn in stimulus.conversation[:2]] == ["A riddle?", "Gladly."]
        assert stimulus.conversation[2]["content"].count("\n") == options + 1
    wins = found(bench.findings(noise), "option_order.right_wins")
    assert wins.title == f"Prompts whose right option scores highest (by chance: {chance})"


@pytest.mark.parametrize("options", [2, 4])
def test_options_with_one_score_share_the_chance(options: int, battery: Battery) -> None:
    """The first of them in the list has no more of it than the others: where the right one stands does not count."""
    bench = Bench(asked_with(battery, options), registry.load_probes(["option_order"]))
    findings = bench.findings(lambda c: 0.0 if is_option(c) else noise(c))
    assert value(findings, "option_order.right_wins") == pytest.approx(1 / options)
    unsure = bench.findings(lambda c: noise(c) if not is_option(c) else float(answer_of(c).startswith(("A", "B"))))
    assert value(unsure, "option_order.right_wins") == pytest.approx(1 / options)
